//! The command line of fortilake, as a library for custom builds.
//!
//! To build a binary with your own sink, depend on the sink's crate, mention it so that the linker
//! keeps it, and call [`main`]:
//!
//! ```no_run
//! // use my_sink as _;
//! fn main() -> std::process::ExitCode {
//!     fortilake::main()
//! }
//! ```
//!
//! Only this crate uses standard output and error, the environment, signals and the exit status.
//! The crawling itself is in [`fortilake_crawler`].

mod again;
mod args;
mod baseline;
mod commands;
mod config;
mod connect;
mod console;
#[cfg(test)]
mod docs;
mod exit;
mod logging;
mod metrics;
mod organization;
mod progress;
mod record;
mod replace;
mod session;
mod signals;
mod sinks;
mod source_usage;
mod summary;
mod text_file;
mod time;
mod traces;

use std::process::ExitCode;

use clap::Parser;

use crate::{
    args::{Cli, Command, LogFormat},
    console::Console,
    exit::Code,
    traces::Traces,
};

/// Runs the command line of this process and returns its exit code.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // For clap, `--help` and `--version` are errors, too. It knows that they are printed to
            // standard output, and usage errors to standard error.
            let code = if error.use_stderr() {
                Code::NotStarted
            } else {
                Code::Complete
            };
            let format = LogFormat::among(std::env::args_os());
            if code == Code::NotStarted && format == LogFormat::Json {
                let console = Console::new(format, false);
                console.usage_error(&error.render().to_string());
            } else {
                let _ = error.print();
            }
            if code == Code::NotStarted {
                commands::crawl::write_usage_error(&std::env::args_os().collect::<Vec<_>>());
            }
            return code.into();
        }
    };
    let console = Console::new(cli.log_format, cli.quiet);
    let name = cli.command.span_name();
    let traces = match Traces::start(cli.otlp_endpoint.as_ref(), name.is_some()) {
        Ok(traces) => traces,
        Err(failure) => {
            console.failure(&failure);
            commands::crawl::write_usage_error(&std::env::args_os().collect::<Vec<_>>());
            return failure.code.into();
        }
    };
    logging::start(cli.log_format, cli.verbose, console, traces.layer());
    let span = traces.root(name.unwrap_or_default());
    let result = span.in_scope(|| run(cli.command, console));
    let code = match &result {
        Ok(code) => *code,
        Err(failure) => {
            console.failure(failure);
            failure.code
        }
    };
    traces.end(span, &result, console);
    code.into()
}

fn run(command: Command, console: Console) -> exit::Result {
    match command {
        Command::Crawl(args) => commands::crawl::run(&args, console),
        Command::Plan(args) => commands::plan::run(&args, console),
        Command::Check(args) => commands::check::run(&args, console),
        Command::Crawls(args) => commands::crawls::run(&args, console),
        Command::Replay(args) => commands::replay::run(&args, console),
        Command::Snapshots(args) => commands::snapshots::run(&args, console),
        #[cfg(feature = "history")]
        Command::Changes(args) => commands::changes::run(&args, console),
        #[cfg(feature = "history")]
        Command::Renewals(args) => commands::renewals::run(&args, console),
        #[cfg(feature = "history")]
        Command::History(args) => commands::history::run(&args, console),
        #[cfg(feature = "history")]
        Command::Report(args) => commands::report::run(&args, console),
        Command::Call(args) => commands::call::run(&args, console),
        Command::Product(action) => commands::product::run(&action, console),
        Command::License(action) => commands::license::run(&action, console),
        Command::Contract(action) => commands::contract::run(&action, console),
        Command::Folder(action) => commands::folder::run(&action, console),
        Command::Service(action) => commands::service::run(&action, console),
        Command::Ou(action) => commands::ou::run(&action, console),
        Command::Account(action) => commands::account::run(&action, console),
        Command::Accounts(args) => commands::account::all(&args, console),
        Command::Portal(action) => commands::portal::run(&action, console),
        Command::Ftm(action) => commands::ftm::run(&action, console),
        Command::Sinks(args) => commands::sinks::run(&args, console),
        Command::Tables(args) => commands::tables::run(&args, console),
        Command::Decode(args) => commands::decode::run(&args, console),
        Command::Simulate(args) => commands::simulate::run(&args, console),
        Command::Config(action) => commands::config::run(&action, console),
        Command::Completions(args) => commands::manual::completions(&args, console),
        Command::Man(args) => commands::manual::page(&args, console),
    }
}
