//! How many rows each account has in each table.

use std::collections::BTreeMap;

use arrow_array::{RecordBatch, cast::AsArray as _, types::Int64Type};
use serde::{Deserialize, Serialize};

/// The column that says whose a row is.
const ACCOUNT: &str = "account_id";

/// The rows of a snapshot, by table and account.
///
/// It is what two snapshots are compared by, and small beside them: it grows with the accounts and
/// not with what they have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Census(pub BTreeMap<String, Tally>);

/// The rows of one table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// All of them.
    pub rows: u64,
    /// Those that are some account's, by source and account.
    pub accounts: BTreeMap<String, BTreeMap<i64, u64>>,
}

impl Census {
    /// Begins a table, so that one without rows is known to have none.
    pub(super) fn begin(&mut self, table: &str) {
        self.0.entry(table.to_owned()).or_default();
    }

    /// Counts rows of a table that was begun.
    pub(super) fn count(&mut self, table: &str, source: &str, records: &RecordBatch) {
        let Some(tally) = self.0.get_mut(table).filter(|_| records.num_rows() > 0) else {
            return;
        };
        tally.rows += records.num_rows() as u64;
        let Some(ids) = records
            .column_by_name(ACCOUNT)
            .and_then(|column| column.as_primitive_opt::<Int64Type>())
        else {
            return;
        };
        if !tally.accounts.contains_key(source) {
            tally.accounts.insert(source.to_owned(), BTreeMap::new());
        }
        let Some(accounts) = tally.accounts.get_mut(source) else {
            return;
        };
        // Rows of an account lie together, so there are few runs however many rows.
        let mut run: Option<(i64, u64)> = None;
        for id in ids.iter().flatten() {
            match &mut run {
                Some((same, rows)) if *same == id => *rows += 1,
                _ => {
                    if let Some((id, rows)) = run.replace((id, 1)) {
                        *accounts.entry(id).or_default() += rows;
                    }
                }
            }
        }
        if let Some((id, rows)) = run {
            *accounts.entry(id).or_default() += rows;
        }
    }
}
