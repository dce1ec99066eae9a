//! The options of the sink.

use std::path::PathBuf;

use fortilake_sink::files::Layout;
use schemars::JsonSchema;
use serde::Deserialize;

/// Options of the `csv` sink.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The folder to publish into; it is made if it is not there.
    pub(crate) path: PathBuf,
    /// Whether every snapshot is kept or the newest replaces the one before.
    #[serde(default = "default_layout")]
    pub(crate) layout: Layout,
    /// Whether text that a spreadsheet would run as a formula gets a `'` before it.
    #[serde(default = "default_formula_prefix")]
    pub(crate) formula_prefix: bool,
}

fn default_layout() -> Layout {
    Layout::Latest
}

fn default_formula_prefix() -> bool {
    true
}
