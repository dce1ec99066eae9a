//! Gathers the rows of a scope and cuts them into batches.

use std::{collections::BTreeMap, sync::Arc};

use arrow_array::{Array, RecordBatch, cast::AsArray};
use arrow_schema::DataType;
use arrow_select::concat::concat_batches;
use fortilake_sink::{Batch, Origin, ScopeId, TableSpec};

use super::rows::TableRows;
use crate::{Error, Result, error::Kind};

/// A batch is cut once it has this many rows …
pub(crate) const PIECE_ROWS: usize = 4096;
/// … or values of this many bytes in total.
pub(crate) const PIECE_BYTES: usize = 1 << 20;

/// The rows of one scope that are being gathered into batches.
///
/// Where batches are cut depends only on the rows and the lengths of their values. The size of the
/// allocated memory would be a simpler bound, but it depends on the allocator and the build. A
/// replay would then cut elsewhere and send other rows under the same batch id.
pub(super) struct ScopeBatches {
    scope: Arc<ScopeId>,
    origin: Origin,
    tables: BTreeMap<String, Waiting>,
}

/// The rows of one table that are not in a batch yet.
struct Waiting {
    table: Arc<TableSpec>,
    records: Vec<RecordBatch>,
    rows: usize,
    bytes: usize,
    piece: u32,
}

impl ScopeBatches {
    pub(super) fn new(scope: Arc<ScopeId>, origin: Origin) -> Self {
        Self {
            scope,
            origin,
            tables: BTreeMap::new(),
        }
    }

    /// Adds rows, and returns a batch once there are enough.
    pub(super) fn add(&mut self, rows: TableRows) -> Result<Option<Batch>> {
        let TableRows { table, records } = rows;
        let name = table.name.clone();
        let waiting = self.tables.entry(name).or_insert_with(|| Waiting {
            table,
            records: Vec::new(),
            rows: 0,
            bytes: 0,
            piece: 0,
        });
        waiting.rows += records.num_rows();
        waiting.bytes += value_bytes(&records);
        waiting.records.push(records);
        if waiting.rows >= PIECE_ROWS || waiting.bytes >= PIECE_BYTES {
            return waiting.cut(&self.scope, &self.origin).map(Some);
        }
        Ok(None)
    }

    /// Returns the remaining rows when the scope ends, one batch per table.
    pub(super) fn end(mut self) -> Result<Vec<Batch>> {
        let tables = self.tables.values_mut().filter(|table| table.rows > 0);
        tables
            .map(|table| table.cut(&self.scope, &self.origin))
            .collect()
    }
}

impl Waiting {
    /// Makes one batch of all gathered rows.
    fn cut(&mut self, scope: &Arc<ScopeId>, origin: &Origin) -> Result<Batch> {
        let records = concat_batches(&self.table.schema, &self.records).map_err(|error| {
            Error::new(
                Kind::Unforeseen,
                format!("rows of table `{}` cannot be joined", self.table.name),
            )
            .with_source(error)
        })?;
        let batch = Batch {
            table: self.table.clone(),
            scope: scope.clone(),
            piece: self.piece,
            origin: origin.clone(),
            records,
        };
        self.piece += 1;
        self.records.clear();
        self.rows = 0;
        self.bytes = 0;
        Ok(batch)
    }
}

/// The size of all values in bytes: the length of strings, and eight for any other value.
fn value_bytes(records: &RecordBatch) -> usize {
    let column = |column: &Arc<dyn Array>| match column.data_type() {
        DataType::Utf8 => {
            let offsets = column.as_string::<i32>().value_offsets();
            let ends = offsets.first().zip(offsets.last());
            let length = ends.map_or(0, |(first, last)| last - first);
            usize::try_from(length).unwrap_or(0)
        }
        _ => column.len() * 8,
    };
    records.columns().iter().map(column).sum()
}

#[cfg(test)]
mod tests {
    use arrow_array::{Int64Array, StringArray};
    use arrow_schema::{Field, Schema};
    use fortilake_sink::KeyIn;

    use super::*;

    /// The size of a row beside its text.
    const NUMBER: usize = 8;

    fn table(name: &str) -> Arc<TableSpec> {
        Arc::new(TableSpec {
            name: name.to_owned(),
            summary: String::new(),
            schema: Arc::new(Schema::new(vec![
                Field::new("text", DataType::Utf8, true),
                Field::new("number", DataType::Int64, true),
            ])),
            key: Vec::new(),
            key_in: KeyIn::Scope,
        })
    }

    fn rows(name: &str, texts: &[String]) -> TableRows {
        let table = table(name);
        let numbers = Int64Array::from(vec![7; texts.len()]);
        let texts = StringArray::from_iter_values(texts);
        let columns: Vec<Arc<dyn Array>> = vec![Arc::new(texts), Arc::new(numbers)];
        let records = RecordBatch::try_new(table.schema.clone(), columns).unwrap();
        TableRows { table, records }
    }

    /// As many rows without text.
    fn short(count: usize) -> TableRows {
        rows("apples", &vec![String::new(); count])
    }

    /// Rows with texts of these lengths.
    fn long(lengths: &[usize]) -> TableRows {
        let texts: Vec<_> = lengths.iter().map(|length| "a".repeat(*length)).collect();
        rows("apples", &texts)
    }

    fn batches() -> ScopeBatches {
        ScopeBatches::new(Arc::new(ScopeId::report()), Origin::Read)
    }

    fn told(batch: &Batch) -> (String, u32, usize) {
        let name = batch.table.name.clone();
        (name, batch.piece, batch.records.num_rows())
    }

    fn added(batches: &mut ScopeBatches, rows: TableRows) -> Option<(u32, usize)> {
        let batch = batches.add(rows).unwrap()?;
        Some((batch.piece, batch.records.num_rows()))
    }

    #[test]
    fn a_batch_is_cut_at_the_last_row_that_it_may_have() {
        let mut batches = batches();
        assert_eq!(added(&mut batches, short(PIECE_ROWS - 1)), None);
        assert_eq!(added(&mut batches, short(1)), Some((0, PIECE_ROWS)));
        assert_eq!(added(&mut batches, short(PIECE_ROWS - 1)), None);
        assert_eq!(added(&mut batches, short(2)), Some((1, PIECE_ROWS + 1)));
        assert!(batches.end().unwrap().is_empty(), "no rows are left");
    }

    #[test]
    fn a_batch_is_cut_at_the_last_byte_that_it_may_have() {
        let half = PIECE_BYTES / 2 - NUMBER;
        let mut batches = batches();
        assert_eq!(added(&mut batches, long(&[half])), None);
        assert_eq!(added(&mut batches, long(&[half])), Some((0, 2)));
        assert_eq!(added(&mut batches, long(&[half, half - 1])), None);
        assert_eq!(added(&mut batches, short(1)), Some((1, 3)));
        assert_eq!(added(&mut batches, short(1)), None);
        let rest = batches.end().unwrap();
        assert_eq!(
            rest.iter().map(told).collect::<Vec<_>>(),
            [("apples".to_owned(), 2, 1)]
        );
    }

    #[test]
    fn a_part_of_a_page_counts_only_its_own_text() {
        let whole = long(&[PIECE_BYTES, PIECE_BYTES - NUMBER - 1, 5]);
        let part = TableRows {
            records: whole.records.slice(1, 1),
            ..whole
        };
        assert_eq!(added(&mut batches(), part), None);
        let whole = long(&[5, PIECE_BYTES - NUMBER]);
        let part = TableRows {
            records: whole.records.slice(1, 1),
            ..whole
        };
        assert_eq!(added(&mut batches(), part), Some((0, 1)));
    }

    #[test]
    fn every_table_has_its_own_batches() {
        let mut batches = batches();
        assert_eq!(added(&mut batches, rows("pears", &["a".to_owned()])), None);
        assert_eq!(
            added(&mut batches, short(PIECE_ROWS)),
            Some((0, PIECE_ROWS))
        );
        assert_eq!(added(&mut batches, short(2)), None);
        let rest = batches.end().unwrap();
        let rest: Vec<_> = rest.iter().map(told).collect();
        assert_eq!(
            rest,
            [("apples".to_owned(), 1, 2), ("pears".to_owned(), 0, 1)]
        );
    }
}
