//! The options that all sinks of Parquet files share, and how such a sink is opened.

use std::path::PathBuf;
use std::sync::Arc;

use fortilake_sink::{Context, Result, Sink};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{PageCompression, Parquet};
use crate::{BucketOptions, Catalog, Choice, FileTarget, Keep, Layout, Names, PartialRule};

/// How a sink writes Parquet files. Sinks flatten it into their options.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct ParquetOptions {
    /// Which snapshots to keep, such as `{ last = 30, days = 90 }`. Without it, all are kept. Only for layout
    /// `snapshots`.
    #[serde(default)]
    pub keep: Option<Keep>,
    /// What to do if rows of the published snapshot would disappear because their scope failed: `publish` or
    /// `refuse`. Without it, layout `snapshots` publishes and layout `latest` refuses.
    #[serde(default)]
    pub partial: Option<PartialRule>,
    /// The tables to write, as a list or separated by commas. If empty, all tables are written.
    #[serde(default)]
    pub tables: Names,
    /// How pages are compressed: `zstd`, `snappy` for readers that do not know zstd, or `none`.
    #[serde(default)]
    pub compression: PageCompression,
    /// The size in bytes at which a row group is closed. It also bounds the memory used per table.
    // With row groups below 64 KiB, a file would consist mostly of metadata.
    #[serde(default = "default_row_group_bytes")]
    #[schemars(range(min = 65_536))]
    pub row_group_bytes: usize,
    /// How to reach the bucket of a URL.
    #[serde(flatten)]
    pub bucket: BucketOptions,
}

impl ParquetOptions {
    /// Where these options publish to.
    pub fn target(
        &self,
        path: impl Into<PathBuf>,
        layout: Layout,
        catalog: Option<Arc<dyn Catalog>>,
    ) -> FileTarget {
        FileTarget {
            path: path.into(),
            bucket: self.bucket.clone(),
            layout,
            keep: self.keep,
            partial: self.partial,
            catalog,
        }
    }

    /// Opens a sink that publishes the chosen tables to `target`.
    pub async fn open(&self, target: FileTarget, mut context: Context) -> Result<Box<dyn Sink>> {
        let choice = Choice {
            tables: self.tables.clone(),
            ..Choice::default()
        };
        let chosen = choice.narrow(&mut context)?;
        let format = Parquet {
            row_group_bytes: self.row_group_bytes,
            compression: self.compression,
        };
        Ok(chosen.before(target.open(format, context).await?))
    }
}

fn default_row_group_bytes() -> usize {
    4 << 20
}
