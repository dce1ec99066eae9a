//! Probing: checks that a bucket can be published into before the first API call is made.

use std::time::SystemTime;

use fortilake_sink::{Error, Kind, Result};
use futures_util::TryStreamExt as _;
use object_store::path::Path;
use object_store::{Error as StoreError, ObjectStoreExt as _, PutMode, PutOptions, PutPayload};

use super::backend::Backend;
use super::error::{explain, is_absent};
use super::{Inner, unchanged};
use crate::token::token;

/// The folder of the objects that a probe creates.
const FOLDER: &str = "_fortilake/probes";

/// The age in seconds at which an object of a probe belongs to a dead process.
const OLD: i64 = 3600;

/// Creates, reads, replaces, lists and deletes an object, and leaves nothing behind.
pub(super) async fn probe(inner: &Inner, backend: &dyn Backend) -> Result<()> {
    let object = inner.object(&format!("{FOLDER}/{}", token()))?;
    let client = Prober {
        inner,
        backend,
        object: &object,
    };
    let probed = client.run().await;
    let deleted = match backend.objects().delete(&object).await {
        Err(error) if !is_absent(&error) => Err(client.failed("delete files", &error)),
        _ => Ok(()),
    };
    probed.and(deleted)
}

struct Prober<'a> {
    inner: &'a Inner,
    backend: &'a dyn Backend,
    object: &'a Path,
}

impl Prober<'_> {
    async fn run(&self) -> Result<()> {
        let created = self.put("create files", PutMode::Create, b"one\n").await?;
        if !matches!(created, ConditionalResult::Done) {
            return Err(self.error(Kind::Unavailable, "a new file already exists"));
        }
        let created = self.put("create files", PutMode::Create, b"two\n").await?;
        if let ConditionalResult::Done = created {
            return Err(self.ignores("create a file only if it does not exist"));
        }
        let read = self.backend.objects().get(self.object).await;
        let read = read.map_err(|error| self.failed("read files", &error))?;
        let tag = self.backend.tag(&read.meta).unwrap_or_default();
        let replace = async |content: &'static [u8]| {
            let condition = unchanged(tag.clone());
            self.put("replace files", condition, content).await
        };
        let ConditionalResult::Done = replace(b"three\n").await? else {
            return Err(self.error(Kind::Unavailable, "a file was changed by another process"));
        };
        if let ConditionalResult::Done = replace(b"four\n").await? {
            return Err(self.ignores("replace a file only if it is unchanged"));
        }
        self.list().await?;
        self.discard().await
    }

    async fn put(
        &self,
        action: &str,
        mode: PutMode,
        content: &'static [u8],
    ) -> Result<ConditionalResult> {
        let payload = PutPayload::from_static(content);
        let put = self
            .backend
            .objects()
            .put_opts(self.object, payload, PutOptions::from(mode));
        match put.await {
            Ok(_) => Ok(ConditionalResult::Done),
            Err(StoreError::AlreadyExists { .. } | StoreError::Precondition { .. }) => {
                Ok(ConditionalResult::Taken)
            }
            Err(error) => Err(self.failed(action, &error)),
        }
    }

    async fn list(&self) -> Result<()> {
        let folder = self.inner.object(FOLDER)?;
        let listed = self.backend.objects().list(Some(&folder));
        let listed: Vec<_> = listed
            .try_collect()
            .await
            .map_err(|error| self.failed("list files", &error))?;
        if listed.iter().any(|found| found.location == *self.object) {
            return Ok(());
        }
        Err(self.error(
            Kind::Config,
            "a list of files lacks one that was just created",
        ))
    }

    /// Checks that an upload in parts can be discarded. That needs a permission of its own, and without it, every
    /// interrupted run would leave parts of large files, which the user pays for.
    async fn discard(&self) -> Result<()> {
        let id = "fortilake-probe".to_owned();
        let discarded = self.backend.uploads().abort_multipart(self.object, &id);
        match discarded.await {
            // There is no such upload. Stores have different words for that, but only one for a missing permission.
            Err(error @ StoreError::PermissionDenied { .. }) => {
                Err(self.failed("discard uploads", &error))
            }
            _ => Ok(()),
        }
    }

    fn ignores(&self, condition: &str) -> Error {
        let text = format!(
            "the store ignores the condition to {condition}, so two crawls could overwrite each other's files; use a \
             store or a version that supports conditional requests"
        );
        self.error(Kind::Config, &text)
    }

    fn failed(&self, action: &str, error: &StoreError) -> Error {
        let (kind, reason) = explain(error);
        let text = format!(
            "cannot {action} in `{}` ({})",
            self.inner.location, self.inner.server
        );
        Error::new(kind, text).with_source(reason)
    }

    fn error(&self, kind: Kind, reason: &str) -> Error {
        let text = format!(
            "cannot publish to `{}` ({})",
            self.inner.location, self.inner.server
        );
        Error::new(kind, text).with_source(reason)
    }
}

/// Whether a conditional request was carried out.
enum ConditionalResult {
    Done,
    Taken,
}

/// Deletes objects that probes of dead processes left.
pub(super) async fn sweep(inner: &Inner) -> Result<()> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.map_or(0, |now| i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
    let objects = inner.backend.objects();
    let found: Vec<_> = objects
        .list(Some(&inner.object(FOLDER)?))
        .try_collect()
        .await
        .map_err(|error| inner.failed("list", FOLDER, &error))?;
    let is_old = |found: &object_store::ObjectMeta| found.last_modified.timestamp() < now - OLD;
    for found in found.iter().filter(|found| is_old(found)) {
        match objects.delete(&found.location).await {
            Err(error) if !is_absent(&error) => {
                return Err(inner.failed("delete files in", FOLDER, &error));
            }
            _ => {}
        }
    }
    Ok(())
}
