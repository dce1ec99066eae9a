//! Registers snapshots: one commit for each table and snapshot.
//!
//! Delta has no transaction across tables, so a process can die between two of them. Each log therefore says which
//! snapshot it has, and whoever comes next writes only the commits that are missing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fortilake_sink::{Error, Kind, Result, TableSpec};
use fortilake_snapshot::{Catalog, Manifest, Place, PublishedColumn};
use serde_json::{Map, Value, json};
use tracing::debug;

use crate::actions::{Version, commit};
use crate::log::{Log, path};
use crate::schema;

/// How often to commit again after another process took the version.
const TRIES: u32 = 50;

/// The logs in a place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delta;

#[async_trait]
impl Catalog for Delta {
    fn name(&self) -> String {
        "delta".to_owned()
    }

    fn folders(&self, tables: &[String]) -> Vec<String> {
        let tables = tables.iter();
        tables.map(|table| format!("{table}/_delta_log")).collect()
    }

    async fn check(&self, place: &dyn Place, tables: &[Arc<TableSpec>]) -> Result<()> {
        for table in tables {
            for field in table.schema.fields() {
                let column = PublishedColumn::new(field);
                if schema::type_name(&column.kind).is_none() {
                    return Err(schema::unsupported(&table.name, &column));
                }
            }
            Log::read(place, &table.name).await?;
        }
        Ok(())
    }

    async fn register(
        &self,
        place: &dyn Place,
        snapshots: &[Manifest],
    ) -> Result<Map<String, Value>> {
        let tables = snapshots.iter().flat_map(|manifest| &manifest.tables);
        let tables: BTreeSet<_> = tables.map(|table| table.name.as_str()).collect();
        let mut logs = BTreeMap::new();
        for table in tables {
            logs.insert(table, Log::read(place, table).await?);
        }
        for manifest in snapshots {
            register(place, &mut logs, manifest).await?;
        }
        // Tables that the newest snapshot lacks are empty, and readers do not need their versions.
        let newest = snapshots.iter().next_back();
        let there = newest.into_iter().flat_map(|manifest| &manifest.tables);
        let there: BTreeSet<_> = there.map(|table| table.name.as_str()).collect();
        let versions = logs.into_iter().filter(|(table, _)| there.contains(table));
        let versions: Map<_, _> = versions
            .map(|(table, log)| (table.to_owned(), log.length.saturating_sub(1).into()))
            .collect();
        Ok(Map::from_iter([("tables".to_owned(), json!(versions))]))
    }

    async fn forget(&self, _snapshots: &[String]) -> Result<()> {
        // Versions cannot be taken out of a log. Those of pruned snapshots stay, without files.
        Ok(())
    }
}

/// Registers one snapshot in all logs that do not have it or a newer one.
async fn register(
    place: &dyn Place,
    logs: &mut BTreeMap<&str, Log>,
    manifest: &Manifest,
) -> Result<()> {
    let name = manifest.snapshot.as_str();
    let is_behind = |log: &Log| log.snapshot.as_deref() < Some(name);
    // A process that died may have registered this snapshot in some tables.
    let lengths = logs
        .values()
        .map(|log| log.length + u64::from(is_behind(log)));
    let length = lengths.max().unwrap_or_default();
    for (table, log) in logs.iter_mut().filter(|(_, log)| is_behind(log)) {
        let described = manifest.tables.iter().find(|found| found.name == *table);
        if let Some(described) = described {
            while log.snapshot.is_none() && log.length + 1 < length {
                let length = log.length;
                let version = Version::Before(described);
                write(place, table, log, manifest, version, |log| {
                    log.length > length
                })
                .await?;
            }
        } else if log.snapshot.is_none() {
            // A later snapshot brings this table. It may have empty versions already, if a process died.
            continue;
        }
        let version = described.map_or(Version::Without, Version::Of);
        write(place, table, log, manifest, version, |log| !is_behind(log)).await?;
        debug!(
            table,
            snapshot = name,
            version = log.length.saturating_sub(1),
            "registered"
        );
    }
    Ok(())
}

/// Commits a version, unless `is_done` finds that another process has.
async fn write(
    place: &dyn Place,
    table: &str,
    log: &mut Log,
    manifest: &Manifest,
    version: Version<'_>,
    is_done: impl Fn(&Log) -> bool + Send,
) -> Result<()> {
    for number in 0..TRIES {
        // The log may be newer than the decision to commit.
        if is_done(log) {
            return Ok(());
        }
        let content = commit(place, log, manifest, version).await?;
        let length = log.length;
        let put = place.put_new(&path(table, length), content).await;
        // "Taken" and errors can also mean that our own commit landed and the response was lost. The log
        // shows which.
        *log = Log::read(place, table).await?;
        if is_done(log) {
            return Ok(());
        }
        put?;
        if log.length == length {
            // A store can answer that the file exists although nothing was written.
            tokio::time::sleep(Duration::from_millis(20) * number).await;
        }
    }
    let text = format!(
        "cannot commit to the Delta log of table `{table}` in `{}`: other programs took {TRIES} versions in a row; run \
         the same command again",
        place.location()
    );
    Err(Error::new(Kind::Unavailable, text))
}

#[cfg(test)]
mod tests;
