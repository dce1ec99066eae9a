//! A report for people: one HTML file without scripts and without requests.
//!
//! What is missing comes first, because every number below it leaves that out. The file depends only on the snapshots
//! and on the day that it is made for: the same input gives the same bytes.

mod chart;
mod facts;
mod html;
#[cfg(test)]
mod tests;

use fortilake_sink::Result;
use jiff::civil::Date;

use crate::history::Snapshot;

/// Renders the report about a snapshot as of a day, with the changes since `previous`.
pub fn report(snapshot: &Snapshot, previous: Option<&Snapshot>, as_of: Date) -> Result<String> {
    let facts = facts::ReportFacts::collect(snapshot, previous, as_of)?;
    Ok(html::render(&facts))
}
