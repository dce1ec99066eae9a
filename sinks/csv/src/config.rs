//! The sink's options. Their doc comments are shown by `fortilake sinks`.

use std::path::PathBuf;

use fortilake_sink::files::Layout;
use schemars::JsonSchema;
use serde::Deserialize;

/// Options of the `csv` sink.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The folder to publish into. Created if it does not exist.
    pub(crate) path: PathBuf,
    /// `snapshots` keeps every snapshot in its own folders; `latest` replaces the previous files.
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
