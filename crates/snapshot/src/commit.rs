//! The steps that make a snapshot visible. Each step can be repeated, by this process or another run of the same crawl.

use std::collections::BTreeSet;
use std::time::Duration;

use fortilake_sink::{Crawl, Error, Kind, Partial, Receipt, Result, Standing};
use tracing::debug;

use crate::catalog::{self, Catalog};
use crate::manifest::Manifest;
use crate::names::Claim;
use crate::place::{self, Place, Put};
use crate::prune::{self, Keep};
use crate::uploads::Uploads;
use crate::{Layout, legacy, names, pointer, roots, rules};

/// How often to put the manifest again if the place reports a conflict although the file does not exist.
const TRIES: u32 = 6;

/// What a publication needs to know: the place, the crawl, its claimed name, and the rules.
#[derive(Debug)]
pub(crate) struct Publication<'a> {
    pub(crate) place: &'a dyn Place,
    pub(crate) layout: Layout,
    pub(crate) crawl: &'a Crawl,
    pub(crate) name: &'a str,
    pub(crate) format: &'a str,
    /// The names of all tables of the crawl.
    pub(crate) tables: &'a [String],
    pub(crate) partial: Partial,
    pub(crate) keep: Option<Keep>,
    pub(crate) catalog: Option<&'a dyn Catalog>,
}

impl Publication<'_> {
    /// Publishes the files of `uploads`, which `manifest` describes.
    ///
    /// Uploads that are still in `uploads` when it returns were not published. The caller discards them.
    pub(crate) async fn publish(
        &self,
        manifest: Manifest,
        uploads: &mut Uploads,
    ) -> Result<Receipt> {
        let lock = self.place.lock().await?;
        let published = match self.find().await? {
            Some(published) => published,
            None => self.commit(manifest, uploads, lock.is_some()).await?,
        };
        self.settle(&published).await
    }

    /// Repeats the steps after the commit, for a crawl that is already published.
    pub(crate) async fn repair(&self, published: &Manifest) -> Result<Receipt> {
        let _lock = self.place.lock().await?;
        self.settle(published).await
    }

    /// The manifest of this crawl, if it is already published; an error if another crawl owns the name.
    pub(crate) async fn find(&self) -> Result<Option<Manifest>> {
        let there = names::read_manifest(self.place, self.layout, self.name).await?;
        match there {
            Some(there) if there.crawl.id != self.crawl.id => Err(self.lost(&there.crawl.id)),
            there => Ok(there),
        }
    }

    async fn commit(
        &self,
        manifest: Manifest,
        uploads: &mut Uploads,
        is_locked: bool,
    ) -> Result<Manifest> {
        self.hold_claim().await?;
        let there = rules::there(self.place, self.layout).await?;
        rules::check_format(self.place, self.layout, self.format, &there)?;
        rules::check_selection(self.place, &self.crawl.selection, &there)?;
        // A crawl that is older than the newest snapshot does not become the latest, so readers lose no rows.
        if there
            .first()
            .is_none_or(|newest| newest.snapshot.as_str() < self.name)
        {
            rules::check_partial(self.partial, &manifest.outcome, &there)?;
        }
        if self.layout == Layout::Latest {
            self.adopt_old().await?;
            // The files that were just adopted may be from this very crawl.
            if let Some(published) = self.find().await? {
                return Ok(published);
            }
        }
        // Under the lock, delete the files of dead attempts before completing our own. Many readers use a glob instead
        // of the manifest, and would otherwise read each row once per attempt. Without a lock this is not safe: a slow
        // process could commit files that were just deleted. There, it happens after the commit.
        if is_locked {
            self.remove_strays(None).await?;
        }
        let put = match uploads.complete().await {
            Ok(()) => self.put_manifest(manifest).await,
            Err(error) => Err(error),
        };
        if put.is_err() && is_locked {
            // Local writes do not linger: nothing can still put the manifest. So the completed files can be deleted at
            // once, if no other attempt has committed.
            let _ = self.remove_uncommitted().await;
        }
        put
    }

    /// Checks that the name is still ours, and claims it again if the claim was removed as forgotten.
    async fn hold_claim(&self) -> Result<()> {
        let there = names::read_claim(self.place, self.layout, self.name).await?;
        if let Some((there, _)) = there {
            let is_mine = there.crawl_id == self.crawl.id && there.pruned.is_none();
            return is_mine
                .then_some(())
                .ok_or_else(|| self.lost(&there.crawl_id));
        }
        let claim = Claim {
            snapshot: self.name.to_owned(),
            crawl_id: self.crawl.id.clone(),
            format: self.format.to_owned(),
            selection: self.crawl.selection.clone(),
            pruned: None,
        };
        let path = self.layout.claim(self.name);
        let put = self.place.put_new(&path, place::to_json(&claim)?).await;
        let there = names::read_claim(self.place, self.layout, self.name).await?;
        match there {
            Some((there, _)) if there.crawl_id == self.crawl.id => Ok(()),
            Some((there, _)) => Err(self.lost(&there.crawl_id)),
            None => put.and(Err(self.unavailable())),
        }
    }

    async fn adopt_old(&self) -> Result<()> {
        if pointer::read(self.place, self.layout).await?.is_some() {
            return Ok(());
        }
        if let Some(old) = legacy::adopt(self.place).await? {
            pointer::advance(self.place, self.layout, &old).await?;
            roots::show(self.place, &old).await?;
        }
        Ok(())
    }

    /// The commit. Returns the manifest that is published: ours, or that of another attempt of this crawl.
    async fn put_manifest(&self, manifest: Manifest) -> Result<Manifest> {
        let path = self.layout.manifest(&manifest.snapshot);
        let content = place::to_json(&manifest)?;
        for number in 1..=TRIES {
            let put = self.place.put_new(&path, content.clone()).await;
            if matches!(put, Ok(Put::Done)) {
                return Ok(manifest);
            }
            // "Taken" or an error can also mean that an earlier try of ours succeeded and its response was lost.
            match self.find().await {
                Ok(Some(published)) => return Ok(published),
                Ok(None) => {}
                Err(error) => return put.and(Err(error)),
            }
            put?;
            // Some stores reject two concurrent writers (S3 with status 409) and keep neither file, so try again.
            tokio::time::sleep(Duration::from_millis(50) * number).await;
        }
        Err(self.unavailable())
    }

    /// The steps after the commit: clean up, register, move the pointer, update the root, prune.
    async fn settle(&self, published: &Manifest) -> Result<Receipt> {
        self.remove_strays(Some(published)).await?;
        if let Some(catalog) = self.catalog {
            catalog::register(self.place, catalog).await?;
        }
        if self.layout == Layout::Latest {
            roots::show_current(self.place).await?;
        }
        pointer::advance(self.place, self.layout, published).await?;
        if self.layout == Layout::Latest {
            roots::show_current(self.place).await?;
            retire_old_pointer(self.place).await?;
        }
        prune::after(self.place, self.layout, self.keep, self.name, self.catalog).await?;
        let receipt = self.receipt(published).await?;
        debug!(
            place = receipt.location,
            snapshot = self.name,
            rows = receipt.rows,
            "snapshot published"
        );
        Ok(receipt)
    }

    /// Deletes files under our snapshot name that `manifest` does not list.
    async fn remove_strays(&self, manifest: Option<&Manifest>) -> Result<()> {
        let tables = self.tables.iter().map(String::as_str);
        remove_strays(self.place, self.layout, self.name, manifest, tables).await
    }

    async fn remove_uncommitted(&self) -> Result<()> {
        if self.find().await?.is_some() {
            return Ok(());
        }
        self.remove_strays(None).await
    }

    async fn receipt(&self, published: &Manifest) -> Result<Receipt> {
        let latest = pointer::read(self.place, self.layout).await?;
        let is_latest = latest.is_some_and(|latest| latest.snapshot == published.snapshot);
        let files = || published.files(self.layout);
        Ok(Receipt {
            location: self.place.location(),
            snapshot: Some(published.snapshot.clone()),
            standing: if is_latest {
                Standing::Latest
            } else {
                Standing::Behind
            },
            rows: files().map(|file| file.rows).sum(),
            files: files().count() as u64,
            bytes: files().map(|file| file.bytes).sum(),
        })
    }

    fn lost(&self, other: &str) -> Error {
        let text = format!(
            "snapshot name `{}` in `{}` now belongs to crawl `{other}`; run the same command again to publish under \
             another name",
            self.name,
            self.place.location()
        );
        Error::new(Kind::Rejected, text)
    }

    fn unavailable(&self) -> Error {
        let text = format!(
            "cannot publish snapshot `{}` in `{}`: a file is still missing after it was written; run the same command \
             again",
            self.name,
            self.place.location()
        );
        Error::new(Kind::Unavailable, text)
    }
}

/// Deletes the files of the snapshot `name` that `manifest` does not list. Other attempts of the crawl wrote them.
pub(crate) async fn remove_strays(
    place: &dyn Place,
    layout: Layout,
    name: &str,
    manifest: Option<&Manifest>,
    tables: impl Iterator<Item = &str>,
) -> Result<()> {
    let mut tables: BTreeSet<_> = tables.collect();
    let mut named = BTreeSet::new();
    if let Some(manifest) = manifest {
        tables.extend(manifest.tables.iter().map(|table| table.name.as_str()));
        named.extend(manifest.files(layout).map(|file| file.path.as_str()));
    }
    let folders = layout.folders(name, tables);
    for folder in &folders {
        for path in place.list(folder).await? {
            if layout.is_file_of(&path, name) && !named.contains(path.as_str()) {
                place.delete(&path).await?;
            }
        }
    }
    // Before the commit, an upload may belong to a process that is about to complete it.
    if manifest.is_some() {
        discard_strays(place, layout, name, &folders).await?;
    }
    Ok(())
}

/// Discards the unfinished uploads of a published snapshot.
///
/// Most uploads of dead processes are found by the ids that they recorded. This finds the one of a process that died
/// between starting an upload and recording its id.
async fn discard_strays(
    place: &dyn Place,
    layout: Layout,
    name: &str,
    folders: &[String],
) -> Result<()> {
    for upload in place.uploads().await? {
        let path = upload.path.as_str();
        let is_below = |folder: &String| {
            path.strip_prefix(folder.as_str())
                .is_some_and(|rest| rest.starts_with('/'))
        };
        if folders.iter().any(is_below) && layout.is_file_of(path, name) {
            place.discard(path, &upload.id).await?;
        }
    }
    Ok(())
}

/// Completes the steps after the commit that a dead process did not reach, for every snapshot newer than the pointer.
pub(crate) async fn repair(place: &dyn Place, layout: Layout) -> Result<()> {
    repair_pointer(place, layout).await?;
    if layout == Layout::Latest {
        roots::show_current(place).await?;
        retire_old_pointer(place).await?;
    }
    Ok(())
}

/// Removes the pointer of the first edition if it is of no use, and replaces it.
async fn retire_old_pointer(place: &dyn Place) -> Result<()> {
    if legacy::retire(place).await? {
        repair_pointer(place, Layout::Snapshots).await?;
    }
    Ok(())
}

/// Moves the pointer to the newest published snapshot and the newest complete one.
async fn repair_pointer(place: &dyn Place, layout: Layout) -> Result<()> {
    let latest = pointer::read(place, layout).await?;
    for name in names::published(place, layout).await?.iter().rev() {
        if latest
            .as_ref()
            .is_some_and(|latest| latest.snapshot >= *name)
        {
            break;
        }
        let Some(manifest) = names::read_manifest(place, layout, name).await? else {
            continue;
        };
        if !manifest.is_of(layout) {
            continue;
        }
        remove_strays(place, layout, name, Some(&manifest), std::iter::empty()).await?;
        if layout == Layout::Latest {
            roots::show_current(place).await?;
        }
        pointer::advance(place, layout, &manifest).await?;
        // The pointer names two snapshots, so go on until the newest complete one.
        if manifest.outcome.complete || layout == Layout::Latest {
            break;
        }
    }
    Ok(())
}
