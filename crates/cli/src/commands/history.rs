//! `fortilake history`: everything that is known about a device, over all published snapshots.

use std::io::Write;

use anyhow::anyhow;
use fortilake_history::{ChangesText, RowFormat, RowWriter, Snapshot, device_history};
use fortilake_sink::{self as sink, Schema, SchemaRef};

use super::published;
use crate::{
    args::{HistoryArgs, HistoryFormat},
    console::Console,
    exit::{Code, CommandError, Result},
};

/// Shows the history of a device.
pub(crate) fn run(args: &HistoryArgs, console: Console) -> Result {
    let runtime = super::runtime()?;
    let history = published::history(&args.place, &runtime)?;
    let snapshots = super::block_on(&runtime, history.open_all())?;
    published::note_coverage(&snapshots, console);
    let mut is_known = false;
    published::write_to(None, console, |output| {
        is_known = match args.format {
            HistoryFormat::Table => text(&snapshots, &args.serial, output)?,
            HistoryFormat::Json => rows(&snapshots, &args.serial, RowFormat::Json, output)?,
            HistoryFormat::Ndjson => rows(&snapshots, &args.serial, RowFormat::Ndjson, output)?,
        };
        Ok(())
    })?;
    if is_known {
        return Ok(Code::Complete);
    }
    let number = crate::summary::count(snapshots.len() as u64, "snapshot");
    let error = anyhow!("device `{}` not found in {number}", args.serial);
    Err(CommandError::failed(error).hint("serial numbers are case-sensitive"))
}

/// Writes a paragraph per snapshot with news. Returns whether there was any.
fn text(
    snapshots: &[Snapshot],
    serial: &str,
    output: &mut (dyn Write + Send),
) -> sink::Result<bool> {
    let mut last = (String::new(), String::new());
    device_history(snapshots, serial, &mut |news| {
        let (snapshot, table) = (news.snapshot, news.table);
        let mut text = String::new();
        if last.0 != snapshot.name() {
            let gap = if last.0.is_empty() { "" } else { "\n" };
            text = format!("{gap}{}  {:.0}\n", snapshot.name(), snapshot.time());
        }
        let at = (snapshot.name().to_owned(), table.to_owned());
        if last != at {
            text = format!("{text} {table}\n");
        }
        last = at;
        match news.changes {
            None => text.push_str("  not read, because its scope failed\n"),
            Some(batch) => {
                let mut changes = ChangesText::default();
                changes.begin(table, news.key);
                changes.add(&batch)?;
                text.push_str(&changes.take());
            }
        }
        published::print(output, &published::shown(&text))
    })?;
    Ok(!last.0.is_empty())
}

/// Writes the changes as rows. Returns whether there was any.
fn rows(
    snapshots: &[Snapshot],
    serial: &str,
    format: RowFormat,
    output: &mut (dyn Write + Send),
) -> sink::Result<bool> {
    // These formats do not use the schema, so each table can have its own columns.
    let schema = SchemaRef::new(Schema::empty());
    let mut writer = RowWriter::new(format, &schema, output)?;
    let mut is_known = false;
    device_history(snapshots, serial, &mut |news| {
        is_known = true;
        news.changes.map_or(Ok(()), |batch| writer.write(&batch))
    })?;
    writer.finish()?;
    Ok(is_known)
}
