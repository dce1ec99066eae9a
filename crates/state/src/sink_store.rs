//! The persistent key-value stores of sinks.

#[cfg(test)]
mod tests;

use crate::{Result, State};

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
        self.0.check_sink_values()?;
        Ok(SinkStore {
            state: self.clone(),
            sink: sink.to_owned(),
        })
    }
}

impl SinkStore {
    /// Sets a value, replacing an earlier one. On return it survives a kill of the process.
    pub fn put(&self, key: &str, value: &[u8]) -> Result<()> {
        self.state.0.set_sink_value(&self.sink, key, Some(value))
    }

    /// The value of this key; `None` if there is none.
    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>> {
        self.state.0.sink_value(&self.sink, key)
    }

    /// Deletes the value of this key, if there is one.
    pub fn delete(&self, key: &str) -> Result<()> {
        self.state.0.set_sink_value(&self.sink, key, None)
    }

    /// The keys that begin with `prefix`, sorted.
    pub fn keys(&self, prefix: &str) -> Result<Vec<String>> {
        let mut keys = self.state.0.sink_keys(&self.sink)?;
        keys.retain(|key| key.starts_with(prefix));
        Ok(keys)
    }
}
