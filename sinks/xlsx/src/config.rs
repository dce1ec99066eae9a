//! The sink's options. Their doc comments are shown by `fortilake sinks`.

use std::path::PathBuf;

use fortilake_snapshot::{Choice, Columns, Join, Meta, Names, PartialRule};
use schemars::JsonSchema;
use serde::Deserialize;

/// Options of the `xlsx` sink.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The workbook, such as `reports/inventory.xlsx`. Its folder is created if it does not exist.
    pub(crate) path: PathBuf,
    /// The tables to write, as a list or separated by commas. If empty, all tables are written.
    #[serde(default)]
    tables: Names,
    /// The columns to write, in this order, as a list or separated by commas; or a list for each table, such as
    /// `{ products = ["serial_number", "product_model"] }`. If empty, all columns are written.
    #[serde(default)]
    columns: Columns,
    /// Whether to write the columns `_source`, `_crawl_id`, `_observed_at` and `_extra`.
    #[serde(default = "yes")]
    meta: bool,
    /// `company` adds a column with the company of the account after each `account_id`.
    pub(crate) join: Option<Join>,
    /// What to do if rows of the workbook would disappear because their scope failed: `refuse` (the default) or
    /// `publish`.
    pub(crate) partial: Option<PartialRule>,
}

impl Config {
    /// The tables and columns to write.
    pub(crate) fn choice(&self) -> Choice {
        Choice {
            tables: self.tables.clone(),
            columns: self.columns.clone(),
            meta: if self.meta {
                Meta::Keep
            } else {
                Meta::LeaveOut
            },
        }
    }
}

fn yes() -> bool {
    true
}
