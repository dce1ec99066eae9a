//! An [`Upload`] to an object store: one request for a small file, several parts for a large one.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use fortilake_sink::{Error, Kind, Result};
use object_store::multipart::PartId;
use object_store::path::Path;
use object_store::{MultipartId, PutMode, PutPayload};

use super::Inner;
use super::error::is_absent;
use crate::place::Upload;

/// The size of a part, which is the smallest that S3 allows. All parts but the last have it, because some stores want
/// parts of equal size.
///
/// It bounds the memory for each open file. As S3 allows 10,000 parts, a file can have 50 GB.
pub(super) const PART: usize = 5 << 20;

/// A file that becomes visible when it is complete.
///
/// A file below the size of a part is one conditional request at the end. A larger one is a multipart upload, which
/// starts with the write that fills the first part, and sends that part with the next write: in between, the caller
/// records the id.
pub(super) struct CloudUpload {
    inner: Arc<Inner>,
    path: String,
    object: Path,
    buffer: Buffer,
    multipart: Option<Multipart>,
    /// Whether a call failed or was dropped, so that bytes may be missing.
    is_spent: bool,
}

/// Bytes that were not sent yet, in the pieces in which they came. Joining them would need memory for a second copy.
#[derive(Default)]
struct Buffer {
    chunks: VecDeque<Bytes>,
    length: usize,
}

impl Buffer {
    fn push(&mut self, chunk: Vec<u8>) {
        self.length += chunk.len();
        self.chunks.push_back(chunk.into());
    }

    /// Removes the first bytes, at most `length`.
    fn take(&mut self, length: usize) -> PutPayload {
        let mut taken = Vec::new();
        let mut missing = length;
        while missing > 0 {
            let Some(mut chunk) = self.chunks.pop_front() else {
                break;
            };
            if chunk.len() > missing {
                self.chunks.push_front(chunk.split_off(missing));
            }
            missing -= chunk.len();
            self.length -= chunk.len();
            taken.push(chunk);
        }
        taken.into_iter().collect()
    }
}

struct Multipart {
    id: MultipartId,
    parts: Vec<PartId>,
    bytes: u64,
}

impl CloudUpload {
    pub(super) fn new(inner: Arc<Inner>, path: String, object: Path) -> Self {
        Self {
            inner,
            path,
            object,
            buffer: Buffer::default(),
            multipart: None,
            is_spent: false,
        }
    }

    fn begin_call(&mut self) -> Result<()> {
        if mem::replace(&mut self.is_spent, true) {
            let text = "an earlier write of this file failed or was cancelled";
            return Err(Error::new(Kind::Internal, text));
        }
        Ok(())
    }

    async fn start(&mut self) -> Result<()> {
        let created = self
            .inner
            .backend
            .uploads()
            .create_multipart(&self.object)
            .await;
        let id = created.map_err(|error| self.failed(&error))?;
        self.multipart = Some(Multipart {
            id,
            parts: Vec::new(),
            bytes: 0,
        });
        Ok(())
    }

    async fn send(&mut self, part: PutPayload) -> Result<()> {
        let failed = |error| self.inner.failed("write", &self.path, &error);
        let Some(multipart) = &mut self.multipart else {
            return Ok(());
        };
        let (number, length) = (multipart.parts.len(), part.content_length() as u64);
        let uploads = self.inner.backend.uploads();
        let sent = uploads
            .put_part(&self.object, &multipart.id, number, part)
            .await;
        multipart.parts.push(sent.map_err(failed)?);
        multipart.bytes += length;
        Ok(())
    }

    fn failed(&self, error: &object_store::Error) -> Error {
        self.inner.failed("write", &self.path, error)
    }

    /// Succeeds if the file is there with its size although a request to create it failed with `error`.
    ///
    /// Nothing else creates a file of this name, because it contains a random token. So the response was lost, or the
    /// client repeated a request that had taken effect.
    async fn resolve(&self, bytes: u64, error: Error) -> Result<()> {
        match self.inner.size(&self.path).await {
            Ok(Some(found)) if found == bytes => Ok(()),
            _ => Err(error),
        }
    }

    async fn complete_multipart(&mut self, multipart: Multipart) -> Result<()> {
        let Multipart { id, parts, bytes } = multipart;
        let uploads = self.inner.backend.uploads();
        let completed = uploads.complete_multipart(&self.object, &id, parts).await;
        match completed {
            Ok(_) => Ok(()),
            Err(error) => {
                let error = self.failed(&error);
                self.resolve(bytes, error).await
            }
        }
    }

    async fn put(&mut self) -> Result<()> {
        let content = self.buffer.take(self.buffer.length);
        let size = content.content_length() as u64;
        match self.inner.put(&self.path, PutMode::Create, content).await {
            Ok(crate::Put::Done) => Ok(()),
            Ok(crate::Put::Taken) => {
                let text = format!(
                    "cannot write `{}/{}`: there is another file of this name",
                    self.inner.location, self.path
                );
                self.resolve(size, Error::new(Kind::Unavailable, text))
                    .await
            }
            Err(error) => self.resolve(size, error).await,
        }
    }
}

#[async_trait]
impl Upload for CloudUpload {
    fn id(&self) -> Option<&str> {
        self.multipart
            .as_ref()
            .map(|multipart| multipart.id.as_str())
    }

    async fn write(&mut self, bytes: Vec<u8>) -> Result<()> {
        self.begin_call()?;
        self.buffer.push(bytes);
        if self.buffer.length >= self.inner.part {
            if self.multipart.is_none() {
                self.start().await?;
            } else {
                while self.buffer.length >= self.inner.part {
                    let part = self.buffer.take(self.inner.part);
                    self.send(part).await?;
                }
            }
        }
        self.is_spent = false;
        Ok(())
    }

    async fn complete(mut self: Box<Self>) -> Result<()> {
        self.begin_call()?;
        if self.multipart.is_none() {
            return self.put().await;
        }
        while self.buffer.length > 0 {
            let part = self.buffer.take(self.inner.part);
            if let Err(error) = self.send(part).await {
                // The caller has given up the upload, so nobody else discards it before the next run.
                let _ = self.abort().await;
                return Err(error);
            }
        }
        match self.multipart.take() {
            Some(multipart) => self.complete_multipart(multipart).await,
            None => Ok(()),
        }
    }

    async fn discard(mut self: Box<Self>) -> Result<()> {
        self.abort().await
    }
}

impl CloudUpload {
    async fn abort(&mut self) -> Result<()> {
        self.buffer = Buffer::default();
        match &self.multipart {
            Some(multipart) => discard(&self.inner, &self.path, &self.object, &multipart.id).await,
            None => Ok(()),
        }
    }
}

/// Discards a multipart upload. It is not an error if there is no such upload.
pub(super) async fn discard(
    inner: &Inner,
    path: &str,
    object: &Path,
    id: &MultipartId,
) -> Result<()> {
    match inner.backend.uploads().abort_multipart(object, id).await {
        Err(error) if !is_absent(&error) => {
            Err(inner.failed("discard the upload of", path, &error))
        }
        _ => Ok(()),
    }
}
