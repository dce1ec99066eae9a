//! `fortilake changes`: what changed between two published snapshots.

use std::io::Write;

use anyhow::anyhow;
use fortilake_auth::printable;
use fortilake_history::{ChangesText, Comparison, RowFormat, RowWriter};
use fortilake_sink::{self as sink, Schema, SchemaRef};

use super::published;
use crate::{
    args::{ChangesArgs, ChangesFormat},
    console::Console,
    exit::{Code, CommandError, Result},
};

/// Compares two snapshots and writes the changes.
pub(crate) fn run(args: &ChangesArgs, console: Console) -> Result {
    check(args)?;
    let runtime = super::runtime()?;
    let history = published::history(&args.place, &runtime)?;
    let pair = history.pair(args.from.as_deref(), args.to.as_deref());
    let pair = super::block_on(&runtime, pair)?;
    let comparison = Comparison::new(&pair)?;
    let tables = match &args.table {
        Some(table) => {
            // A wrong name is reported before anything is written.
            comparison.schema(table)?;
            vec![table.as_str()]
        }
        None => comparison.tables(),
    };
    console.problem(&published::failed_scopes(
        "not compared, because a crawl could not read them",
        comparison.failed_scopes(),
    ));
    published::note_coverage([comparison.from(), comparison.to()], console);
    let output = args.output.as_deref();
    published::write_to(output, console, |output| match row_format(args.format) {
        None => text(&comparison, &tables, output),
        Some(format) => rows(&comparison, &tables, format, output),
    })?;
    Ok(Code::Complete)
}

fn check(args: &ChangesArgs) -> Result<()> {
    let one_table = matches!(args.format, ChangesFormat::Csv | ChangesFormat::Parquet);
    if one_table && args.table.is_none() {
        let error =
            anyhow!("CSV and Parquet files hold one table, because each table has its own columns");
        return Err(CommandError::not_started(error)
            .hint("add `--table products` or another table, or use `--format ndjson`"));
    }
    if args.format == ChangesFormat::Parquet && args.output.is_none() {
        let error = anyhow!("cannot write Parquet to standard output");
        return Err(CommandError::not_started(error).hint("add `--output FILE`"));
    }
    Ok(())
}

/// `None` for text.
fn row_format(format: ChangesFormat) -> Option<RowFormat> {
    match format {
        ChangesFormat::Table => None,
        ChangesFormat::Json => Some(RowFormat::Json),
        ChangesFormat::Ndjson => Some(RowFormat::Ndjson),
        ChangesFormat::Csv => Some(RowFormat::Csv),
        ChangesFormat::Parquet => Some(RowFormat::Parquet),
    }
}

fn text(
    comparison: &Comparison<'_>,
    tables: &[&str],
    output: &mut (dyn Write + Send),
) -> sink::Result<()> {
    let (from, to) = (comparison.from().name(), comparison.to().name());
    published::print(output, &format!("changes from {from} to {to}\n"))?;
    let mut totals = String::new();
    let mut text = ChangesText::default();
    for table in tables {
        text.begin(table, comparison.natural_key(table)?);
        let mut is_first = true;
        let counts = comparison.table(table, &mut |batch| {
            text.add(&batch)?;
            let mut shown = String::new();
            for line in text.take().lines() {
                if std::mem::take(&mut is_first) {
                    shown = format!("\n{table}\n");
                }
                shown.push_str(&printable(line));
                shown.push('\n');
            }
            published::print(output, &shown)
        })?;
        if counts.total() > 0 {
            totals.push_str(&text.summary(&counts));
            totals.push('\n');
        }
    }
    let end = if totals.is_empty() {
        "no changes\n".to_owned()
    } else {
        format!("\n{totals}")
    };
    published::print(output, &end)
}

fn rows(
    comparison: &Comparison<'_>,
    tables: &[&str],
    format: RowFormat,
    output: &mut (dyn Write + Send),
) -> sink::Result<()> {
    // Only CSV and Parquet use the schema, and they have one table.
    let schema = match tables.first() {
        Some(table) => comparison.schema(table)?,
        None => SchemaRef::new(Schema::empty()),
    };
    let mut writer = RowWriter::new(format, &schema, output)?;
    for table in tables {
        comparison.table(table, &mut |batch| writer.write(&batch))?;
    }
    writer.finish()
}
