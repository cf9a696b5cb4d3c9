//! What a node refuses and lives on: a second one on its home, and a post for which the disk has no room.
