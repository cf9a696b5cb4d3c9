//! Stories and properties of two and more sessions.

mod converge;
mod hostile;
mod matching;
mod resume;
mod transfer;
