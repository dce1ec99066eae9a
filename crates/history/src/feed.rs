//! Writes changes as rows in the columns of Delta's change data feed.

use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray, UInt32Array};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow_select::take::take;
use fortilake_sink::{Error, Kind, Result, json};

use crate::history::Snapshot;
use crate::pairs::{Change, RowEvent};
use crate::plan::Plan;
use crate::sort::Record;

/// The first column of every change: the name of the table.
pub const TABLE_COLUMN: &str = "table_name";

/// The columns that follow the columns of the table.
pub const FEED_COLUMNS: [&str; 5] = [
    "_change_type",
    "_snapshot",
    "_changed_at",
    "changed_columns",
    "_previous",
];

/// How many changes are decoded at a time.
const BATCH: usize = 1024;

/// The value of the column `_change_type`. The first four are those of Delta.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeType {
    /// The row is new.
    Insert,
    /// The row before an update. The row after it follows.
    UpdatePreimage,
    /// The row after an update.
    UpdatePostimage,
    /// The row is gone.
    Delete,
    /// The device is in another account. The row is the new one; `_previous` has the old values.
    Moved,
    /// A term that ends later than its contract line ended before. If it replaces an old term, `_previous` has the
    /// old values.
    Renewed,
}

impl ChangeType {
    /// The name in the column `_change_type`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::UpdatePreimage => "update_preimage",
            Self::UpdatePostimage => "update_postimage",
            Self::Delete => "delete",
            Self::Moved => "moved",
            Self::Renewed => "renewed",
        }
    }
}

/// How many rows of a table changed. An update counts once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// New rows.
    pub inserted: u64,
    /// Rows with other values.
    pub updated: u64,
    /// Rows that are gone.
    pub deleted: u64,
    /// Rows that are in another account.
    pub moved: u64,
    /// Terms that end later.
    pub renewed: u64,
}

impl Counts {
    /// The number of changes.
    pub fn total(&self) -> u64 {
        self.inserted + self.updated + self.deleted + self.moved + self.renewed
    }

    fn add(&mut self, event: RowEvent) {
        let count = match event {
            RowEvent::Inserted => &mut self.inserted,
            RowEvent::Updated => &mut self.updated,
            RowEvent::Deleted => &mut self.deleted,
            RowEvent::Moved => &mut self.moved,
            RowEvent::Renewed => &mut self.renewed,
        };
        *count += 1;
    }
}

/// Collects changes and passes them on as batches.
pub(crate) struct Feed<'a> {
    plan: &'a Plan,
    snapshot: String,
    changed_at: i64,
    schema: SchemaRef,
    pending: Vec<Change>,
    counts: Counts,
    emit: &'a mut dyn FnMut(RecordBatch) -> Result<()>,
}

/// One row of the feed.
struct Row {
    change_type: ChangeType,
    /// The position in the decoded rows: old rows first, then new ones.
    at: usize,
    changed: Vec<String>,
    previous: Option<String>,
}

impl<'a> Feed<'a> {
    pub(crate) fn new(
        plan: &'a Plan,
        new: &Snapshot,
        emit: &'a mut dyn FnMut(RecordBatch) -> Result<()>,
    ) -> Self {
        Self {
            schema: schema(plan),
            snapshot: new.name().to_owned(),
            changed_at: new.time().as_microsecond(),
            pending: Vec::new(),
            counts: Counts::default(),
            plan,
            emit,
        }
    }

    pub(crate) fn push(&mut self, change: Change) -> Result<()> {
        self.counts.add(change.event);
        self.pending.push(change);
        if self.pending.len() >= BATCH {
            self.flush()?;
        }
        Ok(())
    }

    pub(crate) fn finish(mut self) -> Result<Counts> {
        self.flush()?;
        Ok(self.counts)
    }

    fn flush(&mut self) -> Result<()> {
        let changes = std::mem::take(&mut self.pending);
        if changes.is_empty() {
            return Ok(());
        }
        let befores: Vec<&Record> = changes
            .iter()
            .filter_map(|change| change.before.as_ref())
            .collect();
        let afters: Vec<&Record> = changes
            .iter()
            .filter_map(|change| change.after.as_ref())
            .collect();
        let all: Vec<&Record> = befores.iter().chain(&afters).copied().collect();
        let columns = self.plan.codec.decode(&all)?;
        let (mut before, mut after) = (0, befores.len());
        let mut rows = Vec::with_capacity(all.len());
        for change in &changes {
            let old = change.before.as_ref().map(|_| before);
            let new = change.after.as_ref().map(|_| after);
            self.rows(change.event, old, new, &columns, &mut rows)?;
            before += usize::from(old.is_some());
            after += usize::from(new.is_some());
        }
        let batch = self.batch(&columns, &rows)?;
        (self.emit)(batch)
    }

    fn rows(
        &self,
        event: RowEvent,
        old: Option<usize>,
        new: Option<usize>,
        columns: &[ArrayRef],
        rows: &mut Vec<Row>,
    ) -> Result<()> {
        let changed: Vec<usize> = match (old, new) {
            (Some(old), Some(new)) => {
                let differs = |at: &usize| columns[*at].slice(old, 1) != columns[*at].slice(new, 1);
                let mut changed: Vec<_> = self.plan.codec.compared().filter(differs).collect();
                // `compared` has the columns of the key first. Here they are in the order of the table.
                changed.sort_unstable();
                changed
            }
            _ => Vec::new(),
        };
        let names = || {
            let fields = self.plan.codec.fields();
            changed
                .iter()
                .map(|at| fields[*at].name().clone())
                .collect::<Vec<_>>()
        };
        let mut push = |change_type, at: Option<usize>, changed: Vec<String>, previous| {
            rows.extend(at.map(|at| Row {
                change_type,
                at,
                changed,
                previous,
            }));
        };
        match event {
            RowEvent::Inserted => push(ChangeType::Insert, new, Vec::new(), None),
            RowEvent::Deleted => push(ChangeType::Delete, old, Vec::new(), None),
            RowEvent::Updated => {
                push(ChangeType::UpdatePreimage, old, names(), None);
                push(ChangeType::UpdatePostimage, new, names(), None);
            }
            RowEvent::Moved | RowEvent::Renewed => {
                let change_type = match event {
                    RowEvent::Moved => ChangeType::Moved,
                    _ => ChangeType::Renewed,
                };
                let previous = old
                    .map(|old| self.previous(&changed, old, columns))
                    .transpose()?;
                push(change_type, new, names(), previous);
            }
        }
        Ok(())
    }

    /// The old values of the columns that changed, as a JSON object.
    fn previous(&self, changed: &[usize], old: usize, columns: &[ArrayRef]) -> Result<String> {
        let fields: Vec<_> = changed
            .iter()
            .map(|at| Arc::clone(&self.plan.codec.fields()[*at]))
            .collect();
        let values = changed
            .iter()
            .map(|at| columns[*at].slice(old, 1))
            .collect();
        let row = RecordBatch::try_new(Arc::new(Schema::new(fields)), values).map_err(failed)?;
        let line = json::lines(&row)?;
        Ok(String::from_utf8_lossy(line.trim_ascii_end()).into_owned())
    }

    fn batch(&self, columns: &[ArrayRef], rows: &[Row]) -> Result<RecordBatch> {
        let places: UInt32Array = rows.iter().map(|row| u32::try_from(row.at).ok()).collect();
        let table = rows.iter().map(|_| Some(self.plan.table.as_str()));
        let mut taken: Vec<ArrayRef> = vec![Arc::new(table.collect::<StringArray>())];
        for column in columns {
            taken.push(take(column, &places, None).map_err(failed)?);
        }
        let types = rows.iter().map(|row| Some(row.change_type.name()));
        taken.push(Arc::new(types.collect::<StringArray>()));
        let names = rows.iter().map(|_| Some(self.snapshot.as_str()));
        taken.push(Arc::new(names.collect::<StringArray>()));
        let times = TimestampMicrosecondArray::from(vec![self.changed_at; rows.len()]);
        taken.push(Arc::new(times.with_timezone("UTC")));
        let item = Field::new("item", DataType::Utf8, false);
        let mut changed = ListBuilder::new(StringBuilder::new()).with_field(item);
        for row in rows {
            changed.append_value(row.changed.iter().map(Some));
        }
        taken.push(Arc::new(changed.finish()));
        let previous = rows.iter().map(|row| row.previous.as_deref());
        taken.push(Arc::new(previous.collect::<StringArray>()));
        RecordBatch::try_new(Arc::clone(&self.schema), taken).map_err(failed)
    }
}

/// The columns of the feed of a table.
pub(crate) fn schema(plan: &Plan) -> SchemaRef {
    let mut fields = vec![Arc::new(Field::new(TABLE_COLUMN, DataType::Utf8, false))];
    fields.extend_from_slice(plan.codec.fields());
    let item = Field::new("item", DataType::Utf8, false);
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let types = [
        DataType::Utf8,
        DataType::Utf8,
        time,
        DataType::List(Arc::new(item)),
        DataType::Utf8,
    ];
    for (name, data_type) in FEED_COLUMNS.into_iter().zip(types) {
        fields.push(Arc::new(Field::new(name, data_type, name == "_previous")));
    }
    Arc::new(Schema::new(fields))
}

fn failed(error: arrow_schema::ArrowError) -> Error {
    Error::new(Kind::Internal, "cannot assemble the changes").with_source(error)
}
