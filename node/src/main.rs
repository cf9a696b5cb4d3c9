mod api;
mod app;
mod config;
mod error;
mod home;
mod limits;
mod media;
mod os;
mod tokens;
mod web;
mod when;

fn main() {}
