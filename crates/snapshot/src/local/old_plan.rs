//! Publication plans of the first edition, left behind if its process died while publishing.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use fortilake_sink::{Error, Kind, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::disk;
use crate::Layout;
use crate::layout::LATEST_JSON;
use crate::manifest::Manifest;
use crate::place::to_json;
use crate::pointer::Latest;

/// A publication plan of the first edition: `publish.json` in its staging folder.
///
/// Every step can be repeated, so a plan is resumed by executing it from the start.
#[derive(Debug, Deserialize)]
pub(crate) struct Plan {
    layout: Layout,
    moves: Vec<Move>,
    /// The crawl whose snapshot of the same name this plan replaces. Both crawls started in the same second.
    #[serde(default)]
    replaces: Option<String>,
    manifest: Manifest,
}

/// Moves a file from a path in the staging folder to a path in the place.
#[derive(Debug, Deserialize)]
struct Move {
    from: String,
    to: String,
}

impl Plan {
    pub(crate) fn load(staging: &Path) -> Result<Option<Self>> {
        read(&staging.join("publish.json"))
    }

    /// Finishes the publication, without replacing the files or the pointer of a newer snapshot.
    pub(crate) fn resume(&self, root: &Path, staging: &Path) -> Result<()> {
        let name = &self.manifest.snapshot;
        let there: Option<Manifest> = read(&root.join(Layout::Snapshots.manifest(name)))?;
        // If the manifest is of the crawl that the plan replaces, some files may already be replaced, so continue.
        let is_replaced = there.as_ref().is_some_and(|there| {
            let id = Some(&there.crawl.id);
            let is_other = id != Some(&self.manifest.crawl.id) && id != self.replaces.as_ref();
            // Only this edition writes tokens, and what it published is immutable.
            is_other || !there.token.is_empty()
        });
        let is_late =
            self.layout == Layout::Latest && (self.is_outdated(root)? || has_versions(root));
        if is_replaced || is_late {
            return Ok(());
        }
        self.publish_files(root, staging)?;
        self.publish_manifest(root, staging, there)?;
        if self.is_outdated(root)? {
            return Ok(());
        }
        let latest = Latest::of(&self.manifest, Layout::Snapshots);
        put(
            &staging.join("latest.json"),
            &root.join(LATEST_JSON),
            &to_json(&latest)?,
        )
    }

    /// Whether the pointer names a newer snapshot.
    fn is_outdated(&self, root: &Path) -> Result<bool> {
        let latest: Option<Latest> = read(&root.join(LATEST_JSON))?;
        Ok(latest.is_some_and(|latest| latest.snapshot > self.manifest.snapshot))
    }

    fn publish_files(&self, root: &Path, staging: &Path) -> Result<()> {
        let mut folders = BTreeSet::new();
        for step in &self.moves {
            let (from, to) = (staging.join(&step.from), root.join(&step.to));
            folders.extend(to.parent().map(PathBuf::from));
            match disk::rename(&from, &to) {
                // The process that wrote the plan had already moved this file.
                Err(_) if is_missing(&from) && to.is_file() => {}
                renamed => renamed?,
            }
        }
        folders
            .iter()
            .try_for_each(|folder| disk::sync_folder(folder))
    }

    /// Writes the manifest, merged with what another sink published of the same crawl.
    fn publish_manifest(&self, root: &Path, staging: &Path, there: Option<Manifest>) -> Result<()> {
        let mut manifest = self.manifest.clone();
        if let Some(there) = there.filter(|there| there.crawl.id == manifest.crawl.id) {
            merge(&mut manifest, there);
        }
        let path = root.join(Layout::Snapshots.manifest(&manifest.snapshot));
        put(&staging.join("manifest.json"), &path, &to_json(&manifest)?)
    }
}

/// Adds the files of `there` that `manifest` does not list. For a path in both, `manifest` is newer.
fn merge(manifest: &mut Manifest, there: Manifest) {
    for (format, notes) in there.notes {
        manifest.notes.entry(format).or_insert(notes);
    }
    for theirs in there.tables {
        let ours = manifest.tables.iter_mut();
        let Some(ours) = ours.into_iter().find(|ours| ours.name == theirs.name) else {
            manifest.tables.push(theirs);
            continue;
        };
        for file in theirs.files {
            if !ours.files.iter().any(|ours| ours.path == file.path) {
                ours.files.push(file);
            }
        }
        ours.files.sort_by(|one, two| one.path.cmp(&two.path));
    }
}

/// Whether this edition has published the layout `latest` here, which means that files in the root are links.
fn has_versions(root: &Path) -> bool {
    root.join(Layout::Latest.manifests()).exists()
}

fn put(part: &Path, path: &Path, content: &[u8]) -> Result<()> {
    disk::write(part, content)?;
    disk::rename(part, path)
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let text = match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        text => text.map_err(|error| Error::io("read", path, error))?,
    };
    serde_json::from_slice(&text).map(Some).map_err(|error| {
        let text = format!(
            "`{}` is damaged, or another version of fortilake wrote it",
            path.display()
        );
        Error::new(Kind::Config, text).with_source(error)
    })
}

fn is_missing(path: &Path) -> bool {
    matches!(path.metadata(), Err(error) if error.kind() == ErrorKind::NotFound)
}
