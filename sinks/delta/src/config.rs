//! The sink's options. Their doc comments are shown by `fortilake sinks`.

use std::path::PathBuf;
use std::sync::Arc;

use fortilake_snapshot::parquet::ParquetOptions;
use fortilake_snapshot::{FileTarget, Layout};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::catalog::Delta;

/// Options of the `delta` sink.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Config {
    /// The folder to publish into, created if it does not exist, or a URL such as `s3://BUCKET/PREFIX`, which needs a
    /// build with the feature `cloud`. Each table is a folder in it.
    pub(crate) path: PathBuf,
    /// How the files are written, and how to reach the bucket of a URL.
    #[serde(flatten)]
    pub(crate) files: ParquetOptions,
}

impl Config {
    /// The place, with the Delta logs as its catalog.
    pub(crate) fn target(&self) -> FileTarget {
        let catalog = Arc::new(Delta);
        self.files
            .target(&self.path, Layout::Snapshots, Some(catalog))
    }
}
