//! `cargo xtask`: the tasks of this repository, each in a file of its own.

use clap::Parser;
use xtask::{bench, ci, codegen, interop, new_sink};

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "Tasks of this repository.")]
enum Task {
    Bench(bench::Args),
    Codegen(codegen::Args),
    /// Checks what a change has to pass beside the tests: format, lints, docs, edges between
    /// crates, generated code.
    Ci,
    /// Checks what needs Python: published readers of our files, published clients of the API,
    /// and a server that shares no line with this workspace.
    Interop,
    NewSink(new_sink::Args),
}

fn main() -> anyhow::Result<()> {
    match Task::parse() {
        Task::Bench(args) => args.run(),
        Task::Codegen(args) => args.run(),
        Task::Ci => ci::run(),
        Task::Interop => interop::run(),
        Task::NewSink(args) => args.run(),
    }
}
