//! `fortilake renewals`: the coverage of devices that ends.

use std::io::Write;

use fortilake_history::{
    GroupBy, Renewal, Window, aligned, group, group_rows, renewal_rows, renewals,
};
use fortilake_sink as sink;
use jiff::civil::Date;

use super::published;
use crate::{
    args::{By, RenewalsArgs, RowsFormat},
    console::Console,
    exit::{Code, Result},
};

/// The columns that fit into a terminal. The other formats have all.
const SHOWN: [&str; 9] = [
    "status",
    "end_date",
    "days_left",
    "company",
    "serial_number",
    "product_model",
    "support_type",
    "contract_number",
    "renewed_until",
];

/// Lists or counts what ends.
pub(crate) fn run(args: &RenewalsArgs, console: Console) -> Result {
    let runtime = super::runtime()?;
    let (_, snapshot, as_of) = published::snapshot(&args.snapshot, &runtime, console)?;
    let window = Window {
        as_of,
        days: args.within,
    };
    let found = renewals(&snapshot, window)?;
    published::write_to(args.output.as_deref(), console, |output| match args.by {
        None => list(&found, args.format, as_of, output),
        Some(by) => groups(&found, by, args.format, as_of, output),
    })?;
    if found.is_empty() && args.format == RowsFormat::Table {
        console.note(&format!(
            "nothing ends within {} days of {as_of}\n",
            args.within
        ));
    }
    Ok(Code::Complete)
}

fn list(
    found: &[Renewal],
    format: RowsFormat,
    as_of: Date,
    output: &mut (dyn Write + Send),
) -> sink::Result<()> {
    let rows = renewal_rows(found)?;
    let text = || Ok(headed(as_of, &aligned(&rows, &SHOWN)?));
    published::write_rows(format, &rows, text, output)
}

fn groups(
    found: &[Renewal],
    by: By,
    format: RowsFormat,
    as_of: Date,
    output: &mut (dyn Write + Send),
) -> sink::Result<()> {
    let by = match by {
        By::Account => GroupBy::Account,
        By::Company => GroupBy::Company,
        By::Month => GroupBy::Month,
    };
    let rows = group_rows(&group(found, by), by)?;
    let columns: Vec<_> = rows
        .schema_ref()
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    let columns: Vec<_> = columns.iter().map(String::as_str).collect();
    let text = || Ok(headed(as_of, &aligned(&rows, &columns)?));
    published::write_rows(format, &rows, text, output)
}

/// A table below the day that it is about; nothing if it has no rows.
fn headed(as_of: Date, table: &str) -> String {
    if table.is_empty() {
        return String::new();
    }
    format!("as of {as_of}\n{table}")
}
