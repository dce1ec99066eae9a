//! What the published tables must hold.

use std::collections::BTreeMap;

use serde_json::Value;

pub(crate) use self::draft::{Draft, Tables};

mod draft;

/// A row: values by column name, absent ones null.
pub type Row = BTreeMap<String, Value>;

/// The tables that follow from the current data of all systems, and not from any answer.
///
/// All tables are here, whatever a crawl is asked to include.
///
/// Timestamps are texts `YYYY-MM-DDTHH:MM:SS`, with six digits of fraction only where there is one.
/// Columns of JSON hold the value itself; `_extra` is an object or null; `_source`, `_crawl_id` and `_observed_at` are a crawl's own and not here.
/// A row of `issues` has `table`, `key` (an object of the key's columns), `column` and `value` (as it was sent).
/// Faults are not taken into account: a refused account's rows are here.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Truth {
    /// Rows by table, in the order in which the service lists them; tables without rows are there too.
    pub tables: BTreeMap<String, Vec<Row>>,
}
