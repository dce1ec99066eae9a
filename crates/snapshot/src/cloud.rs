//! The [`Place`] on an object store: S3 and compatible stores, Azure Blob Storage, Google Cloud Storage.

use std::fmt::{self, Debug};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fortilake_sink::{Error, Kind, Result};
use futures_util::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::{
    GetOptions, GetRange, ObjectStoreExt as _, PutMode, PutOptions, PutPayload, UpdateVersion,
};
use sha2::{Digest as _, Sha256};

use self::backend::Backend;
use self::error::{failed, is_absent};
use self::upload::CloudUpload;
use crate::place::{Digest, Link, Lock, Object, Place, Put, Tag, Unfinished, Upload};

mod azure;
mod backend;
mod connect;
mod endpoint;
mod error;
mod gcs;
mod probe;
mod s3;
#[cfg(test)]
pub(crate) mod tests;
mod unfinished;
mod upload;

pub(crate) use self::connect::open;

/// How often to put a file again if the store reports a conflict although the file does not exist.
const TRIES: u32 = 5;

/// A prefix of a bucket.
///
/// Objects appear whole and are durable when a request succeeds, so there is nothing to stage or sync. Conditional
/// requests replace locks and links: put-if-absent for claims and manifests, compare-and-swap by `ETag` or generation for
/// pointers.
#[derive(Clone)]
pub(crate) struct CloudPlace {
    inner: Arc<Inner>,
}

struct Inner {
    backend: Box<dyn Backend>,
    /// The same store with fewer retries, to report a wrong endpoint within seconds.
    hasty: Option<Box<dyn Backend>>,
    /// The prefix in the bucket, without slashes at the ends; empty for the whole bucket.
    root: String,
    location: String,
    /// The server, as the end of a message.
    server: String,
    /// The size of the parts of large files in bytes.
    part: usize,
}

// The clients print their credentials.
impl Debug for CloudPlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "CloudPlace({})", self.inner.location)
    }
}

impl Inner {
    /// The name of the object for a path that is relative to the place.
    fn object(&self, path: &str) -> Result<Path> {
        let name = match (self.root.as_str(), path) {
            ("", path) => path.to_owned(),
            (root, "") => root.to_owned(),
            (root, path) => format!("{root}/{path}"),
        };
        Path::parse(name).map_err(|error| {
            let text = format!("`{path}` is not a path inside `{}`", self.location);
            Error::new(Kind::Config, text).with_source(error)
        })
    }

    /// The path relative to the place; `None` if the object is outside.
    fn relative(&self, object: &str) -> Option<String> {
        if self.root.is_empty() {
            return Some(object.to_owned());
        }
        let rest = object.strip_prefix(&self.root)?.strip_prefix('/')?;
        Some(rest.to_owned())
    }

    fn failed(&self, action: &str, path: &str, error: &object_store::Error) -> Error {
        failed(action, &format!("{}/{path}", self.location), error)
    }

    /// The size of an object; `None` if it does not exist.
    async fn size(&self, path: &str) -> Result<Option<u64>> {
        let object = self.object(path)?;
        match self.backend.objects().head(&object).await {
            Ok(found) => Ok(Some(found.size)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(self.failed("read", path, &error)),
        }
    }

    /// Puts a file under a condition.
    ///
    /// S3 answers 409 if two requests meet, and may then have kept neither. The library reports that like a condition
    /// that does not hold, so if nothing is there, the file is put again.
    async fn put(&self, path: &str, mode: PutMode, content: PutPayload) -> Result<Put> {
        let object = self.object(path)?;
        for number in 1..=TRIES {
            let options = PutOptions::from(mode.clone());
            let put = self
                .backend
                .objects()
                .put_opts(&object, content.clone(), options);
            match put.await {
                Ok(_) => return Ok(Put::Done),
                Err(object_store::Error::Precondition { .. }) => return Ok(Put::Taken),
                Err(object_store::Error::AlreadyExists { .. }) => {}
                Err(error) => return Err(self.failed("write", path, &error)),
            }
            if self.size(path).await?.is_some() {
                return Ok(Put::Taken);
            }
            tokio::time::sleep(Duration::from_millis(50) * number).await;
        }
        let text = format!(
            "cannot write `{}/{path}`: the store reports a conflict, but there is no such file",
            self.location
        );
        Err(Error::new(Kind::Unavailable, text))
    }
}

/// The condition that an object still has the content that `tag` stands for.
fn unchanged(tag: String) -> PutMode {
    // Each client takes the member that its store has.
    PutMode::Update(UpdateVersion {
        e_tag: Some(tag.clone()),
        version: Some(tag),
    })
}

#[async_trait]
impl Place for CloudPlace {
    fn location(&self) -> String {
        self.inner.location.clone()
    }

    async fn has_links(&self) -> Result<bool> {
        Ok(false)
    }

    async fn probe(&self, _folders: &[String]) -> Result<()> {
        // Permissions are granted by bucket and prefix, so one folder stands for all of them.
        let hasty = self.inner.hasty.as_deref();
        let backend = hasty.unwrap_or(self.inner.backend.as_ref());
        probe::probe(&self.inner, backend).await
    }

    async fn recover(&self) -> Result<()> {
        probe::sweep(&self.inner).await
    }

    fn has_locks(&self) -> bool {
        false
    }

    async fn lock(&self) -> Result<Option<Lock>> {
        Ok(None)
    }

    async fn try_lock(&self) -> Result<Option<Lock>> {
        Ok(None)
    }

    async fn get(&self, path: &str) -> Result<Option<Object>> {
        let object = self.inner.object(path)?;
        let failed = |error| self.inner.failed("read", path, &error);
        let found = match self.inner.backend.objects().get(&object).await {
            Err(error) if is_absent(&error) => return Ok(None),
            found => found.map_err(failed)?,
        };
        let Some(tag) = self.inner.backend.tag(&found.meta) else {
            let text = format!(
                "the store did not return the version of `{}/{path}`, so files cannot be replaced safely",
                self.inner.location
            );
            return Err(Error::new(Kind::Config, text));
        };
        let content = found.bytes().await.map_err(failed)?;
        Ok(Some(Object {
            content: content.into(),
            tag: Tag(tag),
        }))
    }

    async fn tail(&self, path: &str, count: u64) -> Result<Option<Vec<u8>>> {
        // Azure cannot read from the end, so the size is needed first.
        let size = match self.inner.size(path).await? {
            None => return Ok(None),
            Some(0) => return Ok(Some(Vec::new())),
            Some(size) => size,
        };
        self.read(path, size.saturating_sub(count)..size).await
    }

    async fn read(&self, path: &str, range: Range<u64>) -> Result<Option<Vec<u8>>> {
        let object = self.inner.object(path)?;
        let failed = |error| self.inner.failed("read", path, &error);
        let options = GetOptions {
            range: Some(GetRange::Bounded(range)),
            ..GetOptions::default()
        };
        let found = match self
            .inner
            .backend
            .objects()
            .get_opts(&object, options)
            .await
        {
            Err(error) if is_absent(&error) => return Ok(None),
            found => found.map_err(failed)?,
        };
        Ok(Some(found.bytes().await.map_err(failed)?.into()))
    }

    async fn digest(&self, path: &str) -> Result<Option<Digest>> {
        let object = self.inner.object(path)?;
        let failed = |error| self.inner.failed("read", path, &error);
        let found = match self.inner.backend.objects().get(&object).await {
            Err(error) if is_absent(&error) => return Ok(None),
            found => found.map_err(failed)?,
        };
        let (mut hash, mut bytes) = (Sha256::new(), 0);
        let mut chunks = found.into_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(failed)?;
            hash.update(&chunk);
            bytes += chunk.len() as u64;
        }
        let sha256 = format!("{:x}", hash.finalize());
        Ok(Some(Digest { bytes, sha256 }))
    }

    async fn put_new(&self, path: &str, content: Vec<u8>) -> Result<Put> {
        self.inner.put(path, PutMode::Create, content.into()).await
    }

    async fn swap(&self, path: &str, expected: Option<&Tag>, content: Vec<u8>) -> Result<Put> {
        let Some(Tag(tag)) = expected else {
            return self.put_new(path, content).await;
        };
        let condition = unchanged(tag.clone());
        self.inner.put(path, condition, content.into()).await
    }

    async fn copy(&self, from: &str, to: &str) -> Result<()> {
        let (source, target) = (self.inner.object(from)?, self.inner.object(to)?);
        let copied = self.inner.backend.objects().copy(&source, &target).await;
        copied.map_err(|error| self.inner.failed("copy a file to", to, &error))
    }

    async fn list(&self, folder: &str) -> Result<Vec<String>> {
        let prefix = self.inner.object(folder)?;
        let objects = self.inner.backend.objects().list(Some(&prefix));
        let objects: Vec<_> = objects
            .try_collect()
            .await
            .map_err(|error| self.inner.failed("list", folder, &error))?;
        let paths = objects.iter();
        let paths = paths.filter_map(|found| self.inner.relative(found.location.as_ref()));
        let mut paths: Vec<_> = paths.collect();
        paths.sort();
        Ok(paths)
    }

    async fn delete(&self, path: &str) -> Result<()> {
        let object = self.inner.object(path)?;
        match self.inner.backend.objects().delete(&object).await {
            Err(error) if !is_absent(&error) => Err(self.inner.failed("delete", path, &error)),
            _ => Ok(()),
        }
    }

    async fn begin(&self, path: &str) -> Result<Box<dyn Upload>> {
        let object = self.inner.object(path)?;
        let upload = CloudUpload::new(Arc::clone(&self.inner), path.to_owned(), object);
        Ok(Box::new(upload))
    }

    async fn discard(&self, path: &str, id: &str) -> Result<()> {
        let object = self.inner.object(path)?;
        upload::discard(&self.inner, path, &object, &id.to_owned()).await
    }

    async fn uploads(&self) -> Result<Vec<Unfinished>> {
        let prefix = self.inner.object("")?;
        // Listing uploads is a permission of its own that nothing else needs. Without it, a leftover stays until the
        // bucket's lifecycle rule removes it, so this must not fail a publication.
        let uploads = match self.inner.backend.unfinished(&prefix).await {
            Ok(uploads) => uploads,
            Err(reason) => {
                tracing::debug!(
                    place = self.inner.location,
                    reason,
                    "cannot list unfinished uploads"
                );
                Vec::new()
            }
        };
        let uploads = uploads.into_iter().filter_map(|upload| {
            let path = self.inner.relative(&upload.path)?;
            Some(Unfinished { path, ..upload })
        });
        Ok(uploads.collect())
    }

    async fn read_link(&self, path: &str) -> Result<Link> {
        let size = self.inner.size(path).await?;
        Ok(size.map_or(Link::Absent, |_| Link::File))
    }

    async fn swap_link(&self, path: &str, _expected: &Link, _target: &str) -> Result<Put> {
        let text = format!(
            "`{}` has no links, so `{path}` cannot be one",
            self.inner.location
        );
        Err(Error::new(Kind::Internal, text))
    }
}
