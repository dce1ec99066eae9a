//! The snapshots of a published place, and how two of them are chosen.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use fortilake_sink::{Error, Kind, Result, nearest};
use fortilake_snapshot::{File, Layout, LocalPlace, Manifest, Published, Reader, Which};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use tokio::runtime::Handle;

use crate::coverage::Coverage;
use crate::table_file::{Files, TableFile};

/// The format of files that can be read.
const FORMAT: &str = "parquet";

/// Reads the snapshots that were published into a folder or a bucket.
#[derive(Debug)]
pub struct History {
    files: Files,
    reader: Reader,
    location: String,
    scratch: PathBuf,
}

/// Two snapshots to compare.
#[derive(Debug)]
pub struct Pair {
    /// The older one.
    pub from: Snapshot,
    /// The newer one.
    pub to: Snapshot,
}

/// One published snapshot. Its files are immutable, so it can be read while crawls publish.
#[derive(Debug)]
pub struct Snapshot {
    files: Files,
    /// The files that are open, by table.
    open: Mutex<HashMap<String, TableFile>>,
    layout: Layout,
    manifest: Manifest,
    time: Timestamp,
    coverage: Coverage,
    scratch: PathBuf,
}

impl History {
    /// The history in the folder `path`, which is empty if the folder does not exist.
    ///
    /// Temporary files are created in the folder `scratch`, without a name.
    pub fn local(path: &Path, scratch: &Path) -> Self {
        Self {
            files: Files::Local(LocalPlace::new(path)),
            reader: Reader::local(path),
            location: path.display().to_string(),
            scratch: scratch.to_owned(),
        }
    }

    /// The history in a place that is not a folder. Files are downloaded to the folder `scratch`, without a name.
    ///
    /// Whatever reads a table waits until `runtime` has downloaded its file. So `runtime` has several threads, and
    /// tables are not read on one of its workers.
    pub fn remote(reader: Reader, scratch: &Path, runtime: Handle) -> Self {
        Self {
            location: reader.location(),
            files: Files::Remote {
                reader: reader.clone(),
                runtime,
            },
            reader,
            scratch: scratch.to_owned(),
        }
    }

    /// The place, as a path or URL for messages.
    pub(crate) fn location(&self) -> &str {
        &self.location
    }

    /// The folder for temporary files.
    pub(crate) fn scratch(&self) -> &Path {
        &self.scratch
    }

    /// The snapshots with Parquet files, oldest first, in both layouts. A name that both layouts have is listed once.
    pub async fn list(&self) -> Result<Vec<Published>> {
        let mut list = Vec::<Published>::new();
        for layout in Layout::ALL {
            for published in self.reader.list(layout).await? {
                let is_known = list
                    .iter()
                    .any(|known| known.snapshot == published.snapshot);
                if !is_known && published.formats.iter().any(|format| format == FORMAT) {
                    list.push(published);
                }
            }
        }
        list.sort_by(|left, right| left.snapshot.cmp(&right.snapshot));
        Ok(list)
    }

    /// Opens a snapshot from [`list`](Self::list).
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] if it has been pruned since it was listed, among other reasons.
    pub async fn open_snapshot(&self, published: &Published) -> Result<Snapshot> {
        let which = Which::Named(published.snapshot.clone());
        let Some(manifest) = self.reader.resolve(published.layout, &which).await? else {
            return Err(self.unknown(&published.snapshot, &[]));
        };
        let (layout, scratch) = (published.layout, self.scratch.clone());
        Snapshot::open(self.files.clone(), layout, manifest, scratch).await
    }

    /// Opens all snapshots, oldest first.
    pub async fn open_all(&self) -> Result<Vec<Snapshot>> {
        let mut snapshots = Vec::new();
        for published in self.list().await? {
            snapshots.push(self.open_snapshot(&published).await?);
        }
        Ok(snapshots)
    }

    /// The snapshot with this name; without one, the newest complete snapshot. `latest` is the newest of all.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] if there is none.
    pub async fn snapshot(&self, name: Option<&str>) -> Result<Snapshot> {
        let list = self.list().await?;
        let found = self.pick(&list, name)?;
        self.open_snapshot(found).await
    }

    /// The snapshots to compare. By default, `to` is the newest complete snapshot and `from` the newest complete one
    /// before it.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] if there is no such pair.
    pub async fn pair(&self, from: Option<&str>, to: Option<&str>) -> Result<Pair> {
        let list = self.list().await?;
        let to = self.pick(&list, to)?;
        let from = match from {
            Some(name) => self.pick(&list, Some(name))?,
            None => before(&list, &to.snapshot).ok_or_else(|| {
                let text = format!(
                    "there is no complete snapshot before `{}` in `{}` to compare with",
                    to.snapshot, self.location
                );
                Error::new(Kind::Config, text)
            })?,
        };
        Ok(Pair {
            from: self.open_snapshot(from).await?,
            to: self.open_snapshot(to).await?,
        })
    }

    /// The newest complete snapshot before this one, if there is one.
    pub async fn previous(&self, snapshot: &Snapshot) -> Result<Option<Snapshot>> {
        let list = self.list().await?;
        match before(&list, snapshot.name()) {
            Some(found) => self.open_snapshot(found).await.map(Some),
            None => Ok(None),
        }
    }

    fn pick<'a>(&self, list: &'a [Published], name: Option<&str>) -> Result<&'a Published> {
        let found = match name {
            None => list.iter().rev().find(|found| found.complete),
            Some("latest") => list.last(),
            Some(name) => list.iter().find(|found| found.snapshot == name),
        };
        found.ok_or_else(|| self.unknown(name.unwrap_or_default(), list))
    }

    fn unknown(&self, name: &str, list: &[Published]) -> Error {
        let place = &self.location;
        let names = list.iter().map(|found| found.snapshot.as_str());
        let text = match (list, name) {
            ([], _) => format!("no Parquet snapshot is published at `{place}`"),
            (_, "") => format!(
                "only partial snapshots are published at `{place}`; name one of them, or use `latest`"
            ),
            (_, name) => match nearest(name, names) {
                Some(near) => format!(
                    "no snapshot `{name}` is published at `{place}`; did you mean `{near}`?"
                ),
                None => format!("no snapshot `{name}` is published at `{place}`"),
            },
        };
        Error::new(Kind::Config, text)
    }
}

impl Snapshot {
    async fn open(
        files: Files,
        layout: Layout,
        manifest: Manifest,
        scratch: PathBuf,
    ) -> Result<Self> {
        let mut snapshot = Self {
            time: time(&manifest)?,
            coverage: Coverage::new(&manifest),
            files,
            open: Mutex::default(),
            layout,
            manifest,
            scratch,
        };
        let columns = ["_source", "endpoint", "account_id", "outcome"];
        if let Some(file) = snapshot.open_file("coverage").await? {
            for batch in file.read(Some(&columns))? {
                snapshot.coverage.add(&batch?);
            }
        }
        Ok(snapshot)
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.manifest.snapshot
    }

    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// When the newest page of the crawl arrived.
    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// The day of [`time`](Self::time), in UTC.
    pub fn date(&self) -> Date {
        self.time.to_zoned(TimeZone::UTC).date()
    }

    /// Whether the snapshot says which scopes the crawl read. Without the table `coverage`, which a sink can leave out,
    /// no row counts as inserted or deleted.
    pub fn has_coverage(&self) -> bool {
        self.coverage.is_known()
    }

    pub(crate) fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    pub(crate) fn scratch(&self) -> &Path {
        &self.scratch
    }

    /// The columns of a table; `None` if the snapshot does not have the table.
    pub(crate) fn schema(&self, table: &str) -> Result<Option<SchemaRef>> {
        let file = self.file(table)?;
        Ok(file.map(|file| SchemaRef::clone(file.schema())))
    }

    /// The rows of a table, with all columns or those of `columns` that exist; `None` if there is no such table.
    pub(crate) fn read(
        &self,
        table: &str,
        columns: Option<&[&str]>,
    ) -> Result<Option<impl Iterator<Item = Result<RecordBatch>> + Send + use<>>> {
        self.file(table)?.map(|file| file.read(columns)).transpose()
    }

    /// The file of a table; `None` if the snapshot does not have the table. It stays open, so that it is downloaded
    /// once, and can be read even if the snapshot is pruned.
    fn file(&self, table: &str) -> Result<Option<TableFile>> {
        if let Some(file) = self.open_files().get(table) {
            return Ok(Some(file.clone()));
        }
        let Some(listed) = self.listed(table) else {
            return Ok(None);
        };
        let file = self.files.open_blocking(listed, &self.scratch)?;
        self.open_files().insert(table.to_owned(), file.clone());
        Ok(Some(file))
    }

    /// Opens the file of a table for a caller that runs in a runtime; `None` if the snapshot does not have the table.
    pub(crate) async fn open_file(&self, table: &str) -> Result<Option<TableFile>> {
        match self.listed(table) {
            Some(listed) => self.files.open(listed, &self.scratch).await.map(Some),
            None => Ok(None),
        }
    }

    /// Closes all files, for a caller that opens more snapshots than a process can have open files.
    pub(crate) fn close_files(&self) {
        self.open_files().clear();
    }

    fn open_files(&self) -> MutexGuard<'_, HashMap<String, TableFile>> {
        // The map is whole even if a thread panicked while it held the lock.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listed(&self, table: &str) -> Option<&File> {
        let mut files = Reader::files(&self.manifest, self.layout, table);
        files.find(|file| file.format == FORMAT)
    }
}

/// The newest complete snapshot before this one, if there is one.
fn before<'a>(list: &'a [Published], name: &str) -> Option<&'a Published> {
    let mut older = list
        .iter()
        .rev()
        .filter(|found| found.snapshot.as_str() < name);
    older.find(|found| found.complete)
}

fn time(manifest: &Manifest) -> Result<Timestamp> {
    let texts = [&manifest.outcome.finished_at, &manifest.crawl.started_at];
    let times = texts.iter().filter_map(|text| text.parse().ok());
    times.into_iter().next().ok_or_else(|| {
        let text = format!(
            "the manifest of snapshot `{}` does not say when it was made",
            manifest.snapshot
        );
        Error::new(Kind::Config, text)
    })
}
