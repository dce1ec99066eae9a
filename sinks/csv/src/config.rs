//! The sink's options. Their doc comments are shown by `fortilake sinks`.

use std::path::PathBuf;

use fortilake_snapshot::{Keep, Layout, PartialRule, Target};
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
    /// Which snapshots to keep, such as `{ last = 30, days = 90 }`. Without it, all are kept. Only for layout
    /// `snapshots`.
    #[serde(default)]
    pub(crate) keep: Option<Keep>,
    /// What to do if rows would disappear because a scope failed that had not failed in the published snapshot:
    /// `publish` or `refuse`. Without it, layout `snapshots` publishes and layout `latest` refuses.
    #[serde(default)]
    pub(crate) partial: Option<PartialRule>,
    /// Whether to put a `'` before text that a spreadsheet would run as a formula.
    #[serde(default = "default_formula_prefix")]
    pub(crate) formula_prefix: bool,
}

impl Config {
    /// The options that all file sinks share.
    pub(crate) fn target(&self) -> Target {
        Target {
            path: self.path.clone(),
            layout: self.layout,
            keep: self.keep,
            partial: self.partial,
        }
    }
}

fn default_layout() -> Layout {
    Layout::Latest
}

fn default_formula_prefix() -> bool {
    true
}
