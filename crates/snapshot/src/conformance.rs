//! A folder that file sinks publish into, for the conformance suite and the tests of these sinks.

use std::fs;
use std::path::{Path, PathBuf};

use fortilake_sink::conformance::{Fault, Part, View};
use fortilake_sink::{Context, TableSpec};
use serde_json::Value;

use crate::{Layout, LocalPlace, Manifest, Reader, Which};

/// The part of a file sink's [`Destination`](fortilake_sink::conformance::Destination) that no format changes.
#[derive(Clone, Debug)]
pub struct Folder {
    root: PathBuf,
    layout: Layout,
}

impl Folder {
    /// `root` is the folder in the sink's option `path`.
    pub fn new(root: impl Into<PathBuf>, layout: Layout) -> Self {
        Self {
            root: root.into(),
            layout,
        }
    }

    /// What a reader sees of `context`'s crawl: all its rows if it is the newest snapshot, and nothing otherwise.
    ///
    /// `read` decodes the rows of one file. If the pointer or the manifest cannot be read, the view is empty.
    pub async fn view(
        &self,
        context: &Context,
        read: impl Fn(&TableSpec, &Path) -> Vec<Value>,
    ) -> View {
        let place = LocalPlace::new(&self.root);
        let reader = Reader::local(&self.root);
        let resolved = reader.resolve(self.layout, &Which::Latest).await;
        let manifest = resolved.ok().flatten();
        let Some(manifest) = manifest.filter(|found| found.crawl.id == context.crawl.id) else {
            return View::default();
        };
        let specs = |name: &str| context.tables.iter().find(|spec| spec.name == name);
        let mut parts = Vec::new();
        for table in &manifest.tables {
            let paths = table.files.iter().map(|file| place.path(&file.path));
            let rows = paths.flatten().flat_map(|path| {
                specs(&table.name).map_or_else(Vec::new, |spec| read(spec, &path))
            });
            parts.push(Part {
                table: table.name.clone(),
                id: None,
                rows: rows.collect(),
            });
        }
        View {
            whole: true,
            parts,
            summary: Some(manifest.outcome),
        }
    }

    /// The paths in the staging folder.
    pub fn leftovers(&self) -> Vec<String> {
        let staged = entries(&self.root.join("_fortilake/staging"));
        let staged = staged.iter();
        staged.map(|path| path.display().to_string()).collect()
    }

    /// Simulates a full disk for the sinks that are open on this folder; `false` if the system has no `/dev/full`.
    ///
    /// It links a staged file name of each open sink to `/dev/full`, so a sink that is opened later is not affected.
    /// The suite calls it after the first batch.
    pub fn fail(&self, fault: Fault) -> bool {
        // The manifest is the first file that `finish` stages by name, and it is named like the claim.
        let claims = entries(&self.root.join(self.layout.claims()));
        let staged = entries(&self.root.join("_fortilake/staging"));
        let full = |folder: &PathBuf, claim: &PathBuf| {
            let name = claim.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| link_to_full(&folder.join(format!("{name}.part"))))
        };
        let full = |folder: &PathBuf| claims.iter().all(|claim| full(folder, claim));
        fault == Fault::Full && !claims.is_empty() && !staged.is_empty() && staged.iter().all(full)
    }
}

/// The files of a table in the snapshot `name`, which is published in one of the layouts.
///
/// # Panics
///
/// If there is no such snapshot.
pub fn published_files(root: &Path, name: &str, table: &str) -> Vec<PathBuf> {
    let mut manifests = Layout::ALL
        .iter()
        .filter_map(|layout| fs::read(root.join(layout.manifest(name))).ok());
    let manifest = manifests.next().expect("the snapshot is published");
    let manifest: Manifest = serde_json::from_slice(&manifest).expect("the manifest can be read");
    let tables = manifest.tables.iter().filter(|found| found.name == table);
    let files = tables.flat_map(|table| &table.files);
    files.map(|file| root.join(&file.path)).collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
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
