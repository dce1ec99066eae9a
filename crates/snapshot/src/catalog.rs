//! Catalogs of table formats, which list the files of published snapshots for query engines.
//!
//! The manifest stays the commit. A catalog follows it: every sink that opens the place with the catalog registers
//! what is published and not registered yet. So a process that dies in between leaves a catalog that is one snapshot
//! behind, and the next one catches up. The alternative, a catalog as the commit, would need one protocol for each
//! table format, and a place without a catalog would need another.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use fortilake_sink::{Error, Kind, Result, TableSpec};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Layout;
use crate::manifest::Manifest;
use crate::names;
use crate::place::{self, Place, Put, Tag};

/// The folder of the records of what is registered.
const FOLDER: &str = "_fortilake/catalogs";

/// How often to retry writing a record while other processes write it too.
const TRIES: u32 = 50;

/// A catalog that lists the files of the snapshots in a place. Only for the layout [`Snapshots`](Layout::Snapshots).
///
/// Every call can be dropped or fail at any point, and is then repeated, perhaps by another process.
#[async_trait]
pub trait Catalog: Debug + Send + Sync {
    /// The name of its record in the place, `_fortilake/catalogs/NAME.json`: ASCII letters, digits and `_`.
    fn name(&self) -> String;

    /// The folders of the place that it writes to. They are probed when a sink opens.
    fn folders(&self, tables: &[String]) -> Vec<String>;

    /// Checks, before any call is made, that it can be written and can list these tables.
    async fn check(&self, place: &dyn Place, tables: &[Arc<TableSpec>]) -> Result<()>;

    /// Registers snapshots, oldest first, and returns the members of its record: the versions that the last one got.
    ///
    /// The first may be registered already, because a process may die between registering it and recording that. A
    /// catalog must skip a snapshot that is not newer than all that it has, so that an older crawl never replaces a
    /// newer one.
    async fn register(
        &self,
        place: &dyn Place,
        snapshots: &[Manifest],
    ) -> Result<Map<String, Value>>;

    /// Forgets snapshots, because their files are about to be deleted.
    async fn forget(&self, snapshots: &[String]) -> Result<()>;
}

/// The record in the place that says what a catalog has registered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Record {
    /// The newest registered snapshot.
    snapshot: String,
    /// What the catalog returned.
    #[serde(flatten)]
    members: Map<String, Value>,
}

/// Registers all published snapshots that are newer than those in the catalog's record.
pub(crate) async fn register(place: &dyn Place, catalog: &dyn Catalog) -> Result<()> {
    let path = format!("{FOLDER}/{}.json", catalog.name());
    let recorded: Option<(Record, Tag)> = place::read_json(place, &path).await?;
    let recorded = recorded.map(|(record, _)| record.snapshot);
    let names = names::published(place, Layout::Snapshots).await?;
    let newest = names.last().cloned();
    let Some(newest) = newest.filter(|newest| recorded.as_ref().is_none_or(|old| old < newest))
    else {
        return Ok(());
    };
    // The recorded snapshot comes along: a catalog may need to know which tables it had.
    let mut snapshots = Vec::new();
    for name in names.range(recorded.unwrap_or_default()..=newest.clone()) {
        let manifest = names::read_manifest(place, Layout::Snapshots, name).await?;
        snapshots.extend(manifest.filter(|found| found.is_of(Layout::Snapshots)));
    }
    let members = catalog.register(place, &snapshots).await?;
    let record = Record {
        snapshot: newest,
        members,
    };
    write(place, &path, &record).await
}

/// Writes the record, unless another process has recorded the same or a newer snapshot.
async fn write(place: &dyn Place, path: &str, record: &Record) -> Result<()> {
    let mut last = Ok(());
    for _ in 0..TRIES {
        let there: Option<(Record, Tag)> = place::read_json(place, path).await?;
        let (there, tag) = there.unzip();
        if there.is_some_and(|there| there.snapshot >= record.snapshot) {
            return Ok(());
        }
        last?;
        last = match place
            .swap(path, tag.as_ref(), place::to_json(record)?)
            .await
        {
            Ok(Put::Done) => return Ok(()),
            Ok(Put::Taken) => Ok(()),
            Err(error) => Err(error),
        };
    }
    let text = format!(
        "cannot write `{path}` in `{}`: other processes changed it {TRIES} times in a row; run the same command again",
        place.location()
    );
    Err(Error::new(Kind::Unavailable, text))
}

/// The snapshots that readers of a catalog see now. They must not be pruned, not even by another sink.
pub(crate) async fn current(place: &dyn Place) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for path in place.list(FOLDER).await? {
        let record: Option<(Record, Tag)> = place::read_json(place, &path).await?;
        names.extend(record.map(|(record, _)| record.snapshot));
    }
    Ok(names)
}
