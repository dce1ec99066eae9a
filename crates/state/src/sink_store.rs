//! The persistent key-value stores of sinks.

#[cfg(test)]
mod tests;

use rusqlite::OptionalExtension;

use crate::{Result, State, checksum::Checksum, error::OperationError};

/// The key-value store of one sink, for kilobytes of data.
#[derive(Clone)]
pub struct SinkStore {
    state: State,
    sink: String,
}

impl State {
    /// The store of the sink with this name.
    ///
    /// It checks all values of all sinks, because a value whose key is damaged would otherwise seem
    /// not to exist.
    pub fn sink_store(&self, sink: &str) -> Result<SinkStore> {
        self.0.write("check the sinks' values", |transaction| {
            let mut statement =
                transaction.prepare("SELECT sink, key, value, checksum FROM sink_values")?;
            let mut rows = statement.query(())?;
            while let Some(row) = rows.next()? {
                let (sink, key): (String, String) = (row.get(0)?, row.get(1)?);
                let value: Vec<u8> = row.get(2)?;
                if row.get::<_, i64>(3)? != checksum(&sink, &key, &value) {
                    let message =
                        format!("the value `{key}` of sink `{sink}` has a wrong checksum");
                    return Err(OperationError::Damaged(message));
                }
            }
            Ok(())
        })?;
        Ok(SinkStore {
            state: self.clone(),
            sink: sink.to_owned(),
        })
    }
}

impl SinkStore {
    /// Sets a value, replacing an earlier one. On return it survives a kill of the process.
    pub fn put(&self, key: &str, value: &[u8]) -> Result<()> {
        self.state.0.write("save a sink's value", |transaction| {
            transaction
                .prepare_cached("INSERT OR REPLACE INTO sink_values VALUES (?, ?, ?, ?)")?
                .execute((&self.sink, key, value, checksum(&self.sink, key, value)))?;
            Ok(())
        })
    }

    /// The value of this key; `None` if there is none.
    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>> {
        self.state.0.write("read a sink's value", |transaction| {
            let row: Option<(Vec<u8>, i64)> = transaction
                .prepare_cached(
                    "SELECT value, checksum FROM sink_values WHERE sink = ? AND key = ?",
                )?
                .query_row((&self.sink, key), |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            match row {
                Some((value, sum)) if sum != checksum(&self.sink, key, &value) => {
                    let message = format!(
                        "the value `{key}` of sink `{}` has a wrong checksum",
                        self.sink
                    );
                    Err(OperationError::Damaged(message))
                }
                row => Ok(row.map(|(value, _)| value)),
            }
        })
    }

    /// Deletes the value of this key, if there is one.
    pub fn delete(&self, key: &str) -> Result<()> {
        self.state.0.write("delete a sink's value", |transaction| {
            transaction
                .prepare_cached("DELETE FROM sink_values WHERE sink = ? AND key = ?")?
                .execute((&self.sink, key))?;
            Ok(())
        })
    }

    /// The keys that begin with `prefix`, sorted.
    pub fn keys(&self, prefix: &str) -> Result<Vec<String>> {
        self.state.0.write("list a sink's values", |transaction| {
            let mut statement = transaction
                .prepare_cached("SELECT key FROM sink_values WHERE sink = ? ORDER BY key")?;
            let keys = statement.query_map((&self.sink,), |row| row.get(0))?;
            let mut keys = keys.collect::<rusqlite::Result<Vec<String>>>()?;
            keys.retain(|key| key.starts_with(prefix));
            Ok(keys)
        })
    }
}

fn checksum(sink: &str, key: &str, value: &[u8]) -> i64 {
    Checksum::of("sink_values")
        .text(sink)
        .text(key)
        .bytes(value)
        .finish()
}
