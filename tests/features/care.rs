//! Caring for moments: points 20 to 25.
