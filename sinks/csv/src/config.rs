//! The sink's options. Their doc comments are shown by `fortilake sinks`.

use std::path::PathBuf;

use fortilake_snapshot::{
    BucketOptions, Choice, Columns, FileTarget, Join, Keep, Layout, Meta, Names, PartialRule,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::dialect::{Dates, Delimiter, Dialect, Formulas, Newlines};

/// Options of the `csv` sink.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Config {
    /// The folder to publish into, created if it does not exist, or a URL such as `s3://BUCKET/PREFIX`, which needs a
    /// build with the feature `cloud`.
    pub(crate) path: PathBuf,
    /// `snapshots` keeps every snapshot in its own folders; `latest` replaces the previous files. Object stores support
    /// only `snapshots`.
    #[serde(default = "default_layout")]
    pub(crate) layout: Layout,
    /// Which snapshots to keep, such as `{ last = 30, days = 90 }`. Without it, all are kept. Only for layout
    /// `snapshots`.
    #[serde(default)]
    pub(crate) keep: Option<Keep>,
    /// What to do if rows of the published snapshot would disappear because their scope failed: `publish` or
    /// `refuse`. Without it, layout `snapshots` publishes and layout `latest` refuses.
    #[serde(default)]
    pub(crate) partial: Option<PartialRule>,
    /// Whether to put a `'` before text that a spreadsheet would run as a formula.
    #[serde(default = "yes")]
    pub(crate) formula_prefix: bool,
    /// The tables to write, as a list or separated by commas. If empty, all tables are written.
    #[serde(default)]
    pub(crate) tables: Names,
    /// The columns to write, in this order, as a list or separated by commas; or a list for each table, such as
    /// `{ products = ["serial_number", "product_model"] }`. If empty, all columns are written.
    #[serde(default)]
    pub(crate) columns: Columns,
    /// Whether to write the columns `_source`, `_crawl_id`, `_observed_at` and `_extra`.
    #[serde(default = "yes")]
    pub(crate) meta: bool,
    /// `company` adds a column with the company of the account after each `account_id`.
    pub(crate) join: Option<Join>,
    /// The character between two cells: `,`, `;`, `|` or `tab`.
    #[serde(default)]
    pub(crate) delimiter: Delimiter,
    /// How lines end: `crlf` or `lf`.
    #[serde(default)]
    pub(crate) newlines: Newlines,
    /// Whether files begin with a byte order mark, by which Excel recognizes UTF-8.
    #[serde(default)]
    pub(crate) bom: bool,
    /// How times are written: `iso` as `2026-09-01T12:00:00`, or `excel` as `2026-09-01 12:00:00`, which spreadsheets
    /// recognize.
    #[serde(default)]
    pub(crate) dates: Dates,
    /// How to reach the bucket of a URL.
    #[serde(flatten)]
    bucket: BucketOptions,
}

impl Config {
    /// The options that all file sinks share.
    pub(crate) fn target(&self) -> FileTarget {
        FileTarget {
            path: self.path.clone(),
            bucket: self.bucket.clone(),
            layout: self.layout,
            keep: self.keep,
            partial: self.partial,
            catalog: None,
        }
    }

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

    /// How cells and lines are written.
    pub(crate) fn dialect(&self) -> Dialect {
        Dialect {
            delimiter: self.delimiter,
            newlines: self.newlines,
            has_mark: self.bom,
            dates: self.dates,
            formulas: if self.formula_prefix {
                Formulas::Prefix
            } else {
                Formulas::Keep
            },
        }
    }
}

fn default_layout() -> Layout {
    Layout::Latest
}

fn yes() -> bool {
    true
}
