//! The table `sink_values`.

use rusqlite::OptionalExtension;

use super::Sqlite;
use crate::{Result, checksum::Checksum, error::OperationError};

impl Sqlite {
    pub(super) fn check_values(&self) -> Result<()> {
        self.0.write("check the sinks' values", |transaction| {
            let mut statement =
                transaction.prepare("SELECT sink, key, value, checksum FROM sink_values")?;
            let mut rows = statement.query(())?;
            while let Some(row) = rows.next()? {
                let (sink, key): (String, String) = (row.get(0)?, row.get(1)?);
                let value: Vec<u8> = row.get(2)?;
                if row.get::<_, i64>(3)? != checksum(&sink, &key, &value) {
                    return Err(damaged(&sink, &key));
                }
            }
            Ok(())
        })
    }

    pub(super) fn write_value(&self, sink: &str, key: &str, value: Option<&[u8]>) -> Result<()> {
        let Some(value) = value else {
            return self.0.write("delete a sink's value", |transaction| {
                transaction
                    .prepare_cached("DELETE FROM sink_values WHERE sink = ? AND key = ?")?
                    .execute((sink, key))?;
                Ok(())
            });
        };
        self.0.write("save a sink's value", |transaction| {
            transaction
                .prepare_cached("INSERT OR REPLACE INTO sink_values VALUES (?, ?, ?, ?)")?
                .execute((sink, key, value, checksum(sink, key, value)))?;
            Ok(())
        })
    }

    pub(super) fn read_value(&self, sink: &str, key: &str) -> Result<Option<Vec<u8>>> {
        self.0.write("read a sink's value", |transaction| {
            let row: Option<(Vec<u8>, i64)> = transaction
                .prepare_cached(
                    "SELECT value, checksum FROM sink_values WHERE sink = ? AND key = ?",
                )?
                .query_row((sink, key), |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            match row {
                Some((value, sum)) if sum != checksum(sink, key, &value) => Err(damaged(sink, key)),
                row => Ok(row.map(|(value, _)| value)),
            }
        })
    }

    pub(super) fn list_values(&self, sink: &str) -> Result<Vec<String>> {
        self.0.write("list a sink's values", |transaction| {
            let mut statement = transaction
                .prepare_cached("SELECT key FROM sink_values WHERE sink = ? ORDER BY key")?;
            let keys = statement.query_map((sink,), |row| row.get(0))?;
            Ok(keys.collect::<rusqlite::Result<_>>()?)
        })
    }
}

fn damaged(sink: &str, key: &str) -> OperationError {
    OperationError::Damaged(format!(
        "the value `{key}` of sink `{sink}` has a wrong checksum"
    ))
}

fn checksum(sink: &str, key: &str, value: &[u8]) -> i64 {
    Checksum::of("sink_values")
        .text(sink)
        .text(key)
        .bytes(value)
        .finish()
}
