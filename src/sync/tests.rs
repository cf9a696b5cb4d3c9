//! Stories and properties of two and more sessions.

mod converge;
mod elsewhere;
mod groups;
mod hostile;
mod matching;
mod resume;
mod transfer;
