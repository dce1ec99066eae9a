//! The snapshots of a published folder, and how two of them are chosen.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use fortilake_sink::{Error, Kind, Result, nearest};
use fortilake_snapshot::{Layout, LocalPlace, Manifest, Published, Reader, Which};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use crate::coverage::Coverage;

/// How many rows are decoded at a time.
const BATCH: usize = 8192;

/// The format of files that can be read.
const FORMAT: &str = "parquet";

/// Reads the snapshots that were published into a folder.
#[derive(Debug)]
pub struct History {
    place: LocalPlace,
    reader: Reader,
    path: PathBuf,
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
    place: LocalPlace,
    layout: Layout,
    manifest: Manifest,
    time: Timestamp,
    coverage: Coverage,
    scratch: PathBuf,
}

impl History {
    /// The history in the folder `path`. Temporary files are created in the folder `scratch`, without a name.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] if `path` is a URL or not a folder.
    pub fn open(path: &Path, scratch: &Path) -> Result<Self> {
        if path.to_string_lossy().contains("://") {
            let text = format!(
                "`{}` is not a local folder; copy the snapshots to a folder first",
                path.display()
            );
            return Err(Error::new(Kind::Config, text));
        }
        if !path.is_dir() {
            let text = format!("there is no folder `{}`", path.display());
            return Err(Error::new(Kind::Config, text));
        }
        let place = LocalPlace::new(path);
        Ok(Self {
            reader: Reader::local(path),
            place,
            path: path.to_owned(),
            scratch: scratch.to_owned(),
        })
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
        Snapshot::open(
            self.place.clone(),
            published.layout,
            manifest,
            self.scratch.clone(),
        )
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
                    to.snapshot,
                    self.path.display()
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
        let place = self.path.display();
        let names = list.iter().map(|found| found.snapshot.as_str());
        let text = match (list, name) {
            ([], _) => format!("no Parquet snapshot is published at `{place}`"),
            (_, "") => {
                format!("no complete snapshot is published at `{place}`; name one, or use `latest`")
            }
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
    fn open(
        place: LocalPlace,
        layout: Layout,
        manifest: Manifest,
        scratch: PathBuf,
    ) -> Result<Self> {
        let time = time(&manifest)?;
        let coverage = Coverage::new(&manifest);
        let mut snapshot = Self {
            place,
            layout,
            manifest,
            time,
            coverage,
            scratch,
        };
        let columns = ["_source", "endpoint", "account_id", "outcome"];
        if let Some(batches) = snapshot.read("coverage", Some(&columns))? {
            for batch in batches {
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

    pub(crate) fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    pub(crate) fn scratch(&self) -> &Path {
        &self.scratch
    }

    /// The columns of a table; `None` if the snapshot does not have the table.
    pub(crate) fn schema(&self, table: &str) -> Result<Option<SchemaRef>> {
        let Some(path) = self.file(table)? else {
            return Ok(None);
        };
        Ok(Some(std::sync::Arc::clone(builder(&path)?.schema())))
    }

    /// The rows of a table, with all columns or those of `columns` that exist; `None` if there is no such table.
    pub(crate) fn read(
        &self,
        table: &str,
        columns: Option<&[&str]>,
    ) -> Result<Option<impl Iterator<Item = Result<RecordBatch>> + use<>>> {
        let Some(path) = self.file(table)? else {
            return Ok(None);
        };
        let mut builder = builder(&path)?.with_batch_size(BATCH);
        if let Some(columns) = columns {
            let schema = builder.parquet_schema();
            let mask = ProjectionMask::columns(schema, columns.iter().copied());
            builder = builder.with_projection(mask);
        }
        let reader: ParquetRecordBatchReader = builder
            .build()
            .map_err(|error| Error::io("read", &path, error))?;
        let batch = move |batch: std::result::Result<_, arrow_schema::ArrowError>| {
            batch.map_err(|error| Error::io("read", &path, error))
        };
        Ok(Some(reader.map(batch)))
    }

    /// The file of a table; `None` if the snapshot does not have the table.
    pub(crate) fn file(&self, table: &str) -> Result<Option<PathBuf>> {
        let mut files = Reader::files(&self.manifest, self.layout, table);
        let file = files.find(|file| file.format == FORMAT);
        file.map(|file| self.place.path(&file.path)).transpose()
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

fn builder(path: &Path) -> Result<ParquetRecordBatchReaderBuilder<File>> {
    let file = File::open(path).map_err(|error| Error::io("open", path, error))?;
    ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| Error::io("read", path, error))
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
