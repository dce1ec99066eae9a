//! Writes the JSON summary of a run.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::{
    console::Console,
    exit::{Code, CommandError, Result},
    replace::replace,
};

/// Where the summary is written, if `--summary` was given.
///
/// Monitoring reads the file, so the summary is written however the run ends. Otherwise the summary
/// of an earlier, successful run would stay in place when this one fails.
pub(crate) struct SummaryTarget {
    target: Option<StdoutOrFile>,
    console: Console,
}

enum StdoutOrFile {
    Stdout,
    File(PathBuf),
}

impl SummaryTarget {
    /// Checks before the run that the summary can be written.
    ///
    /// It does so by writing a summary that says that the run has not ended. If the process is
    /// killed, this is what stays in the file.
    pub(crate) fn open(path: Option<&Path>, console: Console) -> Result<Self> {
        let target = path.map(|path| match path.to_str() {
            Some("-") => StdoutOrFile::Stdout,
            _ => StdoutOrFile::File(path.to_owned()),
        });
        if let Some(StdoutOrFile::File(path)) = &target {
            let running = json!({
                "exit_code": null,
                "reason": "the run has not ended, or its process was killed",
                "complete": false,
                "published": false,
            });
            replace(path, &format!("{running:#}\n"))
                .with_context(|| format!("the summary `{}` cannot be written", path.display()))
                .map_err(CommandError::not_started)?;
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
            StdoutOrFile::Stdout => self
                .console
                .data(&format!("{summary:#}\n"))
                .map_err(CommandError::failed),
            StdoutOrFile::File(path) => replace(path, &format!("{summary:#}\n"))
                .with_context(|| format!("the summary `{}` cannot be written", path.display()))
                .map_err(CommandError::failed),
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
