//! Reading a published place: list snapshots, resolve one, verify its files, and prune old ones and old claims.

use std::path::Path;
use std::sync::Arc;

use fortilake_sink::{Error, Kind, Result};
use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::bucket::BucketOptions;
use crate::local::LocalPlace;
use crate::manifest::{File, Manifest};
use crate::names::Claim;
use crate::place::Place;
use crate::prune::{self, Keep};
use crate::target::place_at;
use crate::{Layout, names, pointer};

/// Reads the published snapshots of a place.
///
/// It finds snapshots through the pointer and the manifests, so it never sees one that is only partly published.
#[derive(Clone, Debug)]
pub struct Reader {
    place: Arc<dyn Place>,
}

/// How many bytes are read from a file at a time. Each piece is a request to a bucket.
const PIECE: u64 = 8 << 20;

/// Selects a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// The newest snapshot.
    Latest,
    /// The newest complete snapshot, in which no scope failed.
    LatestComplete,
    /// The snapshot with this name.
    Named(String),
}

/// A row in a list of published snapshots.
#[expect(
    clippy::struct_excessive_bools,
    reason = "these are columns of a list, and no caller constructs the type"
)]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Published {
    /// The snapshot's name.
    pub snapshot: String,
    /// The layout that it was published in.
    pub layout: Layout,
    /// The id of the crawl that produced it.
    pub crawl_id: String,
    /// When the crawl started, in RFC 3339.
    pub started_at: String,
    /// When the crawl's newest page arrived, in RFC 3339. Not the time of publication.
    pub finished_at: String,
    /// Whether the snapshot is complete: no scope failed.
    pub complete: bool,
    /// The number of scopes that failed.
    pub failed_scopes: u64,
    /// Whether the crawl was limited to some sources, accounts or product models.
    pub selected: bool,
    /// The formats of its files, sorted.
    pub formats: Vec<String>,
    /// The number of tables.
    pub tables: u64,
    /// The number of rows in all tables.
    pub rows: u64,
    /// The number of files.
    pub files: u64,
    /// The size of all files in bytes.
    pub bytes: u64,
    /// Whether the pointer names it as the newest snapshot.
    pub is_latest: bool,
    /// Whether the pointer names it as the newest complete snapshot.
    pub is_latest_complete: bool,
}

/// A file that is missing or differs from its manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Damage {
    /// The path of the file, relative to the place.
    pub path: String,
    /// What is wrong with the file, for a message.
    pub problem: String,
}

impl Reader {
    /// A reader of `place`.
    pub fn new(place: Arc<dyn Place>) -> Self {
        Self { place }
    }

    /// A reader of the local folder `path`.
    pub fn local(path: impl AsRef<Path>) -> Self {
        Self::new(Arc::new(LocalPlace::new(path.as_ref())))
    }

    /// A reader of the place at `path`: a local folder, or a URL such as `s3://BUCKET/PREFIX`.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] if the URL or its options are wrong, or if this build lacks the feature `cloud`.
    pub fn open(path: impl AsRef<Path>, bucket: &BucketOptions) -> Result<Self> {
        Ok(Self::new(place_at(path.as_ref(), bucket)?))
    }

    /// The published snapshots of a layout, oldest first.
    pub async fn list(&self, layout: Layout) -> Result<Vec<Published>> {
        let latest = pointer::read(self.place.as_ref(), layout).await?;
        let complete = latest
            .as_ref()
            .and_then(|latest| latest.latest_complete.clone());
        let mut list = Vec::new();
        for name in names::published(self.place.as_ref(), layout).await? {
            // The snapshot may have been pruned since it was listed.
            let Some(manifest) = self.manifest(layout, &name).await? else {
                continue;
            };
            let mut published = Published::new(&manifest, layout);
            published.is_latest = latest
                .as_ref()
                .is_some_and(|latest| latest.snapshot == name);
            published.is_latest_complete = complete
                .as_ref()
                .is_some_and(|latest| latest.snapshot == name);
            list.push(published);
        }
        Ok(list)
    }

    /// The manifest of one snapshot, reduced to the files of `layout`; `None` if there is no such snapshot.
    pub async fn resolve(&self, layout: Layout, which: &Which) -> Result<Option<Manifest>> {
        if let Which::Named(name) = which {
            return self.manifest(layout, name).await;
        }
        let mut last = None;
        loop {
            let Some(name) = self.name(layout, which).await? else {
                return Ok(None);
            };
            let manifest = self.manifest(layout, &name).await?;
            // The snapshot may have been pruned between the two reads. Then the pointer has moved, so read it again.
            if manifest.is_none() && last.as_ref() != Some(&name) {
                last = Some(name);
                continue;
            }
            return Ok(manifest);
        }
    }

    async fn name(&self, layout: Layout, which: &Which) -> Result<Option<String>> {
        let Some(latest) = pointer::read(self.place.as_ref(), layout).await? else {
            return Ok(None);
        };
        match (which, layout) {
            (Which::Latest, _) => Ok(Some(latest.snapshot)),
            (_, Layout::Snapshots) => Ok(latest.latest_complete.map(|latest| latest.snapshot)),
            // This pointer names only the current version, so look through the versions; there are at most two.
            (_, Layout::Latest) => {
                let list = self.list(layout).await?;
                let complete = list.into_iter().rev().find(|found| found.complete);
                Ok(complete.map(|found| found.snapshot))
            }
        }
    }

    async fn manifest(&self, layout: Layout, name: &str) -> Result<Option<Manifest>> {
        let manifest = names::read_manifest(self.place.as_ref(), layout, name).await?;
        Ok(manifest.filter(|manifest| manifest.is_of(layout)))
    }

    /// The files of a table in one snapshot. Each file holds all rows of the table, in its own format.
    pub fn files<'a>(
        manifest: &'a Manifest,
        layout: Layout,
        table: &str,
    ) -> impl Iterator<Item = &'a File> {
        let tables = manifest.tables.iter();
        let table = tables.filter(move |found| found.name == table);
        let files = table.flat_map(|table| &table.files);
        files.filter(move |file| file.layout == layout)
    }

    /// Passes the content of a file to `take` piece by piece, and then compares it with the manifest.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] if the file is missing or differs from the manifest. By then, `take` may have got pieces.
    pub async fn read(
        &self,
        file: &File,
        take: &mut (dyn FnMut(&[u8]) -> Result<()> + Send),
    ) -> Result<()> {
        let differs = |problem: String| {
            let text = format!("cannot read `{}/{}`", self.place.location(), file.path);
            Err(Error::new(Kind::Config, text).with_source(problem))
        };
        let (mut hash, mut at) = (Sha256::new(), 0);
        while at < file.bytes {
            let end = file.bytes.min(at + PIECE);
            let Some(piece) = self.place.read(&file.path, at..end).await? else {
                return differs(
                    "the file is missing; its snapshot may have been pruned".to_owned(),
                );
            };
            hash.update(&piece);
            take(&piece)?;
            if piece.len() as u64 != end - at {
                let found = at + piece.len() as u64;
                return differs(format!(
                    "the file has {found} bytes, expected {}",
                    file.bytes
                ));
            }
            at = end;
        }
        let found = format!("{:x}", hash.finalize());
        if found != file.sha256 {
            return differs(format!("its SHA-256 is {found}, expected {}", file.sha256));
        }
        Ok(())
    }

    /// Where the place is, as a path or URL for messages.
    pub fn location(&self) -> String {
        self.place.location()
    }

    /// Reads all files of a snapshot and compares sizes and digests with the manifest. Returns only the bad files.
    pub async fn verify(&self, layout: Layout, manifest: &Manifest) -> Result<Vec<Damage>> {
        let mut damages = Vec::new();
        for file in manifest.files(layout) {
            let problem = match self.place.digest(&file.path).await? {
                None => "the file is missing".to_owned(),
                Some(found) if found.bytes != file.bytes => {
                    format!(
                        "the file has {} bytes, expected {}",
                        found.bytes, file.bytes
                    )
                }
                Some(found) if found.sha256 != file.sha256 => {
                    format!("its SHA-256 is {}, expected {}", found.sha256, file.sha256)
                }
                Some(_) => continue,
            };
            damages.push(Damage {
                path: file.path.clone(),
                problem,
            });
        }
        Ok(damages)
    }

    /// The names of the snapshots that [`prune`](Self::prune) would delete, newest first.
    pub async fn surplus(&self, layout: Layout, keep: Keep) -> Result<Vec<String>> {
        self.check_prunable(layout)?;
        keep.check()?;
        prune::plan(self.place.as_ref(), layout, keep, Timestamp::now()).await
    }

    /// Deletes the snapshots that `keep` does not keep, and returns their names, newest first.
    ///
    /// The newest snapshot and the newest complete one always stay. The layout [`Latest`](Layout::Latest) prunes itself
    /// and is refused here.
    pub async fn prune(&self, layout: Layout, keep: Keep) -> Result<Vec<String>> {
        let _lock = self.place.lock().await?;
        let names = self.surplus(layout, keep).await?;
        for name in &names {
            prune::prune(self.place.as_ref(), layout, name).await?;
        }
        Ok(names)
    }

    fn check_prunable(&self, layout: Layout) -> Result<()> {
        if layout == Layout::Snapshots {
            return Ok(());
        }
        let text = format!(
            "layout `latest` of `{}` always keeps two versions, so there is nothing to prune",
            self.place.location()
        );
        Err(Error::new(Kind::Config, text))
    }

    /// The claims of crawls that have not published here: crawls that are running, paused or abandoned. Claims that
    /// this version of fortilake cannot read are left out.
    pub async fn unpublished(&self, layout: Layout) -> Result<Vec<Claim>> {
        let claims = names::claimed(self.place.as_ref(), layout).await?;
        let manifests = names::published(self.place.as_ref(), layout).await?;
        let mut unpublished = Vec::new();
        for name in claims.difference(&manifests) {
            unpublished.extend(names::read_any_claim(self.place.as_ref(), layout, name).await?);
        }
        Ok(unpublished)
    }

    /// The claims that [`withdraw`](Self::withdraw) would remove, oldest first.
    pub async fn forgotten(&self, layout: Layout) -> Result<Vec<Claim>> {
        prune::forgotten(self.place.as_ref(), layout, Timestamp::now()).await
    }

    /// Removes the claims of crawls that have not published for 30 days, and returns them, oldest first.
    ///
    /// Every publication does the same. A crawl whose claim was removed can still publish.
    pub async fn withdraw(&self, layout: Layout) -> Result<Vec<Claim>> {
        let _lock = self.place.lock().await?;
        prune::withdraw(self.place.as_ref(), layout, Timestamp::now()).await
    }
}

impl Published {
    fn new(manifest: &Manifest, layout: Layout) -> Self {
        let files = || manifest.files(layout);
        let mut formats: Vec<_> = files().map(|file| file.format.clone()).collect();
        formats.sort();
        formats.dedup();
        Self {
            snapshot: manifest.snapshot.clone(),
            layout,
            crawl_id: manifest.crawl.id.clone(),
            started_at: manifest.crawl.started_at.clone(),
            finished_at: manifest.outcome.finished_at.clone(),
            complete: manifest.outcome.complete,
            failed_scopes: manifest.outcome.scopes.failed,
            selected: !manifest.outcome.selection.is_everything(),
            formats,
            tables: manifest.tables.len() as u64,
            rows: manifest.tables.iter().map(|table| table.rows).sum(),
            files: files().count() as u64,
            bytes: files().map(|file| file.bytes).sum(),
            is_latest: false,
            is_latest_complete: false,
        }
    }
}
