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
