//! The sink's options. Their doc comments are shown by `fortilake sinks`.

use std::path::PathBuf;

use fortilake_sink::files::Layout;
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
    /// The size in bytes at which a row group is closed; also what bounds the memory of a table.
    // Below 64 KiB a file is mostly footer.
    #[serde(default = "default_row_group_bytes")]
    #[schemars(range(min = 65_536))]
    pub(crate) row_group_bytes: usize,
}

fn default_layout() -> Layout {
    Layout::Snapshots
}

fn default_row_group_bytes() -> usize {
    16 << 20
}
