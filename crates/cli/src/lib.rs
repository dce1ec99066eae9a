//! The command line of fortilake, as a library so that a custom build is three lines.
//!
//! A build with a sink of one's own names the sink's crate, so that it is linked, and calls
//! [`main`]:
//!
//! ```no_run
//! // use my_sink as _;
//! fn main() -> std::process::ExitCode {
//!     fortilake::main()
//! }
//! ```
//!
//! This crate parses, resolves and prints; it alone touches standard output and error, the
//! environment, signals and the exit status. What there is to know about crawling is in
//! [`fortilake_crawler`].

mod args;
mod baseline;
mod commands;
mod config;
mod connect;
mod console;
mod exit;
mod logging;
mod progress;
mod session;
mod signals;
mod sinks;
mod summary;

use std::process::ExitCode;

use clap::Parser;

use crate::{
    args::{Cli, Command},
    console::Console,
    exit::Code,
};

/// Runs the command line and says how it ended.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers, anything else is a mistake; clap knows where each goes.
            let code = if error.use_stderr() {
                Code::NotStarted
            } else {
                Code::Complete
            };
            let _ = error.print();
            return code.into();
        }
    };
    let console = Console::new();
    logging::start(cli.log_format, cli.verbose, console);
    let result = match cli.command {
        Command::Crawl(args) => commands::crawl::run(&args, console),
        Command::Plan(args) => commands::plan::run(&args, console),
        Command::Check(args) => commands::check::run(&args, console),
        Command::Crawls(args) => commands::crawls::run(&args, console),
        Command::Replay(args) => commands::replay::run(&args, console),
        Command::Call(args) => commands::call::run(&args, console),
        Command::Product(action) => commands::product::run(&action, console),
        Command::License(action) => commands::license::run(&action, console),
        Command::Contract(action) => commands::contract::run(&action, console),
        Command::Folder(action) => commands::folder::run(&action, console),
        Command::Service(action) => commands::service::run(&action, console),
        Command::Ou(action) => commands::ou::run(&action, console),
        Command::Account(action) => commands::account::run(&action, console),
        Command::Portal(action) => commands::portal::run(&action, console),
        Command::Ftm(action) => commands::ftm::run(&action, console),
        Command::Sinks(args) => commands::sinks::run(&args, console),
        Command::Tables(args) => commands::tables::run(&args, console),
        Command::Decode(args) => commands::decode::run(&args, console),
        Command::Simulate(args) => commands::simulate::run(&args, console),
    };
    match result {
        Ok(code) => code.into(),
        Err(failure) => {
            console.note(&exit::render(&failure));
            failure.code.into()
        }
    }
}
