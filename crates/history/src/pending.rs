//! The table `changes` of a crawl that is about to be published.
//!
//! The crawl is compared before it is published, so its rows are first written to a folder of their own, in the same
//! format as every published snapshot. Then nothing here differs from the comparison of two snapshots. The price is
//! disk space for one more snapshot while the comparison runs.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray, new_null_array};
use arrow_cast::cast;
use arrow_schema::SchemaRef;
use fortilake_models::CHANGES;
use fortilake_sink::{Context, Crawl, Error, Kind, Phase, Result, Sink, TableSpec, json};
use fortilake_snapshot::parquet::{PageCompression, Parquet};
use fortilake_snapshot::{BucketOptions, FileTarget, Layout, Published};
use parquet::arrow::ArrowWriter;
use tempfile::TempDir;

use crate::codec::{ACCOUNT, SOURCE};
use crate::compare::Comparison;
use crate::feed::{FEED_COLUMNS, TABLE_COLUMN};
use crate::history::{History, Snapshot};
use crate::plan::SERIAL;
use crate::table_file::TableFile;

/// Finds the changes of a crawl that is about to be published.
#[derive(Debug)]
pub struct Pending {
    history: History,
    crawl: Crawl,
    /// The columns of the table `changes`.
    schema: SchemaRef,
    /// The comparison that has begun.
    begun: Option<Comparing>,
}

/// A comparison that waits for the rows of the crawl.
#[derive(Debug)]
struct Comparing {
    since: Snapshot,
    rows: TempDir,
}

/// What a crawl is compared with.
#[derive(Debug)]
pub enum Against {
    /// Nothing: there is no complete snapshot before it, or no other snapshot at all.
    Nothing,
    /// The crawl has been published with its changes, which stay as they are.
    Published(PendingChanges),
    /// A snapshot.
    Snapshot {
        /// The crawl that it holds.
        crawl_id: String,
    },
}

/// The rows of the table `changes`.
#[derive(Debug)]
pub struct PendingChanges {
    /// The snapshot that the crawl is compared with, if there is one.
    pub since: Option<String>,
    /// The number of rows.
    pub count: u64,
    file: TableFile,
    /// Keeps a temporary folder until the rows are no longer needed.
    _folder: Option<TempDir>,
}

/// Batches of rows.
pub type PendingBatches = Box<dyn Iterator<Item = Result<RecordBatch>> + Send>;

impl Pending {
    /// Finds changes since one of the snapshots of `history`, which can be empty. `changes` is the table to fill.
    pub fn new(history: History, crawl: Crawl, changes: &TableSpec) -> Self {
        Self {
            history,
            crawl,
            schema: SchemaRef::clone(&changes.schema),
            begun: None,
        }
    }

    /// Decides what the crawl is compared with: the newest complete snapshot before it. `recorded` is what an earlier
    /// delivery of the crawl decided: the id of the other crawl, because its snapshot can have another name in each place.
    /// Earlier versions recorded the name of the snapshot.
    ///
    /// If there is no other snapshot, the earlier delivery was to another place. Then there is nothing to compare with,
    /// as for every first snapshot. If there are others, the recorded one was removed or skipped, and a comparison with
    /// another one would give other changes under the same ids.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] if a snapshot was recorded that is not there.
    pub async fn begin(&mut self, recorded: Option<Option<String>>) -> Result<Against> {
        let list = self.history.list().await?;
        let own = list.iter().find(|found| found.crawl_id == self.crawl.id);
        // The crawl has been published before. Its changes are taken from there, so that every delivery has the same
        // ones, even if the snapshot that they refer to has been pruned since.
        if let Some(own) = own {
            let own = self.history.open_snapshot(own).await?;
            if let Some(changes) = PendingChanges::published(&own, &self.schema).await? {
                return Ok(Against::Published(changes));
            }
        }
        let since = match recorded {
            Some(_) if list.iter().all(|found| found.crawl_id == self.crawl.id) => None,
            Some(Some(since)) => Some(self.recorded(&list, &since)?),
            Some(None) => None,
            None => self.before(&list, own),
        };
        let Some(found) = since else {
            return Ok(Against::Nothing);
        };
        let rows = self.folder()?;
        self.begun = Some(Comparing {
            since: self.history.open_snapshot(found).await?,
            rows,
        });
        Ok(Against::Snapshot {
            crawl_id: found.crawl_id.clone(),
        })
    }

    /// A sink for all rows of the crawl, after [`begin`](Self::begin) has returned a snapshot.
    pub async fn rows(&self, tables: &[Arc<TableSpec>]) -> Result<Box<dyn Sink>> {
        let target = FileTarget {
            path: self.begun()?.rows.path().to_owned(),
            bucket: BucketOptions::default(),
            layout: Layout::Snapshots,
            keep: None,
            partial: None,
            catalog: None,
        };
        let format = Parquet {
            row_group_bytes: ROW_GROUP,
            // The files are read once, right after they were written.
            compression: PageCompression::None,
        };
        let tables = tables.iter().filter(|table| table.name != CHANGES.name);
        let context = Context::new(self.crawl.clone(), tables.cloned().collect());
        target.open(format, context).await
    }

    /// Finds the changes, after all rows were written to the sink of [`rows`](Self::rows) and it has finished.
    pub async fn end(&mut self) -> Result<PendingChanges> {
        self.begun()?;
        let Some(Comparing { since, rows }) = self.begun.take() else {
            return Err(not_begun());
        };
        let history = History::local(rows.path(), self.history.scratch());
        let new = history.snapshot(Some("latest")).await?;
        let schema = SchemaRef::clone(&self.schema);
        let crawl = self.crawl.id.clone();
        let found = tokio::task::spawn_blocking(move || {
            let path = rows.path().join("changes.parquet");
            let count = write(&since, &new, &crawl, &schema, &path)?;
            let file = File::open(&path).map_err(|error| Error::io("open", &path, error))?;
            Ok(PendingChanges {
                since: Some(since.name().to_owned()),
                count,
                file: TableFile::new(path, file)?,
                _folder: Some(rows),
            })
        });
        found.await.unwrap_or_else(|error| {
            Err(Error::new(Kind::Internal, "the comparison failed").with_source(error))
        })
    }

    /// A temporary folder. It is named after the crawl, so that the next delivery of the crawl replaces what a killed
    /// process left behind.
    fn folder(&self) -> Result<TempDir> {
        let scratch = self.history.scratch();
        let failed = |error| Error::io("create a temporary folder in", scratch, error);
        let name = format!("changes-{}", self.crawl.id);
        match fs::remove_dir_all(scratch.join(&name)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let mut builder = tempfile::Builder::new();
        builder.prefix(&name).rand_bytes(0);
        builder.tempdir_in(scratch).map_err(failed)
    }

    fn begun(&self) -> Result<&Comparing> {
        self.begun.as_ref().ok_or_else(not_begun)
    }

    /// The newest complete snapshot before that of this crawl.
    fn before<'a>(&self, list: &'a [Published], own: Option<&Published>) -> Option<&'a Published> {
        let is_before = |found: &&Published| match (own, self.crawl.phase) {
            (Some(own), _) => found.snapshot < own.snapshot,
            // A crawl that is still reading is newer than everything that is published, whatever the clock says.
            (None, Phase::Reading) => true,
            (None, Phase::Ended) => found.snapshot < self.crawl.name,
        };
        list.iter()
            .rev()
            .filter(is_before)
            .find(|found| found.complete)
    }

    /// The snapshot of the crawl that an earlier delivery compared with.
    fn recorded<'a>(&self, list: &'a [Published], since: &str) -> Result<&'a Published> {
        let of_crawl = list.iter().find(|found| found.crawl_id == since);
        of_crawl
            .or_else(|| list.iter().find(|found| found.snapshot == since))
            .ok_or_else(|| self.gone(since))
    }

    fn gone(&self, since: &str) -> Error {
        let text = format!(
            "crawl `{}` was compared with crawl `{since}`, which is not published in `{}`; replay `{since}` there first, \
             or set `changes = false` in `[history]` to publish the crawl without its changes",
            self.crawl.id,
            self.history.location()
        );
        Error::new(Kind::Config, text)
    }
}

/// The size in bytes at which a row group is closed. It also bounds the memory used per table.
const ROW_GROUP: usize = 4 << 20;

impl PendingChanges {
    /// The changes in a published snapshot; `None` if it was published without them, or without some of their columns.
    async fn published(own: &Snapshot, schema: &SchemaRef) -> Result<Option<Self>> {
        let names = |schema: &SchemaRef| {
            let fields = schema.fields().iter();
            fields.map(|field| field.name().clone()).collect::<Vec<_>>()
        };
        let tables = &own.manifest().tables;
        let table = tables.iter().find(|table| table.name == CHANGES.name);
        let Some((table, file)) = table.zip(own.open_file(CHANGES.name).await?) else {
            return Ok(None);
        };
        if names(file.schema()) != names(schema) {
            return Ok(None);
        }
        Ok(Some(Self {
            since: own.manifest().outcome.changes_since.clone(),
            count: table.rows,
            file,
            _folder: None,
        }))
    }

    /// Starts reading the rows.
    pub fn read(&self) -> Result<PendingBatches> {
        Ok(Box::new(self.file.read(None)?))
    }
}

/// Compares two snapshots and writes the changes to a file. Returns their number.
fn write(
    since: &Snapshot,
    new: &Snapshot,
    crawl: &str,
    schema: &SchemaRef,
    path: &Path,
) -> Result<u64> {
    let failed = |error| Error::io("write", path, error);
    let file = File::create(path).map_err(|error| Error::io("create", path, error))?;
    let mut writer = ArrowWriter::try_new(file, SchemaRef::clone(schema), None).map_err(failed)?;
    let mut count = 0;
    // Names are not compared: a crawl is newer than what is published, although its clock may have been set back.
    let comparison = Comparison::of(since, new);
    for table in comparison.tables() {
        comparison.table(table, &mut |batch| {
            let rows = rows(&batch, count, since.name(), crawl, schema)?;
            count += rows.num_rows() as u64;
            writer
                .write(&rows)
                .map_err(|error| Error::io("write", path, error))
        })?;
    }
    writer
        .close()
        .map_err(|error| Error::io("write", path, error))?;
    Ok(count)
}

/// Rows of the feed of a table as rows of the table `changes`. `first` is the number of the first of them.
fn rows(
    feed: &RecordBatch,
    first: u64,
    since: &str,
    crawl: &str,
    schema: &SchemaRef,
) -> Result<RecordBatch> {
    let count = feed.num_rows();
    let fields = schema.fields().iter().map(|field| {
        let column: ArrayRef = match field.name().as_str() {
            "number" => {
                let numbers = (first..)
                    .take(count)
                    .map(|number| i64::try_from(number).ok());
                Arc::new(numbers.collect::<Int64Array>())
            }
            "record" => Arc::new(records(feed)?),
            "changed_columns" => Arc::new(lists(feed, "changed_columns")?),
            "since_snapshot" => Arc::new(StringArray::from(vec![since; count])),
            "_crawl_id" => Arc::new(StringArray::from(vec![crawl; count])),
            "_observed_at" => column(feed, "_changed_at", count, field.data_type()),
            TABLE_COLUMN | SERIAL | ACCOUNT | SOURCE | "_change_type" | "_previous" => {
                column(feed, field.name(), count, field.data_type())
            }
            _ => new_null_array(field.data_type(), count),
        };
        if column.data_type() == field.data_type() {
            return Ok(column);
        }
        cast(&column, field.data_type()).map_err(failed)
    });
    let columns = fields.collect::<Result<Vec<_>>>()?;
    RecordBatch::try_new(SchemaRef::clone(schema), columns).map_err(failed)
}

/// A column of the feed; null if the table does not have it.
fn column(
    feed: &RecordBatch,
    name: &str,
    count: usize,
    data_type: &arrow_schema::DataType,
) -> ArrayRef {
    match feed.column_by_name(name) {
        Some(column) => Arc::clone(column),
        None => new_null_array(data_type, count),
    }
}

/// The rows themselves, each as a JSON object.
fn records(feed: &RecordBatch) -> Result<StringArray> {
    let fields = feed.schema_ref().fields().iter().enumerate();
    let own = fields.filter(|(_, field)| {
        let name = field.name().as_str();
        name != TABLE_COLUMN && !FEED_COLUMNS.contains(&name)
    });
    let own: Vec<_> = own.map(|(position, _)| position).collect();
    let lines = json::lines(&feed.project(&own).map_err(failed)?)?;
    let text = String::from_utf8(lines)
        .map_err(|error| Error::new(Kind::Internal, "JSON is not UTF-8").with_source(error))?;
    Ok(text.lines().map(Some).collect())
}

/// A column of lists of texts, each as a JSON list.
fn lists(feed: &RecordBatch, name: &str) -> Result<StringArray> {
    let lists = feed
        .column_by_name(name)
        .and_then(|column| column.as_list_opt::<i32>());
    let lists = lists.ok_or_else(|| {
        let text = format!("the changes have no column `{name}`");
        Error::new(Kind::Internal, text)
    })?;
    let text = |list: Option<ArrayRef>| {
        let list = list?;
        let items: Vec<_> = list.as_string_opt::<i32>()?.iter().flatten().collect();
        Some(serde_json::Value::from(items).to_string())
    };
    Ok(lists.iter().map(text).collect())
}

fn failed(error: arrow_schema::ArrowError) -> Error {
    Error::new(Kind::Internal, "cannot assemble the changes").with_source(error)
}

fn not_begun() -> Error {
    Error::new(Kind::Internal, "no comparison has begun")
}
