//! The sink's options. Their doc comments are shown by `fortilake sinks`.

use std::path::PathBuf;
use std::sync::Arc;

use fortilake_sink::{Error, Kind, Result, Secret};
use fortilake_snapshot::parquet::ParquetOptions;
use fortilake_snapshot::{FileTarget, Layout, scheme};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::catalog::{DuckLake, absolute};
use crate::sqlite::SqliteFile;
use crate::store::Store;

#[cfg(test)]
mod tests;

/// Options of the `ducklake` sink.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Config {
    /// The catalog: a SQLite file, or a database such as `postgres://USER@HOST/DATABASE`, which needs a build with the
    /// feature `postgres`. It is created if it does not exist, and can be one that DuckDB created.
    pub(crate) catalog: PathBuf,
    /// The folder to publish the files into, created if it does not exist, or a URL such as `s3://BUCKET/PREFIX`, which
    /// needs a build with the feature `cloud`.
    pub(crate) data: PathBuf,
    /// PostgreSQL: the password of the user in `catalog`.
    #[serde(default)]
    pub(crate) catalog_password: Option<Secret>,
    /// PostgreSQL: the schema of the catalog, created if it does not exist. Without it, `public`, which is also DuckDB's
    /// default.
    #[serde(default)]
    pub(crate) catalog_schema: Option<String>,
    /// PostgreSQL: a PEM file with the certificates of a private CA. If it is set, only these CAs are trusted.
    #[serde(default)]
    pub(crate) catalog_ca_cert: Option<PathBuf>,
    /// How the files are written, and how to reach the bucket of a URL.
    #[serde(flatten)]
    pub(crate) files: ParquetOptions,
}

impl Config {
    /// The catalog, after checking the options.
    pub(crate) fn catalog(&self) -> Result<Arc<DuckLake>> {
        let text = self.catalog.to_string_lossy();
        if text.is_empty() {
            return config("option `catalog` is empty");
        }
        let store = match scheme(&text) {
            Some("postgres" | "postgresql") => self.server(&text)?,
            Some(scheme) => {
                return config(format!(
                    "option `catalog` is a `{scheme}://` URL, but it must be a SQLite file or a `postgres://` URL"
                ));
            }
            None => self.file()?,
        };
        if self.data.as_os_str().is_empty() {
            return config("option `data` is empty");
        }
        DuckLake::new(store, &self.data).map(Arc::new)
    }

    fn file(&self) -> Result<Store> {
        let others = [
            ("catalog_password", self.catalog_password.is_some()),
            ("catalog_schema", self.catalog_schema.is_some()),
            ("catalog_ca_cert", self.catalog_ca_cert.is_some()),
        ];
        if let Some((name, _)) = others.iter().find(|(_, is_set)| *is_set) {
            return config(format!(
                "option `{name}` is only for a catalog in PostgreSQL, but option `catalog` is a file"
            ));
        }
        Ok(Store::Sqlite(SqliteFile::new(absolute(&self.catalog)?)))
    }

    #[cfg(feature = "postgres")]
    fn server(&self, url: &str) -> Result<Store> {
        let server = crate::postgres::Server::new(
            url,
            self.catalog_password.as_ref().map(Secret::expose),
            self.catalog_schema.as_deref().unwrap_or("public"),
            self.catalog_ca_cert.clone(),
        );
        Ok(Store::Postgres(Box::new(server?)))
    }

    #[cfg(not(feature = "postgres"))]
    #[expect(clippy::unused_self, reason = "a build with the feature needs it")]
    fn server(&self, _: &str) -> Result<Store> {
        config(
            "option `catalog` is a `postgres://` URL, which is not supported, because this program was built without the \
             feature `postgres`; build it with `--features postgres`, or use a SQLite file",
        )
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

fn config<T>(text: impl Into<String>) -> Result<T> {
    Err(Error::new(Kind::Config, text))
}
