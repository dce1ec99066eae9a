//! Stores what sinks remember between runs in the state.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
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
    let store = Arc::new(store);
    Ok(Arc::new(StateStore { store, name }))
}

/// Implements the sink crate's [`Store`] with a store of the state crate.
struct StateStore {
    store: Arc<SinkStore>,
    name: String,
}

#[async_trait]
impl Store for StateStore {
    async fn get(&self, key: &str) -> sink::Result<Option<Vec<u8>>> {
        let key = key.to_owned();
        self.ask(move |store| store.get(&key)).await
    }

    async fn put(&self, key: &str, value: &[u8]) -> sink::Result<()> {
        let (key, value) = (key.to_owned(), value.to_owned());
        self.ask(move |store| store.put(&key, &value)).await
    }

    async fn delete(&self, key: &str) -> sink::Result<()> {
        let key = key.to_owned();
        self.ask(move |store| store.delete(&key)).await
    }

    async fn keys(&self, prefix: &str) -> sink::Result<Vec<String>> {
        let prefix = prefix.to_owned();
        self.ask(move |store| store.keys(&prefix)).await
    }
}

impl StateStore {
    /// Runs a store operation. The database may block, so it runs outside the async worker threads.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&SinkStore) -> state::Result<T> + Send + 'static,
    ) -> sink::Result<T> {
        let store = self.store.clone();
        match tokio::task::spawn_blocking(move || question(&store)).await {
            Ok(answer) => answer.map_err(failed),
            Err(error) => {
                let text = "the task that accesses the sink's store panicked";
                Err(sink::Error::new(sink::Kind::Internal, text).with_source(error))
            }
        }
    }
}

impl fmt::Debug for StateStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("StateStore")
            .field(&self.name)
            .finish()
    }
}

fn failed(error: state::Error) -> sink::Error {
    let kind = match error.kind() {
        state::Kind::Full => sink::Kind::Full,
        state::Kind::Io | state::Kind::Busy | state::Kind::Unavailable => sink::Kind::Unavailable,
        _ => sink::Kind::Internal,
    };
    sink::Error::new(kind, "the sink's store cannot be read or written").with_source(error)
}
