//! What the commands that read published snapshots share: the place to read, and where to write.

use std::{
    env,
    fmt::Write as _,
    io::{self, Write},
    path::Path,
};

use fortilake_auth::printable;
use fortilake_history::{
    History, RowFormat, RowWriter, Snapshot, missing_from_renewals, write_file,
};
use fortilake_sink::{self as sink, Error, FailedScope, Kind, RecordBatch};
use jiff::civil::Date;
use tokio::runtime::Runtime;

use super::place;
use crate::{
    args::{PlaceArgs, RowsFormat, SnapshotArgs},
    console::Console,
    exit::Result,
    summary::count,
};

/// The history in the place of `--place`, else of the first Parquet sink, else in `out`.
///
/// `runtime` downloads files while the history is in use.
pub(super) fn history(args: &PlaceArgs, runtime: &Runtime) -> Result<History> {
    let config = args.config.as_deref();
    let path = place::path(args.place.as_ref(), config)?;
    let reader = place::reader(&path, config)?;
    let scratch = env::temp_dir();
    Ok(match place::url(&path) {
        Some(_) => History::remote(reader, &scratch, runtime.handle().clone()),
        None => History::local(&path, &scratch),
    })
}

/// The snapshot that the arguments name, and the day from which days are counted.
///
/// Notes on standard error which scopes it lacks.
pub(super) fn snapshot(
    args: &SnapshotArgs,
    runtime: &Runtime,
    console: Console,
) -> Result<(History, Snapshot, Date)> {
    let history = history(&args.place, runtime)?;
    let snapshot = history.snapshot(args.snapshot.as_deref());
    let snapshot = super::block_on(runtime, snapshot)?;
    let failed = snapshot.manifest().outcome.failed.iter();
    console.problem(&failed_scopes(
        "missing, because the crawl could not read them",
        failed.map(|scope| (&snapshot, scope)),
    ));
    let missing = missing_from_renewals(&snapshot);
    if !missing.is_empty() {
        console.problem(&format!(
            "note: snapshot {} lacks {}, so some renewals may be missing\n",
            snapshot.name(),
            missing.join(", ")
        ));
    }
    let as_of = args.as_of.unwrap_or_else(|| snapshot.date());
    Ok((history, snapshot, as_of))
}

/// Notes which snapshots do not say what their crawl read.
pub(super) fn note_coverage<'a>(
    snapshots: impl IntoIterator<Item = &'a Snapshot>,
    console: Console,
) {
    let unknown = snapshots.into_iter().filter(|found| !found.has_coverage());
    let names: Vec<_> = unknown.map(Snapshot::name).collect();
    if !names.is_empty() {
        console.problem(&format!(
            "note: the table `coverage` is missing in {}, so rows are not reported as inserted or deleted; \
             configure the sink to write it with all its columns\n",
            names.join(", ")
        ));
    }
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
