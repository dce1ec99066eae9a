//! An [`Upload`] on the local file system: a file in the staging folder that is renamed when it is complete.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use fortilake_sink::{Error, Kind, Result};

use super::{Inner, blocking, disk};
use crate::Upload;

pub(super) struct LocalUpload {
    /// Keeps the staging folder from being removed.
    inner: Arc<Inner>,
    /// `None` after a write failed or was dropped: the file may end with part of the bytes.
    file: Option<File>,
    from: PathBuf,
    to: PathBuf,
}

impl LocalUpload {
    pub(super) async fn begin(inner: Arc<Inner>, to: PathBuf) -> Result<Self> {
        let from = inner.staging().await?.file();
        let path = from.clone();
        let file = blocking(move || {
            File::create_new(&path).map_err(|error| Error::io("create", &path, error))
        });
        Ok(Self {
            inner,
            file: Some(file.await?),
            from,
            to,
        })
    }

    fn take(&mut self) -> Result<File> {
        let text = "an earlier write of this file failed or was cancelled";
        self.file
            .take()
            .ok_or_else(|| Error::new(Kind::Internal, text))
    }
}

#[async_trait]
impl Upload for LocalUpload {
    fn id(&self) -> Option<&str> {
        None
    }

    async fn write(&mut self, bytes: Vec<u8>) -> Result<()> {
        let mut file = self.take()?;
        let path = self.from.clone();
        let written = blocking(move || {
            file.write_all(&bytes)
                .map_err(|error| Error::io("write", &path, error))?;
            Ok(file)
        });
        self.file = Some(written.await?);
        Ok(())
    }

    async fn complete(mut self: Box<Self>) -> Result<()> {
        let file = self.take()?;
        let (from, to) = (self.from.clone(), self.to.clone());
        // Blocking work continues if this future is dropped, so it keeps the staging folder itself.
        let inner = Arc::clone(&self.inner);
        blocking(move || {
            let _inner = inner;
            file.sync_all()
                .map_err(|error| Error::io("write", &from, error))?;
            disk::rename(&from, &to)
        })
        .await
    }

    async fn discard(mut self: Box<Self>) -> Result<()> {
        drop(self.file.take());
        let from = self.from.clone();
        blocking(move || disk::remove_file(&from)).await
    }
}

/// The staged path of a small file that is written with one call.
pub(super) fn part(staging: &Path, path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default();
    let mut name = name.to_owned();
    name.push(".part");
    staging.join(name)
}
