//! The sink's options. Their doc comments are shown by `fortilake sinks`.

use std::path::PathBuf;
use std::sync::Arc;

use fortilake_sink::{Error, Kind, Result};
use fortilake_snapshot::parquet::ParquetOptions;
use fortilake_snapshot::{FileTarget, Layout, scheme};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::catalog::{DuckLake, absolute};
use crate::sqlite::SqliteFile;
use crate::store::Store;

/// Options of the `ducklake` sink.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Config {
    /// The SQLite file with the catalog, created if it does not exist. It can be one that DuckDB created.
    pub(crate) catalog: PathBuf,
    /// The folder to publish the files into, created if it does not exist, or a URL such as `s3://BUCKET/PREFIX`, which
    /// needs a build with the feature `cloud`.
    pub(crate) data: PathBuf,
    /// How the files are written, and how to reach the bucket of a URL.
    #[serde(flatten)]
    pub(crate) files: ParquetOptions,
}

impl Config {
    /// The catalog, after checking the options.
    pub(crate) fn catalog(&self) -> Result<Arc<DuckLake>> {
        let config = |text: String| Err(Error::new(Kind::Config, text));
        let text = self.catalog.to_string_lossy();
        if text.is_empty() {
            return config("option `catalog` is empty".to_owned());
        }
        if let Some(scheme) = scheme(&text) {
            return config(format!(
                "option `catalog` is a `{scheme}://` URL, but it must be a SQLite file; catalogs in PostgreSQL are not \
                 supported"
            ));
        }
        if self.data.as_os_str().is_empty() {
            return config("option `data` is empty".to_owned());
        }
        let store = Store::Sqlite(SqliteFile::new(absolute(&self.catalog)?));
        DuckLake::new(store, &self.data).map(Arc::new)
    }

    /// The place, with the catalog.
    pub(crate) fn target(&self) -> Result<FileTarget> {
        let catalog = self.catalog()?;
        let target = self
            .files
            .target(&self.data, Layout::Snapshots, Some(catalog));
        Ok(target)
    }
}
