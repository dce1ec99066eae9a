//! A folder that a file sink publishes into, as its readers see it.

use std::fs;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Fault, Part, View};
use crate::files::{Latest, Manifest};
use crate::{Context, TableSpec};

/// What a [`Destination`](super::Destination) of a sink over [`files`](crate::files) needs but for its format.
///
/// It reads as a stranger would: from `latest.json` by way of the manifest.
#[derive(Clone, Debug)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// The folder that the sink's option `path` names.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The snapshot that `context`'s crawl published here, if it did; `read` makes rows of a file.
    pub fn view(&self, context: &Context, read: impl Fn(&TableSpec, &Path) -> Vec<Value>) -> View {
        let is_ours = |latest: &Latest| latest.crawl_id == context.crawl.id;
        let manifest = self.load("_fortilake/latest.json").filter(is_ours);
        let Some(manifest) = manifest.and_then(|latest| self.load::<Manifest>(&latest.manifest))
        else {
            return View::default();
        };
        let specs = |name: &str| context.tables.iter().find(|spec| spec.name == name);
        let mut parts = Vec::new();
        for table in &manifest.tables {
            let spec = specs(&table.name);
            let rows = table.files.iter().flat_map(|file| {
                let path = self.root.join(&file.path);
                spec.map_or_else(Vec::new, |spec| read(spec, &path))
            });
            parts.push(Part {
                table: table.name.clone(),
                id: None,
                rows: rows.collect(),
            });
        }
        View { whole: true, parts }
    }

    fn load<T: DeserializeOwned>(&self, path: &str) -> Option<T> {
        let text = fs::read(self.root.join(path)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// What is in the staging folder.
    pub fn leftovers(&self) -> Vec<String> {
        let staged = self.staged();
        staged
            .iter()
            .map(|path| path.display().to_string())
            .collect()
    }

    /// Makes the disk full for whoever has begun to publish here, on systems that have `/dev/full`.
    ///
    /// Only an open sink is met, so it is for after the first batch, which is when the suite calls it.
    pub fn fail(&self, fault: Fault) -> bool {
        // The plan of a publication is the first that is written in `finish`.
        let full = |folder: &PathBuf| link_to_full(&folder.join("publish.json.part"));
        let staged = self.staged();
        fault == Fault::Full && !staged.is_empty() && staged.iter().all(full)
    }

    fn staged(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.root.join("_fortilake/staging"));
        let entries = entries.into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect()
    }
}

#[cfg(unix)]
fn link_to_full(path: &Path) -> bool {
    let full = Path::new("/dev/full");
    full.exists() && std::os::unix::fs::symlink(full, path).is_ok()
}

#[cfg(not(unix))]
fn link_to_full(_path: &Path) -> bool {
    false
}
