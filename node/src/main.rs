//! The program `tidings`: a personal node, its command line, its local API and its web app.

mod album;
mod api;
mod app;
mod bench;
mod cli;
mod config;
mod error;
mod home;
mod limits;
mod links;
mod media;
mod os;
mod report;
mod run;
mod testnet;
mod text;
mod tokens;
mod web;
mod when;

fn main() -> std::process::ExitCode {
    cli::main()
}
