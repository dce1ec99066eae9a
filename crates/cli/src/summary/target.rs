//! Writes the JSON summary of a run.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow};
use serde_json::{Value, json};

use crate::{
    args::LogFormat,
    console::Console,
    exit::{Code, Failure, Result},
};

/// Where the summary is written, if `--summary` was given.
///
/// Monitoring reads the file, so the summary is written however the run ends. Otherwise the summary
/// of an earlier, successful run would stay in place when this one fails.
pub(crate) struct SummaryTarget {
    target: Option<Target>,
    console: Console,
}

enum Target {
    Stdout,
    File(PathBuf),
}

/// Writes the summary of a run that did not start because of its arguments.
///
/// They could not be parsed, so the file is looked up among them by the name of its flag.
pub(crate) fn write_usage_error(arguments: impl Iterator<Item = OsString>) {
    let mut arguments = arguments.skip_while(|argument| {
        let text = argument.to_string_lossy();
        text != "--summary" && !text.starts_with("--summary=")
    });
    let path = match arguments.next() {
        Some(flag) if flag == "--summary" => arguments.next(),
        Some(flag) => flag
            .to_string_lossy()
            .strip_prefix("--summary=")
            .map(Into::into),
        None => None,
    };
    let Some(path) = path.filter(|path| path != "-") else {
        return;
    };
    let failure: Result = Err(Failure::not_started(anyhow!("the arguments are not valid")));
    let target = SummaryTarget::open(Some(Path::new(&path)), Console::new(LogFormat::Text, false));
    // The usage error is printed already, and tells more than that its summary could not be written.
    let _ = target.and_then(|target| target.write(None, &failure));
}

impl SummaryTarget {
    /// Checks before the run that the summary can be written.
    ///
    /// It does so by writing a summary that says that the run has not ended. If the process is
    /// killed, this is what stays in the file.
    pub(crate) fn open(path: Option<&Path>, console: Console) -> Result<Self> {
        let target = path.map(|path| match path.to_str() {
            Some("-") => Target::Stdout,
            _ => Target::File(path.to_owned()),
        });
        if let Some(Target::File(path)) = &target {
            let running = json!({
                "exit_code": null,
                "reason": "the run has not ended, or its process was killed",
                "complete": false,
                "published": false,
            });
            replace(path, &running)
                .with_context(|| format!("the summary `{}` cannot be written", path.display()))
                .map_err(Failure::not_started)?;
        }
        Ok(Self { target, console })
    }

    /// Writes the summary: that of a finished crawl if there is one, the exit code, and the reason
    /// if the exit code is not 0.
    pub(crate) fn write(&self, ended: Option<Value>, result: &Result) -> Result<()> {
        let Some(target) = &self.target else {
            return Ok(());
        };
        let mut summary = ended.unwrap_or_else(|| json!({ "complete": false, "published": false }));
        let (code, reason) = match result {
            Ok(code) => (*code, reason(*code).map(str::to_owned)),
            Err(failure) => (failure.code, Some(format!("{:#}", failure.error))),
        };
        summary["exit_code"] = json!(code as u8);
        summary["reason"] = json!(reason);
        match target {
            Target::Stdout => self
                .console
                .data(&format!("{summary:#}\n"))
                .map_err(Failure::failed),
            Target::File(path) => replace(path, &summary)
                .with_context(|| format!("the summary `{}` cannot be written", path.display()))
                .map_err(Failure::failed),
        }
    }
}

/// Why a finished run has an exit code other than 0.
fn reason(code: Code) -> Option<&'static str> {
    match code {
        Code::Complete => None,
        Code::Partial => Some("scopes failed; the others are published"),
        Code::Refused => {
            Some("refused: the snapshot is partial, covers only a selection, or lost too many rows")
        }
        _ => Some("a sink failed"),
    }
}

/// Replaces the file by a rename, so that no reader sees half a summary.
///
/// A path that is not a regular file, such as `/dev/stderr` or a pipe, is written to directly: a
/// rename would replace the device by a file.
fn replace(path: &Path, summary: &Value) -> std::io::Result<()> {
    let text = format!("{summary:#}\n");
    let is_file = fs::metadata(path).map_or(true, |metadata| metadata.is_file());
    let name = path.file_name().filter(|_| is_file);
    let Some(name) = name else {
        return fs::write(path, text);
    };
    let mut temporary = name.to_owned();
    temporary.push(".part");
    let temporary = path.with_file_name(temporary);
    fs::write(&temporary, text)?;
    fs::rename(&temporary, path)
}
