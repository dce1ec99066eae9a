//! What the published tables must hold.

use std::collections::BTreeMap;

use serde_json::Value;

/// A row: values by column name, absent ones null.
pub type Row = BTreeMap<String, Value>;

/// The tables that follow from the tenant's current data, and not from any answer.
///
/// Timestamps are texts `YYYY-MM-DDTHH:MM:SS`, with six digits of fraction only where there is one.
/// `_extra` is an object or null; `_source`, `_crawl_id` and `_observed_at` are a crawl's own and not here.
/// A row of `issues` has `table`, `key` (an object of the key's columns), `column` and `value` (as it was sent).
/// Faults are not taken into account: a refused account's rows are here.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Truth {
    /// Rows by table, in the order in which the service lists them; tables without rows are there too.
    pub tables: BTreeMap<String, Vec<Row>>,
}
