//! The sink's options. Their doc comments are shown by `fortilake sinks`.

use std::path::PathBuf;

use fortilake_snapshot::parquet::ParquetOptions;
use fortilake_snapshot::{FileTarget, Layout};
use schemars::JsonSchema;
use serde::Deserialize;

/// Options of the `parquet` sink.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Config {
    /// The folder to publish into, created if it does not exist, or a URL such as `s3://BUCKET/PREFIX`, which needs a
    /// build with the feature `cloud`.
    pub(crate) path: PathBuf,
    /// `snapshots` keeps every snapshot in its own folders; `latest` replaces the previous files. Object stores support
    /// only `snapshots`.
    #[serde(default = "default_layout")]
    pub(crate) layout: Layout,
    /// How the files are written, and how to reach the bucket of a URL.
    #[serde(flatten)]
    pub(crate) files: ParquetOptions,
}

impl Config {
    /// The options that all file sinks share.
    pub(crate) fn target(&self) -> FileTarget {
        self.files.target(&self.path, self.layout, None)
    }
}

fn default_layout() -> Layout {
    Layout::Snapshots
}
