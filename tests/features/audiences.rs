//! Who sees what: points 8 to 13 and 19.
