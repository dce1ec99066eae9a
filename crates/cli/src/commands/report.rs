//! `fortilake report`: one HTML file about the newest snapshot.

use std::path::Path;

use fortilake_history::report;

use super::published;
use crate::{
    args::ReportArgs,
    console::Console,
    exit::{Code, Result},
};

/// Writes the report.
pub(crate) fn run(args: &ReportArgs, console: Console) -> Result {
    let runtime = super::runtime()?;
    let (history, snapshot, as_of) = published::snapshot(&args.snapshot, &runtime, console)?;
    let previous = super::block_on(&runtime, history.previous(&snapshot))?;
    let html = report(&snapshot, previous.as_ref(), as_of)?;
    let path = Some(args.output.as_path()).filter(|path| *path != Path::new("-"));
    published::write_to(path, console, |output| published::print(output, &html))?;
    Ok(Code::Complete)
}
