//! What the commands that read published snapshots share: the folder to read, and where to write.

use std::{
    env,
    fmt::Write as _,
    io::{self, Write},
    path::Path,
};

use anyhow::anyhow;
use fortilake_auth::printable;
use fortilake_history::{History, RowFormat, RowWriter, Snapshot, write_file};
use fortilake_sink::{self as sink, Error, FailedScope, Kind, RecordBatch};
use jiff::civil::Date;

use crate::{
    args::{PlaceArgs, RowsFormat, SnapshotArgs},
    config,
    console::Console,
    exit::{CommandError, Result},
    summary::count,
};

/// The folder that `fortilake crawl` publishes to without a configuration.
const DEFAULT_PLACE: &str = "out";

/// The history in the folder of `--place`, else of the first Parquet sink, else `out`.
pub(super) fn history(args: &PlaceArgs) -> Result<History> {
    let configured = match &args.place {
        Some(place) => Some(place.clone()),
        None => config::first_place(args.config.as_deref())?,
    };
    let place = configured.unwrap_or_else(|| DEFAULT_PLACE.into());
    if let Some(scheme) = place.to_str().and_then(fortilake_snapshot::scheme) {
        let error = anyhow!("this command reads only local folders, not `{scheme}://`");
        return Err(CommandError::not_started(error).hint(
            "copy the snapshots to a local folder, for example with `aws s3 sync`, and pass that \
             folder as `--place`",
        ));
    }
    History::open(&place, &env::temp_dir()).map_err(|error| {
        CommandError::from(error)
            .hint("use `--place PLACE` to name the folder that snapshots are published to")
    })
}

/// The snapshot that the arguments name, and the day from which days are counted.
///
/// Notes on standard error which scopes it lacks.
pub(super) fn snapshot(args: &SnapshotArgs, console: Console) -> Result<(History, Snapshot, Date)> {
    let history = history(&args.place)?;
    let snapshot = history.snapshot(args.snapshot.as_deref());
    let snapshot = super::runtime()?.block_on(snapshot)?;
    let failed = snapshot.manifest().outcome.failed.iter();
    console.problem(&failed_scopes(
        "missing, because the crawl could not read them",
        failed.map(|scope| (&snapshot, scope)),
    ));
    let as_of = args.as_of.unwrap_or_else(|| snapshot.date());
    Ok((history, snapshot, as_of))
}

/// How many failed scopes are named; the others are counted.
const NAMED: usize = 5;

/// A note about scopes that failed; empty if there are none.
pub(super) fn failed_scopes<'a>(
    what: &str,
    failed: impl Iterator<Item = (&'a Snapshot, &'a FailedScope)>,
) -> String {
    let failed: Vec<_> = failed.collect();
    if failed.is_empty() {
        return String::new();
    }
    let mut text = format!("note: {} {what}\n", count(failed.len() as u64, "scope"));
    for (snapshot, scope) in failed.iter().take(NAMED) {
        let about = scope
            .account_id
            .map_or_else(String::new, |account| format!(" of account {account}"));
        let line = format!(
            "{}: {}{about}: {}",
            snapshot.name(),
            scope.endpoint,
            scope.error
        );
        let _ = writeln!(text, "  {}", printable(&line));
    }
    if failed.len() > NAMED {
        let _ = writeln!(text, "  and {} more", failed.len() - NAMED);
    }
    text
}

/// Writes rows in the format for programs, or `text` in the format for people.
pub(super) fn write_rows(
    format: RowsFormat,
    rows: &RecordBatch,
    text: impl FnOnce() -> sink::Result<String>,
    output: &mut (dyn Write + Send),
) -> sink::Result<()> {
    let format = match format {
        RowsFormat::Table => return print(output, &shown(&text()?)),
        RowsFormat::Json => RowFormat::Json,
        RowsFormat::Ndjson => RowFormat::Ndjson,
        RowsFormat::Csv => RowFormat::Csv,
    };
    let mut writer = RowWriter::new(format, rows.schema_ref(), output)?;
    writer.write(rows)?;
    writer.finish()
}

/// Text with line breaks, without other characters that could control the terminal.
pub(super) fn shown(text: &str) -> String {
    text.lines().map(|line| printable(line) + "\n").collect()
}

/// Runs `write` with a file, which appears whole or not at all, or with standard output.
pub(super) fn write_to(
    output: Option<&Path>,
    console: Console,
    write: impl FnOnce(&mut (dyn Write + Send)) -> sink::Result<()>,
) -> Result<()> {
    match output {
        Some(path) => write_file(path, |file| write(file))?,
        None => write(&mut StandardOutput(console))?,
    }
    Ok(())
}

/// Standard output as a writer, which ignores a closed pipe.
struct StandardOutput(Console);

impl Write for StandardOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.bytes(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes text to the output of a command.
pub(super) fn print(output: &mut dyn Write, text: &str) -> sink::Result<()> {
    output.write_all(text.as_bytes()).map_err(|error| {
        Error::new(Kind::Unavailable, "cannot write the output").with_source(error)
    })
}
