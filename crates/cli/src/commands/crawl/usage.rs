//! The summary and the metrics of a run whose arguments cannot be parsed.

use std::ffi::{OsStr, OsString};

use anyhow::anyhow;

use crate::{
    args::LogFormat,
    console::Console,
    exit::{CommandError, Result},
    metrics::MetricsTarget,
    record::RunRecord,
    summary::SummaryTarget,
};

/// Writes the summary and the metrics of a run that did not start because of its arguments.
///
/// They could not be parsed, so the files are looked up among them by the names of the flags.
pub(crate) fn write_usage_error(arguments: &[OsString]) {
    let failure: Result = Err(CommandError::not_started(anyhow!(
        "the arguments are not valid"
    )));
    // The usage error is printed already, and tells more than that its summary could not be written.
    if let Some(path) = path_after("--summary", arguments).filter(|path| *path != "-") {
        let console = Console::new(LogFormat::Text, false);
        let target = SummaryTarget::open(Some(path.as_ref()), console);
        let _ = target.and_then(|target| target.write(None, &failure));
    }
    if let Some(path) = path_after("--metrics-file", arguments) {
        let target = MetricsTarget::open(Some(path.as_ref()));
        let _ = target.and_then(|target| target.write(&RunRecord::default(), &failure));
    }
}

/// The value of a flag among arguments that cannot be parsed.
fn path_after<'a>(flag: &str, arguments: &'a [OsString]) -> Option<&'a OsStr> {
    let position = arguments.iter().position(|argument| {
        let rest = argument.to_str().and_then(|text| text.strip_prefix(flag));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
    })?;
    match arguments[position].to_str()?.split_once('=') {
        Some((_, path)) => Some(OsStr::new(path)),
        None => arguments.get(position + 1).map(OsString::as_os_str),
    }
}
