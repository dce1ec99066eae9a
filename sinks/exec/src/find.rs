//! Finds the program before the crawl starts.
//!
//! A crawl may take hours, so a missing program should be reported before it and not after it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::{env, fs};

use fortilake_sink::{Error, Kind, Result};

#[cfg(test)]
mod tests;

/// The file that `command` names. A bare name is looked up in the folders of `path`.
///
/// A relative path is resolved against the current directory of fortilake, not against the option `directory`.
pub(crate) fn program(command: &str, path: Option<&OsStr>) -> Result<PathBuf> {
    let is_bare = Path::new(command).components().nth(1).is_none();
    if !cfg!(unix) && is_bare {
        // Windows adds extensions such as `.exe` to bare names. The system's own search knows them better.
        return Ok(command.into());
    }
    if !is_bare {
        let file = std::path::absolute(command)
            .map_err(|error| Error::io("find the program", Path::new(command), error))?;
        if let Some(error) = unsplit(command).filter(|_| !file.exists()) {
            return Err(error);
        }
        return check(&file, command).map(|()| file);
    }
    let mut folders = path.into_iter().flat_map(env::split_paths);
    let found = folders.find_map(|folder| {
        let file = std::path::absolute(folder.join(command)).ok()?;
        is_executable(&file).then_some(file)
    });
    found.ok_or_else(|| {
        if let Some(error) = unsplit(command) {
            return error;
        }
        let hint = if Path::new(command).is_file() {
            format!("; to use the file in this folder, write `./{command}`")
        } else {
            String::new()
        };
        Error::new(
            Kind::Config,
            format!("there is no program `{command}` in `PATH`{hint}"),
        )
    })
}

/// The error for a command that contains spaces and therefore looks like a program with arguments.
fn unsplit(command: &str) -> Option<Error> {
    let (program, argument) = command.trim().split_once(char::is_whitespace)?;
    let argument = argument.trim();
    let text = format!(
        "there is no program `{command}`; commands are not split at spaces, so set `command` to `{program}` and put \
         the rest into the option `args`: `exec:{program}?args={argument}`, or `args = [\"…\", \"…\"]` in the \
         configuration file"
    );
    Some(Error::new(Kind::Config, text))
}

fn check(file: &Path, command: &str) -> Result<()> {
    let metadata =
        fs::metadata(file).map_err(|error| Error::io("find the program", file, error))?;
    let text = if !metadata.is_file() {
        format!("the program `{command}` is not a file")
    } else if !is_executable(file) {
        format!("the program `{command}` is not marked as executable")
    } else {
        return Ok(());
    };
    Err(Error::new(Kind::Config, text))
}

#[cfg(unix)]
fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;

    let metadata = fs::metadata(file);
    metadata.is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(file: &Path) -> bool {
    file.is_file()
}
