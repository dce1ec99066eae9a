//! The table `baselines`.

use rusqlite::OptionalExtension as _;

use super::Sqlite;
use crate::{Baseline, Result, checksum::Checksum, error::OperationError};

impl Sqlite {
    pub(super) fn read_baseline(&self, sources: &str) -> Result<Option<Baseline>> {
        self.0.write("read a baseline", |transaction| {
            let row: Option<(String, Vec<u8>, i64)> = transaction
                .prepare_cached("SELECT snapshot, body, checksum FROM baselines WHERE key = ?")?
                .query_row((sources,), |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                })
                .optional()?;
            let Some((snapshot, body, sum)) = row else {
                return Ok(None);
            };
            let is_whole = sum == checksum(sources, &snapshot, &body);
            match Baseline::decompressed(snapshot.clone(), &body) {
                Some(baseline) if is_whole => Ok(Some(baseline)),
                _ => Err(OperationError::Damaged(format!(
                    "the row counts of snapshot {snapshot} cannot be read"
                ))),
            }
        })
    }

    pub(super) fn list_baselines(&self) -> Result<Vec<String>> {
        self.0.write("list the baselines", |transaction| {
            let mut keys = transaction.prepare_cached("SELECT key FROM baselines ORDER BY key")?;
            let keys = keys.query_map((), |row| row.get(0))?;
            Ok(keys.collect::<Result<_, _>>()?)
        })
    }

    pub(super) fn write_baseline(&self, sources: &str, baseline: &Baseline) -> Result<()> {
        let (snapshot, body) = (&baseline.snapshot, baseline.compressed()?);
        self.0.write("save a baseline", |transaction| {
            transaction
                .prepare_cached("INSERT OR REPLACE INTO baselines VALUES (?, ?, ?, ?)")?
                .execute((sources, snapshot, &body, checksum(sources, snapshot, &body)))?;
            Ok(())
        })
    }
}

fn checksum(sources: &str, snapshot: &str, body: &[u8]) -> i64 {
    Checksum::of("baselines")
        .text(sources)
        .text(snapshot)
        .bytes(body)
        .finish()
}
