//! The expected content of the published tables.

use std::collections::BTreeMap;

use serde_json::Value;

pub(crate) use self::draft::{Draft, Tables};

mod draft;

/// A row: values by column name. A missing column is null.
pub type Row = BTreeMap<String, Value>;

/// The tables that follow from the current data of all systems. They are not derived from
/// responses.
///
/// All tables are included, whichever ones a crawl selects.
///
/// Timestamps are texts in the format `YYYY-MM-DDTHH:MM:SS`, followed by six digits of fraction
/// only if there is one. JSON columns contain the value itself, and `_extra` is an object or null.
/// The columns `_source`, `_crawl_id` and `_observed_at` depend on the crawl and are not included.
/// A row of `issues` has `table`, `key` (an object of the key columns), `column` and `value` (as it
/// was sent). Faults are not considered: the rows of a refused account are included.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Truth {
    /// The rows of each table, in the order in which the service lists them. Tables without rows
    /// are included.
    pub tables: BTreeMap<String, Vec<Row>>,
}
