//! What is said beneath a moment: points 14 to 18 and 22.
