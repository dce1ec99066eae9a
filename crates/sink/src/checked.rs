//! The checks that apply to every sink, whatever its destination.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use arrow_schema::{Field, Schema};
use async_trait::async_trait;

use crate::{Batch, Error, Kind, Outcome, Receipt, Result, ScopeId, ScopeResult, Sink, TableSpec};

#[cfg(test)]
mod tests;

/// Wraps a sink and enforces the rules of the contract that do not depend on the destination.
///
/// It refuses unknown tables, columns that differ from the table's, gaps between pieces, a scope that continues after
/// another one, rows of a scope that failed or that the outcome does not list, counts that differ from the outcome, and
/// any call after an error or a dropped call.
///
/// [`Spec::open`](crate::Spec::open) wraps every sink. If each sink made these checks itself, one of them would forget
/// one, and an incomplete table would be published as complete. The price is a map of all delivered scopes in memory.
pub struct Checked {
    sink: Box<dyn Sink>,
    tables: HashMap<String, Arc<TableSpec>>,
    current: Option<Current>,
    /// The scopes that have ended, with their number of rows by table.
    ended: HashMap<Arc<ScopeId>, BTreeMap<String, u64>>,
    /// Whether an earlier call failed or was dropped before it returned.
    spent: bool,
}

/// The scope that is being delivered: its next piece and its rows so far, by table.
struct Current {
    scope: Arc<ScopeId>,
    pieces: BTreeMap<String, u32>,
    rows: BTreeMap<String, u64>,
}

impl Checked {
    /// Wraps `sink`. `tables` are the tables of the context that it was opened with.
    pub fn new(sink: Box<dyn Sink>, tables: impl IntoIterator<Item = Arc<TableSpec>>) -> Self {
        let tables = tables.into_iter().map(|table| (table.name.clone(), table));
        Self {
            sink,
            tables: tables.collect(),
            current: None,
            ended: HashMap::new(),
            spent: false,
        }
    }

    fn accept(&mut self, batch: &Batch) -> Result<()> {
        let name = &batch.table.name;
        let Some(table) = self.tables.get(name) else {
            return Err(broken(format!(
                "table `{name}` is not in the sink's context"
            )));
        };
        if !has_columns_of(table, batch.records.schema_ref()) {
            let text = format!(
                "a batch of table `{name}` does not have the columns of the table's schema"
            );
            return Err(broken(text));
        }
        if self
            .current
            .as_ref()
            .is_none_or(|now| now.scope != batch.scope)
        {
            self.begin(&batch.scope)?;
        }
        let Some(current) = &mut self.current else {
            return Ok(());
        };
        let next = current.pieces.entry(name.clone()).or_default();
        if batch.piece != *next {
            let scope = &batch.scope;
            let text = format!(
                "piece {} of `{name}` in scope `{scope}` arrived, but piece {next} was expected",
                batch.piece
            );
            return Err(broken(text));
        }
        *next += 1;
        *current.rows.entry(name.clone()).or_default() += batch.records.num_rows() as u64;
        Ok(())
    }

    fn begin(&mut self, scope: &Arc<ScopeId>) -> Result<()> {
        self.end();
        if self.ended.contains_key(scope) {
            return Err(broken(format!(
                "scope `{scope}` arrived again after it had ended"
            )));
        }
        self.current = Some(Current {
            scope: Arc::clone(scope),
            pieces: BTreeMap::new(),
            rows: BTreeMap::new(),
        });
        Ok(())
    }

    fn end(&mut self) {
        if let Some(current) = self.current.take() {
            self.ended.insert(current.scope, current.rows);
        }
    }

    /// Compares the rows that were written with the counts of the outcome.
    fn compare(&mut self, outcome: &Outcome) -> Result<()> {
        self.end();
        let none = BTreeMap::new();
        let mut named = HashSet::new();
        let mut totals = BTreeMap::<&str, u64>::new();
        for found in &outcome.scopes {
            named.insert(&found.scope);
            let written = self.ended.get(&found.scope);
            if let (ScopeResult::Failed { .. }, Some(_)) = (&found.result, written) {
                let text = format!(
                    "scope `{}` failed, but rows of it were written",
                    found.scope
                );
                return Err(broken(text));
            }
            let written = written.unwrap_or(&none);
            // A table can be missing on either side: its rows were counted but not written, or written but not counted.
            for table in found.rows.keys().chain(written.keys()) {
                let count = |rows: &BTreeMap<String, u64>| rows.get(table).copied().unwrap_or(0);
                let (rows, wanted) = (count(written), count(&found.rows));
                if rows != wanted {
                    let scope = &found.scope;
                    let text = format!(
                        "{rows} rows of `{table}` were written from scope `{scope}`, but the outcome counts {wanted}"
                    );
                    return Err(broken(text));
                }
            }
            for (table, rows) in written {
                *totals.entry(table).or_default() += rows;
            }
        }
        if let Some(scope) = self.ended.keys().find(|scope| !named.contains(scope)) {
            let text =
                format!("rows of scope `{scope}` were written, but the outcome does not list it");
            return Err(broken(text));
        }
        for table in self.tables.keys() {
            let rows = totals.get(table.as_str()).copied().unwrap_or(0);
            let wanted = outcome.tables.get(table).copied().unwrap_or(0);
            if rows != wanted {
                let text = format!(
                    "{rows} rows of table `{table}` were written, but the outcome counts {wanted}"
                );
                return Err(broken(text));
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Sink for Checked {
    async fn write(&mut self, batch: &Batch) -> Result<()> {
        if self.spent {
            return Err(spent());
        }
        // Set before the call and reset after success, so a dropped call leaves it set.
        self.spent = true;
        self.accept(batch)?;
        // Do not pass on empty batches. Otherwise every sink would have to decide whether an empty message or row group
        // is worth writing.
        if batch.records.num_rows() > 0 {
            self.sink.write(batch).await?;
        }
        self.spent = false;
        Ok(())
    }

    async fn finish(mut self: Box<Self>, outcome: &Outcome) -> Result<Receipt> {
        let checked = if self.spent {
            Err(spent())
        } else {
            self.compare(outcome)
        };
        match checked {
            Ok(()) => self.sink.finish(outcome).await,
            Err(error) => {
                // `finish` consumes the sink, so the caller cannot abort it. Return the first error, which explains
                // why.
                let _ = self.sink.abort().await;
                Err(error)
            }
        }
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        self.sink.abort().await
    }
}

/// Whether a batch has the names and types of the table's columns, in order.
///
/// Metadata and nullability are not compared: they do not change how values are written.
fn has_columns_of(table: &TableSpec, schema: &Schema) -> bool {
    let same = |one: &Field, other: &Field| {
        one.name() == other.name() && one.data_type() == other.data_type()
    };
    let (ours, theirs) = (table.schema.fields(), schema.fields());
    ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(one, other)| same(one, other))
}

fn broken(text: String) -> Error {
    Error::new(Kind::Internal, text)
}

fn spent() -> Error {
    broken("an earlier call of this sink failed or was cancelled".to_owned())
}
