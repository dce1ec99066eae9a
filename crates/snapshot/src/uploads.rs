//! Uploads of a sink, and the record of their ids, by which the next run discards the uploads of a dead process.

use std::sync::Arc;

use async_trait::async_trait;
use fortilake_sink::{Error, Kind, Result, Store};
use serde::{Deserialize, Serialize};
use tracing::warn;

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

/// Starts the upload of `path`. Its id is recorded in the store as soon as it has one.
///
/// A process that dies between these two steps leaks the upload, because the id exists only after the upload does. If
/// the place can list uploads, the next run of the crawl finds it; otherwise a lifecycle rule of the bucket removes it.
pub(crate) async fn begin(
    place: &dyn Place,
    store: &Arc<dyn Store>,
    path: &str,
) -> Result<Box<dyn Upload>> {
    let mut upload = Recording {
        upload: place.begin(path).await?,
        store: Arc::clone(store),
        path: path.to_owned(),
        is_recorded: false,
    };
    upload.record().await?;
    Ok(Box::new(upload))
}

/// An upload whose id is recorded when it appears.
struct Recording {
    upload: Box<dyn Upload>,
    store: Arc<dyn Store>,
    path: String,
    is_recorded: bool,
}

impl Recording {
    async fn record(&mut self) -> Result<()> {
        let Some(id) = self.upload.id().filter(|_| !self.is_recorded) else {
            return Ok(());
        };
        let recorded = Recorded {
            path: self.path.clone(),
            id: id.to_owned(),
        };
        let value = serde_json::to_vec(&recorded).map_err(|error| {
            Error::new(Kind::Internal, "cannot encode an upload").with_source(error)
        })?;
        self.store.put(&key(&self.path), &value).await?;
        self.is_recorded = true;
        Ok(())
    }
}

#[async_trait]
impl Upload for Recording {
    fn id(&self) -> Option<&str> {
        self.upload.id()
    }

    async fn write(&mut self, bytes: Vec<u8>) -> Result<()> {
        self.upload.write(bytes).await?;
        self.record().await
    }

    async fn complete(self: Box<Self>) -> Result<()> {
        self.upload.complete().await
    }

    async fn discard(self: Box<Self>) -> Result<()> {
        self.upload.discard().await
    }
}

/// Discards the recorded uploads of files of this snapshot. A dead process of the same crawl left them.
///
/// Uploads of other snapshots stay: the store is that of the sink, and another crawl may be publishing at this moment.
/// An upload that cannot be discarded now stays recorded, and does not keep the crawl from being published.
pub(crate) async fn discard(place: &dyn Place, store: &dyn Store, snapshot: &str) -> Result<()> {
    let folder = format!("/snapshot={snapshot}/");
    for key in store.keys(PREFIX).await? {
        let value = store.get(&key).await?;
        let recorded = value.and_then(|value| serde_json::from_slice::<Recorded>(&value).ok());
        if let Some(recorded) = recorded {
            if !recorded.path.contains(&folder) {
                continue;
            }
            if let Err(error) = place.discard(&recorded.path, &recorded.id).await {
                let error: &dyn std::error::Error = &error;
                warn!(error, path = recorded.path, "an upload is left");
                continue;
            }
        }
        store.delete(&key).await?;
    }
    Ok(())
}

fn key(path: &str) -> String {
    format!("{PREFIX}{path}")
}
