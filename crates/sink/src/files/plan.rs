//! What publishing will do, written down before it begins so that it can be finished by another process.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::manifest::Manifest;
use super::root::{Lock, Root};
use super::{Layout, disk};
use crate::Result;

/// All that is needed to publish what is in a staging folder: `publish.json`.
///
/// Every step can be repeated, so a plan is resumed by beginning it again.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Plan {
    pub(super) layout: Layout,
    pub(super) moves: Vec<Move>,
    /// The crawl whose snapshot of the same name is replaced: one that began in the same second.
    #[serde(default)]
    pub(super) replaces: Option<String>,
    /// This sink's part of the manifest.
    pub(super) manifest: Manifest,
}

/// A file in the staging folder and its path below the root.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Move {
    pub(super) from: String,
    pub(super) to: String,
}

impl Plan {
    pub(super) fn load(staging: &Path) -> Result<Option<Self>> {
        disk::read_json(&staging.join("publish.json"))
    }

    pub(super) fn store(&self, staging: &Path) -> Result<()> {
        let temporary = staging.join("publish.json.part");
        disk::write_json(&temporary, &staging.join("publish.json"), self)
    }

    pub(super) fn publish(&self, root: &Root, _lock: &Lock, staging: &Path) -> Result<()> {
        self.publish_files(root, staging)?;
        let manifest = self.publish_manifest(root, staging)?;
        // A crawl that is sent once more does not become the newest by that; where its files have
        // taken the place of others, it is what readers find.
        if self.layout == Layout::Snapshots && self.is_outdated(root)? {
            return Ok(());
        }
        root.put_latest(staging, &manifest)
    }

    /// Whether a newer snapshot has been published.
    fn is_outdated(&self, root: &Root) -> Result<bool> {
        let latest = root.latest()?;
        Ok(latest.is_some_and(|latest| latest.snapshot > self.manifest.snapshot))
    }

    /// Finishes what another process began.
    ///
    /// Others may have published since: their newer snapshot stays the latest, and its files are not replaced.
    pub(super) fn resume(&self, root: &Root, lock: &Lock, staging: &Path) -> Result<()> {
        let snapshot = &self.manifest.snapshot;
        let there = root.manifest(snapshot)?;
        // If it was there when we began, some of its files may be ours by now, so ours go on.
        let replaced = there.is_some_and(|there| {
            let id = Some(&there.crawl.id);
            id != Some(&self.manifest.crawl.id) && id != self.replaces.as_ref()
        });
        let outdated = self.is_outdated(root)?;
        match self.layout {
            _ if replaced => Ok(()),
            Layout::Latest if outdated => Ok(()),
            Layout::Latest | Layout::Snapshots => self.publish(root, lock, staging),
        }
    }

    fn publish_files(&self, root: &Root, staging: &Path) -> Result<()> {
        let mut folders = BTreeSet::new();
        for step in &self.moves {
            let (from, to) = (staging.join(&step.from), root.path().join(&step.to));
            let parents = to.ancestors().skip(1);
            let below = parents.take_while(|folder| folder.starts_with(root.path()));
            folders.extend(below.map(PathBuf::from));
            if let Some(folder) = to.parent() {
                disk::create_folder(folder)?;
            }
            match disk::rename(&from, &to) {
                // The process that wrote the plan came this far.
                Err(_) if is_missing(&from) && to.is_file() => {}
                renamed => renamed?,
            }
        }
        folders
            .iter()
            .try_for_each(|folder| disk::sync_folder(folder))
    }

    fn publish_manifest(&self, root: &Root, staging: &Path) -> Result<Manifest> {
        let mut manifest = self.manifest.clone();
        let there = root.manifest(&manifest.snapshot)?;
        if let Some(there) = there.filter(|there| there.crawl.id == manifest.crawl.id) {
            manifest.merge(there);
        }
        root.put_manifest(staging, &manifest)?;
        Ok(manifest)
    }
}

fn is_missing(path: &Path) -> bool {
    matches!(path.metadata(), Err(error) if error.kind() == ErrorKind::NotFound)
}
