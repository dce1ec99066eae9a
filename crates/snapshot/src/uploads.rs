//! Uploads of a sink, and the record of their ids, by which the next run discards the uploads of a dead process.

use std::sync::Arc;

use fortilake_sink::{Error, Kind, Result, Store};
use serde::{Deserialize, Serialize};

use crate::place::{Place, Upload};

/// The prefix of the store's keys for recorded uploads; the file's path follows.
const PREFIX: &str = "upload/";

#[derive(Debug, Serialize, Deserialize)]
struct Recorded {
    path: String,
    id: String,
}

/// Open uploads with their paths, and the store that has their ids.
pub(crate) struct Uploads {
    store: Arc<dyn Store>,
    open: Vec<(String, Box<dyn Upload>)>,
}

impl Uploads {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            open: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, path: String, upload: Box<dyn Upload>) {
        self.open.push((path, upload));
    }

    /// Completes all uploads. After an error, the caller discards the ones that are left.
    pub(crate) async fn complete(&mut self) -> Result<()> {
        while let Some((path, upload)) = self.open.pop() {
            upload.complete().await?;
            self.store.delete(&key(&path)).await?;
        }
        Ok(())
    }

    /// Discards all uploads. Those that cannot be discarded now stay recorded for the next run.
    pub(crate) async fn discard(&mut self) -> Result<()> {
        let mut discarded = Ok(());
        while let Some((path, upload)) = self.open.pop() {
            let done = match upload.discard().await {
                Ok(()) => self.store.delete(&key(&path)).await,
                Err(error) => Err(error),
            };
            discarded = discarded.and(done);
        }
        discarded
    }
}

/// Starts the upload of `path`, and records its id in the store if the place cannot find leftovers by itself.
///
/// A process that dies between these two steps leaks the upload, because the id exists only after the upload does. On
/// object stores, a lifecycle rule of the bucket removes it.
pub(crate) async fn begin(
    place: &dyn Place,
    store: &Arc<dyn Store>,
    path: &str,
) -> Result<Box<dyn Upload>> {
    let upload = place.begin(path).await?;
    if let Some(id) = upload.id() {
        let recorded = Recorded {
            path: path.to_owned(),
            id: id.to_owned(),
        };
        let value = serde_json::to_vec(&recorded).map_err(|error| {
            Error::new(Kind::Internal, "cannot encode an upload").with_source(error)
        })?;
        store.put(&key(path), &value).await?;
    }
    Ok(upload)
}

/// Discards all recorded uploads. Dead processes of this sink left them.
pub(crate) async fn discard(place: &dyn Place, store: &dyn Store) -> Result<()> {
    for key in store.keys(PREFIX).await? {
        let value = store.get(&key).await?;
        let recorded = value.and_then(|value| serde_json::from_slice::<Recorded>(&value).ok());
        if let Some(recorded) = recorded {
            place.discard(&recorded.path, &recorded.id).await?;
        }
        store.delete(&key).await?;
    }
    Ok(())
}

fn key(path: &str) -> String {
    format!("{PREFIX}{path}")
}
