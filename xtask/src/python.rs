//! Virtual environments for the scripts of `cargo xtask interop` and `cargo xtask bench`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

/// Returns the Python of a virtual environment with the packages that are pinned in a file.
pub(crate) fn environment(requirements: &Path, venv: &Path) -> Result<PathBuf> {
    let python = if cfg!(windows) {
        venv.join("Scripts/python.exe")
    } else {
        venv.join("bin/python")
    };
    let wanted = read(requirements)?;
    // Written last, so that an interrupted installation is repeated.
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
            .arg(requirements),
    )?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write `{}`", stamp.display()))?;
    Ok(python)
}

/// Runs a command, and fails if it does.
pub(crate) fn succeed(command: &mut Command) -> Result<()> {
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
