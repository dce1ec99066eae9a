//! `cargo xtask interop`: checks that need other people's software.
//!
//! Published Python readers read our files, published Python clients talk to our simulator, and a
//! server that shares no line with this workspace is crawled.
//! They live here and not in `cargo test`, because they need Python and a package registry.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail, ensure};

/// The scripts, in the order in which they run; each ends with `N passed, M failed`.
const SCRIPTS: [&str; 3] = ["read.py", "clients.py", "foreign.py"];

/// Runs every script, and fails if one did.
///
/// # Errors
///
/// If the environment or the binary cannot be made, or a check failed.
pub fn run() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .context("the directory of xtask has no parent")?;
    let scripts = root.join("xtask/interop");
    let python = environment(&scripts, &root.join("target/interop/venv"))?;
    let binary = build(root)?;
    let mut failed = Vec::new();
    for script in SCRIPTS {
        let status = Command::new(&python)
            .arg(scripts.join(script))
            .arg(&binary)
            // The scripts import each other, and the repository is no place for caches.
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .status()
            .with_context(|| format!("cannot run `{}`", python.display()))?;
        if !status.success() {
            failed.push(script);
        }
    }
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

/// The Python of a virtual environment that holds what `requirements.txt` pins.
fn environment(scripts: &Path, venv: &Path) -> Result<PathBuf> {
    let python = if cfg!(windows) {
        venv.join("Scripts/python.exe")
    } else {
        venv.join("bin/python")
    };
    let requirements = scripts.join("requirements.txt");
    let wanted = read(&requirements)?;
    // Written last, so that an install that broke off is begun anew.
    let stamp = venv.join("installed.txt");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    let system = if cfg!(windows) { "python" } else { "python3" };
    succeed(
        Command::new(system)
            .args(["-m", "venv", "--clear"])
            .arg(venv),
    )?;
    succeed(
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--requirement"])
            .arg(&requirements),
    )?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write `{}`", stamp.display()))?;
    Ok(python)
}

/// Builds `fortilake` and says where it is.
fn build(root: &Path) -> Result<PathBuf> {
    let output = Command::new(env!("CARGO"))
        .args(["build", "--package", "fortilake"])
        .arg("--message-format=json-render-diagnostics")
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    ensure!(output.status.success(), "`fortilake` does not build");
    // Cargo's own word for the place holds wherever the target directory is.
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let message: serde_json::Value =
            serde_json::from_str(line).context("cannot read what cargo says")?;
        if message["target"]["name"] == "fortilake"
            && let Some(path) = message["executable"].as_str()
        {
            return Ok(path.into());
        }
    }
    bail!("cargo built no `fortilake`")
}

fn succeed(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command
        .status()
        .with_context(|| format!("cannot run `{program}`"))?;
    ensure!(status.success(), "`{program}` ended with {status}");
    Ok(())
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))
}
