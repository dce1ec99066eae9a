//! `cargo xtask ci`: the checks that a change has to pass, apart from the tests.

use std::{env, process::Command};

use anyhow::{Result, bail};

use crate::{codegen, instructions, root, tidy};

/// The arguments of cargo for each check.
const CHECKS: [&[&str]; 3] = [
    &["fmt", "--all", "--check"],
    &[
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ],
    &["doc", "--workspace", "--no-deps"],
];

/// Runs the checks, cheap ones first. Stops at the first one that fails.
pub fn run() -> Result<()> {
    tidy::run()?;
    codegen::Args {
        check: true,
        from: None,
        to: None,
        diff: Vec::new(),
    }
    .run()?;
    for arguments in CHECKS {
        cargo(arguments)?;
    }
    instructions::Args::default().run()
}

fn cargo(arguments: &[&str]) -> Result<()> {
    let status = Command::new(env!("CARGO"))
        .args(arguments)
        .env("RUSTDOCFLAGS", "-D warnings")
        .current_dir(root())
        .status()?;
    if !status.success() {
        bail!("`cargo {}` failed", arguments.join(" "));
    }
    Ok(())
}
