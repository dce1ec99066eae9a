//! `cargo xtask`: the tasks of this repository, one file each.

use clap::Parser;
use xtask::{bench, ci, codegen, instructions, interop, new_sink, soak};

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "Tasks of this repository.")]
enum Task {
    Bench(bench::Args),
    Codegen(codegen::Args),
    /// Runs the checks that a change has to pass, apart from the tests: format, lints, docs,
    /// dependencies between crates, generated code.
    Ci,
    Instructions(instructions::Args),
    /// Runs the checks that need Python: published readers of our files, published clients of the
    /// API, and a server that shares no code with this workspace.
    Interop,
    NewSink(new_sink::Args),
    /// Runs the tests that take minutes each, which `cargo test` leaves out.
    Soak,
}

fn main() -> anyhow::Result<()> {
    match Task::parse() {
        Task::Bench(args) => args.run(),
        Task::Codegen(args) => args.run(),
        Task::Ci => ci::run(),
        Task::Instructions(args) => args.run(),
        Task::Interop => interop::run(),
        Task::NewSink(args) => args.run(),
        Task::Soak => soak::run(),
    }
}
