//! Baselines: the figures that the guard compares the next snapshot with.

#[cfg(test)]
mod tests;

use rusqlite::OptionalExtension as _;

use crate::{Error, Kind, Result, State, checksum::Checksum, error::OperationError};

/// The figures of the last complete snapshot of some sources.
///
/// They are stored apart from the crawl, because old crawls are removed. If the last complete crawl
/// is removed after a series of failed ones, the guard must still have something to compare with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Baseline {
    /// The snapshot's name.
    pub snapshot: String,
    /// The figures, in the caller's own format.
    pub figures: String,
}

impl State {
    /// The baseline of these sources; `None` if there is none yet.
    pub fn baseline(&self, sources: &str) -> Result<Option<Baseline>> {
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
            let figures = zstd::decode_all(body.as_slice()).ok();
            let figures = figures.and_then(|text| String::from_utf8(text).ok());
            match figures {
                Some(figures) if sum == checksum(sources, &snapshot, &body) => {
                    Ok(Some(Baseline { snapshot, figures }))
                }
                _ => Err(OperationError::Damaged(format!(
                    "the row counts of snapshot {snapshot} cannot be read"
                ))),
            }
        })
    }

    /// The keys of all baselines, sorted.
    pub fn baseline_keys(&self) -> Result<Vec<String>> {
        self.0.write("list the baselines", |transaction| {
            let mut keys = transaction.prepare_cached("SELECT key FROM baselines ORDER BY key")?;
            let keys = keys.query_map((), |row| row.get(0))?;
            Ok(keys.collect::<Result<_, _>>()?)
        })
    }

    /// Stores a baseline, replacing the previous one of the same sources.
    pub fn set_baseline(&self, sources: &str, baseline: &Baseline) -> Result<()> {
        let Baseline { snapshot, figures } = baseline;
        let body = zstd::encode_all(figures.as_bytes(), 0).map_err(|error| {
            Error::new(
                Kind::Unforeseen,
                "cannot compress the row counts of a snapshot",
            )
            .with_source(error)
        })?;
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
