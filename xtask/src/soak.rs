//! `cargo xtask soak`: the tests that take minutes each.

use std::process::Command;

use anyhow::{Result, ensure};

use crate::root;

/// Runs the tests that `cargo test` leaves out: two hundred kills, twenty thousand accounts, and
/// copies of the workspace that are changed and built.
///
/// A short form of each runs with the other tests, so what they guard is never unguarded.
pub fn run() -> Result<()> {
    let status = Command::new(env!("CARGO"))
        .args(["test", "--workspace", "--tests", "--", "--ignored"])
        // `cargo xtask interop` runs these. To exclude their package would change the features of
        // dependencies, and cargo would build everything again.
        .args(["--skip", "postgresql::"])
        .current_dir(root())
        .status()?;
    ensure!(status.success(), "a slow test failed");
    Ok(())
}
