//! The sink's options. Their doc comments are shown by `fortilake sinks`.

use std::path::PathBuf;

use fortilake_snapshot::{Keep, Layout, PartialRule, Target};
use schemars::JsonSchema;
use serde::Deserialize;

/// Options of the `parquet` sink.
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
    /// The size in bytes at which a row group is closed. It also bounds the memory used per table.
    // With row groups below 64 KiB, a file would consist mostly of metadata.
    #[serde(default = "default_row_group_bytes")]
    #[schemars(range(min = 65_536))]
    pub(crate) row_group_bytes: usize,
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
    Layout::Snapshots
}

fn default_row_group_bytes() -> usize {
    16 << 20
}
