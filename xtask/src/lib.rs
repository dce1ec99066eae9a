//! The tasks behind `cargo xtask`. They are a library so that tests can run them.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail, ensure};

pub mod bench;
pub mod ci;
pub mod codegen;
pub mod instructions;
pub mod interop;
pub mod new_sink;
mod python;
pub mod soak;
pub mod tidy;

/// Returns the root of the repository.
pub(crate) fn root() -> PathBuf {
    let mut root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.pop();
    root
}

/// Runs a `cargo build` and returns the path of the executable with this name.
pub(crate) fn executable(build: &mut Command, name: &str) -> Result<PathBuf> {
    let output = build
        .arg("--message-format=json-render-diagnostics")
        .current_dir(root())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    ensure!(output.status.success(), "cannot build `{name}`");
    // Cargo reports the path itself, so this works with any target directory.
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let message: serde_json::Value =
            serde_json::from_str(line).context("cannot parse the output of cargo")?;
        // The unit tests of a program have its name, too.
        if message["target"]["name"] == name
            && message["profile"]["test"] == false
            && let Some(path) = message["executable"].as_str()
        {
            return Ok(path.into());
        }
    }
    bail!("cargo did not build an executable `{name}`")
}
