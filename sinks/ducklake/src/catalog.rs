//! The catalog as the commit protocol sees it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use fortilake_sink::{Error, Kind, Result, TableSpec};
use fortilake_snapshot::{Catalog, Manifest, Place, PublishedColumn, scheme};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use tracing::debug;

use crate::database::Database;
use crate::footer::Snapshot;
use crate::statistics;
use crate::store::Store;

/// A DuckLake catalog for the files of one place.
#[derive(Clone, Debug)]
pub(crate) struct DuckLake(Database);

impl DuckLake {
    /// A catalog for the files of the place at `data`.
    pub(crate) fn new(store: Store, data: &Path) -> Result<Self> {
        let text = data.to_string_lossy();
        let mut prefix = match scheme(&text) {
            Some(_) => text.into_owned(),
            None => absolute(data)?.to_string_lossy().into_owned(),
        };
        if !prefix.ends_with('/') {
            prefix.push('/');
        }
        Ok(Self(Database { store, prefix }))
    }

    /// Checks that the catalog can be written.
    pub(crate) async fn probe(&self) -> Result<()> {
        self.run(|database| database.check(&[])).await
    }

    /// Runs `work` on a thread where blocking is allowed.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(Database) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let database = self.0.clone();
        let done = tokio::task::spawn_blocking(move || work(database)).await;
        done.unwrap_or_else(|error| {
            let text = "a transaction of the DuckLake catalog panicked or was cancelled";
            Err(Error::new(Kind::Internal, text).with_source(error))
        })
    }
}

/// The absolute form of a path, because the catalog is read by programs with other working directories.
pub(crate) fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|error| Error::io("find the absolute path of", path, error))
}

#[async_trait]
impl Catalog for DuckLake {
    fn name(&self) -> String {
        // Several catalogs can list the files of one place.
        let digest = Sha256::digest(self.0.store.identity().as_bytes());
        let hex = digest[..6]
            .iter()
            .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        format!("ducklake_{hex}")
    }

    fn folders(&self, _tables: &[String]) -> Vec<String> {
        // The catalog lies outside of the place.
        Vec::new()
    }

    async fn check(&self, _place: &dyn Place, tables: &[Arc<TableSpec>]) -> Result<()> {
        for table in tables {
            for field in table.schema.fields() {
                let column = PublishedColumn::new(field);
                if statistics::type_name(&column.kind).is_none() {
                    return Err(statistics::unsupported(&table.name, &column));
                }
            }
        }
        let names: Vec<_> = tables.iter().map(|table| table.name.clone()).collect();
        self.run(move |database| database.check(&names)).await
    }

    async fn register(
        &self,
        place: &dyn Place,
        snapshots: &[Manifest],
    ) -> Result<Map<String, Value>> {
        let newest = self.run(|database| database.newest()).await?;
        let is_new = |manifest: &&Manifest| newest.as_ref() < Some(&manifest.snapshot);
        for manifest in snapshots.iter().filter(is_new) {
            let snapshot = Snapshot::read(place, manifest).await?;
            self.run(move |database| database.register(&snapshot))
                .await?;
            debug!(snapshot = manifest.snapshot, "registered");
        }
        let version = self.run(|database| database.version()).await?;
        let mut members = self.0.store.members();
        members.push(("version", version.into()));
        let members = members.into_iter();
        Ok(members
            .map(|(name, value)| (name.to_owned(), value))
            .collect())
    }

    async fn forget(&self, snapshots: &[String]) -> Result<()> {
        let snapshots = snapshots.to_vec();
        self.run(move |database| database.forget(&snapshots)).await
    }
}
