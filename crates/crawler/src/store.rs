//! Stores what sinks remember between runs in the state.

use std::{fmt, sync::Arc};

use fortilake_sink::{self as sink, Spec, Store, registry};
use fortilake_state::{self as state, SinkStore, State, digest};
use serde_json::Value;

/// The store of the sink with this name and target.
///
/// Two sinks of the same name are distinguished by their targets. A target may be secret, so only a
/// digest of it is stored.
pub fn sink_store(state: &State, spec: &Spec) -> sink::Result<Arc<dyn Store>> {
    let target = registry::find(&spec.sink)?.target;
    let target = spec
        .options
        .get(target)
        .map_or(String::new(), Value::to_string);
    let name = format!("{} {}", spec.sink, digest(&target));
    let store = state.sink_store(&name).map_err(failed)?;
    Ok(Arc::new(Kept { store, name }))
}

/// Implements the sink crate's [`Store`] with a store of the state crate.
struct Kept {
    store: SinkStore,
    name: String,
}

impl Store for Kept {
    fn get(&self, key: &str) -> sink::Result<Option<Vec<u8>>> {
        self.store.get(key).map_err(failed)
    }

    fn put(&self, key: &str, value: &[u8]) -> sink::Result<()> {
        self.store.put(key, value).map_err(failed)
    }

    fn delete(&self, key: &str) -> sink::Result<()> {
        self.store.delete(key).map_err(failed)
    }

    fn keys(&self, prefix: &str) -> sink::Result<Vec<String>> {
        self.store.keys(prefix).map_err(failed)
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Kept").field(&self.name).finish()
    }
}

fn failed(error: state::Error) -> sink::Error {
    let kind = match error.kind() {
        state::Kind::Full => sink::Kind::Full,
        state::Kind::Io | state::Kind::Busy => sink::Kind::Unavailable,
        _ => sink::Kind::Internal,
    };
    sink::Error::new(kind, "what the sink remembers cannot be kept").with_source(error)
}
