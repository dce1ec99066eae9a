//! The sink's options. Their doc comments are shown by `fortilake sinks`.

use std::path::{Path, PathBuf};

use fortilake_snapshot::{BucketOptions, Choice, FileTarget, Keep, Layout, Names, PartialRule};
use schemars::JsonSchema;
use serde::Deserialize;

/// Options of the `ndjson` sink.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Config {
    /// The folder to publish into, created if it does not exist, a URL such as `s3://BUCKET/PREFIX`, which needs a build
    /// with the feature `cloud`, or `-` for standard output.
    pub(crate) path: PathBuf,
    /// `snapshots` keeps every snapshot in its own folders; `latest` replaces the previous files. Object stores support
    /// only `snapshots`. Ignored for `-`.
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
    /// The tables to write, as a list or separated by commas. If empty, all tables are written.
    #[serde(default)]
    pub(crate) tables: Names,
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

    /// The tables to write.
    pub(crate) fn choice(&self) -> Choice {
        Choice {
            tables: self.tables.clone(),
            ..Choice::default()
        }
    }

    pub(crate) fn is_pipe(&self) -> bool {
        self.path == Path::new("-")
    }
}

fn default_layout() -> Layout {
    Layout::Latest
}
