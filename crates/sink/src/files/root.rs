//! The folder that snapshots are published into, and our own folder in it.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::disk;
use super::manifest::{Latest, Manifest};
use crate::{Error, Result};

/// The name of our own folder. Engines that read whole folders skip names with a leading underscore.
const OWN: &str = "_fortilake";

/// The folder that snapshots are published into.
#[derive(Clone, Debug)]
pub(super) struct Root {
    path: PathBuf,
}

/// Held by whoever changes what is published, in this process or any other.
pub(super) struct Lock {
    _file: File,
}

impl Root {
    /// Takes the folder, which is made if it is not there.
    pub(super) fn open(path: PathBuf) -> Result<Self> {
        let root = Self { path };
        disk::create_folder(&root.staging())?;
        disk::create_folder(&root.path.join(OWN).join("snapshots"))?;
        Ok(root)
    }

    /// Waits until nobody else is publishing here.
    pub(super) fn lock(&self) -> Result<Lock> {
        let path = self.path.join(OWN).join("lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .and_then(|file| file.lock().map(|()| file))
            .map_err(|error| Error::io("lock", &path, error))?;
        Ok(Lock { _file: file })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn staging(&self) -> PathBuf {
        self.path.join(OWN).join("staging")
    }

    pub(super) fn manifest(&self, snapshot: &str) -> Result<Option<Manifest>> {
        disk::read_json(&self.path.join(manifest_path(snapshot)))
    }

    pub(super) fn latest(&self) -> Result<Option<Latest>> {
        disk::read_json(&self.path.join(latest_path()))
    }

    /// Puts a manifest in place, by way of a file in `staging`.
    pub(super) fn put_manifest(&self, staging: &Path, manifest: &Manifest) -> Result<()> {
        let path = self.path.join(manifest_path(&manifest.snapshot));
        disk::write_json(&staging.join("manifest.json"), &path, manifest)
    }

    /// Makes `manifest` the latest, by way of a file in `staging`.
    pub(super) fn put_latest(&self, staging: &Path, manifest: &Manifest) -> Result<()> {
        let latest = Latest {
            format_version: manifest.format_version,
            snapshot: manifest.snapshot.clone(),
            manifest: manifest_path(&manifest.snapshot),
            crawl_id: manifest.crawl.id.clone(),
            complete: manifest.outcome.complete,
        };
        let path = self.path.join(latest_path());
        disk::write_json(&staging.join("latest.json"), &path, &latest)
    }
}

fn manifest_path(snapshot: &str) -> String {
    format!("{OWN}/snapshots/{snapshot}.json")
}

fn latest_path() -> String {
    format!("{OWN}/latest.json")
}
