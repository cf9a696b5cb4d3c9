//! Friends who come, go and come back: points 11, 12 and 18.
