//! Compares published snapshots: what changed, and what ends.
//!
//! A [`History`] reads a published folder or bucket. It picks [`Snapshot`]s, and [`Comparison`] compares two of them table by
//! table. Rows are matched by their natural key, never by their position in a list, so reordered lists are no change.
//!
//! [`Pending`] compares a crawl with a snapshot before the crawl is published.
//!
//! # What counts as a change
//!
//! - Columns that start with `_`, and positions such as `contract_index`, are not compared.
//! - A column that only one of the snapshots has is not compared, but its values are passed on.
//! - A row that is in only one snapshot counts as deleted or inserted only if the other snapshot read its scope
//!   completely. An account that could not be read causes no deletions.
//!
//! # Memory
//!
//! The first pass over a table computes a digest for each group of devices. The second pass sorts only the rows of
//! groups that differ, and spills sorted runs to temporary files. So memory does not depend on the size of the tables,
//! and a table without changes is never sorted.
//!
//! # Not included
//!
//! Files other than Parquet.

mod buckets;
mod codec;
mod compare;
mod coverage;
mod device_history;
mod devices;
mod feed;
mod history;
mod natural_key;
mod output;
mod pairs;
mod pending;
mod plan;
mod renewal_rows;
mod renewals;
mod report;
mod sort;
mod table_file;
#[cfg(test)]
mod tests;
mod text;

pub use self::compare::Comparison;
pub use self::device_history::{DeviceNews, device_history};
pub use self::feed::{ChangeType, Counts, FEED_COLUMNS, TABLE_COLUMN};
pub use self::history::{History, Pair, Snapshot};
pub use self::output::{RowFormat, RowWriter, write_file};
pub use self::pending::{Against, Pending, PendingBatches, PendingChanges};
pub use self::renewal_rows::{group_rows, renewal_rows};
pub use self::renewals::{
    Group, GroupBy, Origin, Renewal, Status, Window, group, missing_from_renewals, renewals,
};
pub use self::report::report;
pub use self::text::{ChangesText, aligned};
