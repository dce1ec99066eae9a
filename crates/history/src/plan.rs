//! How one table is compared: its columns, its natural key, and where its rows come from.

mod terms;

use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use fortilake_sink::{Error, Kind, Result};

use crate::buckets::{Buckets, Sums};
use crate::codec::{ACCOUNT, Codec, fixed_width};
use crate::history::Snapshot;
use crate::natural_key::{self, CONTRACT_TERMS, FROM_CONTRACT, NaturalKey};
use crate::sort::{MEMORY, Sorted, Sorter};

/// The column with the serial number of a device.
pub(crate) const SERIAL: &str = "serial_number";

/// The table with the contracts of products.
pub(crate) const CONTRACTS: &str = "product_contracts";

/// Reduces a batch to the rows that are needed.
pub(crate) type Filter<'a> = &'a (dyn Fn(&RecordBatch) -> Result<RecordBatch> + Sync);

/// Batches of rows.
pub(crate) type Batches<'a> = Box<dyn Iterator<Item = Result<RecordBatch>> + 'a>;

/// How a table of two snapshots is compared.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) table: String,
    /// The endpoint whose scopes the rows belong to; `None` for a table that the catalogue does not know.
    pub(crate) endpoint: Option<&'static str>,
    pub(crate) codec: Codec,
    /// The number of bytes at the start of a key that hold the account, if rows can move between accounts.
    pub(crate) account_width: Option<usize>,
    /// Set for a table whose rows are terms of lines that can be renewed.
    pub(crate) line: Option<Line>,
}

/// Which bytes of a record say what line a term belongs to, and when it ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    /// The number of bytes at the end of the key that are not part of the line.
    pub(crate) start_width: usize,
    /// The number of bytes at the start of the value that hold the end of the term.
    pub(crate) end_width: usize,
}

impl Plan {
    /// The plan for a table; `None` if one of the snapshots does not have it.
    ///
    /// A table that only one of them has says nothing about the inventory: the other crawl was made by another version,
    /// or without that table.
    pub(crate) fn new(old: &Snapshot, new: &Snapshot, table: &str) -> Result<Option<Self>> {
        let schemas = (schema(old, table)?, schema(new, table)?);
        let (Some(old_schema), Some(new_schema)) = schemas else {
            return Ok(None);
        };
        let natural = natural_key::of(table);
        let listed = new
            .manifest()
            .tables
            .iter()
            .find(|found| found.name == table);
        let listed: Vec<&str> = listed.map_or(Vec::new(), |table| {
            table.key.iter().map(String::as_str).collect()
        });
        Self::with(table, natural, &listed, &old_schema, &new_schema).map(Some)
    }

    /// The plan for tables with these columns. `listed` is the key in the manifest.
    pub(crate) fn with(
        table: &str,
        natural: Option<&NaturalKey>,
        listed: &[&str],
        old: &Schema,
        new: &Schema,
    ) -> Result<Self> {
        let is_common = |name: &str| {
            [old, new]
                .iter()
                .all(|schema| schema.column_with_name(name).is_some())
        };
        let positions = natural.map_or(&[][..], |natural| natural.positions);
        let ignored = |name: &str| name.starts_with('_') || positions.contains(&name);
        let has_position = listed.contains(&"_index");
        let key: Vec<&str> = match natural {
            Some(natural) => natural
                .columns
                .iter()
                .copied()
                .filter(|name| is_common(name))
                .collect(),
            // A position says nothing about another snapshot, so a key that contains one cannot be used.
            None if !listed.is_empty()
                && !has_position
                && listed.iter().all(|name| is_common(name)) =>
            {
                listed.to_vec()
            }
            // Without a key, rows can only be the same or not.
            None => {
                let names = new.fields().iter().map(|field| field.name().as_str());
                names
                    .filter(|name| !ignored(name) && is_common(name))
                    .collect()
            }
        };
        let is_terms = table == CONTRACT_TERMS.table;
        let first = is_terms.then_some("end_date");
        let codec = Codec::new(old, new, &key, first, ignored)?;
        let endpoint = fortilake_models::tables().find(|known| known.name == table);
        let mut plan = Self {
            table: table.to_owned(),
            endpoint: endpoint.and_then(|known| known.endpoint),
            account_width: None,
            line: None,
            codec,
        };
        let key = plan.codec.key();
        if key.starts_with(&[ACCOUNT, SERIAL]) {
            plan.account_width = plan.width(ACCOUNT);
        }
        if is_terms && key.last() == Some(&"start_date") {
            let first = plan
                .codec
                .first_value()
                .filter(|field| field.name() == "end_date");
            let end_width = first.and_then(|field| fixed_width(field.data_type()));
            let widths = plan.width("start_date").zip(end_width);
            plan.line = widths.map(|(start_width, end_width)| Line {
                start_width,
                end_width,
            });
        }
        Ok(plan)
    }

    fn width(&self, column: &str) -> Option<usize> {
        let mut fields = self.codec.fields().iter();
        let field = fields.find(|field| field.name() == column)?;
        fixed_width(field.data_type())
    }

    /// Sorts the rows of a snapshot that pass the filter.
    pub(crate) fn sort(&self, snapshot: &Snapshot, filter: Filter<'_>) -> Result<Sorted> {
        let mut sorter = Sorter::new(snapshot.scratch(), MEMORY);
        for batch in rows(snapshot, &self.table, filter)? {
            for record in self.codec.encode(&batch?)? {
                sorter.push(record)?;
            }
        }
        sorter.finish()
    }
}

/// What `find` returns for each of two snapshots. Both are read at the same time.
pub(crate) fn of_both<T: Send>(
    old: &Snapshot,
    new: &Snapshot,
    find: impl Fn(&Snapshot) -> Result<T> + Sync,
) -> Result<(T, T)> {
    both(|| find(old), || find(new))
}

/// The results of two functions that run at the same time.
pub(crate) fn both<A: Send, B>(
    one: impl FnOnce() -> Result<A> + Send,
    other: impl FnOnce() -> Result<B>,
) -> Result<(A, B)> {
    thread::scope(|scope| {
        let one = thread::Builder::new().spawn_scoped(scope, one);
        let one = one.map_err(|error| {
            Error::new(Kind::Unavailable, "cannot start a thread").with_source(error)
        })?;
        let other = other();
        let one = one.join().unwrap_or_else(|panic| resume_unwind(panic));
        Ok((one?, other?))
    })
}

/// The columns of a table as [`rows`] returns them; `None` if the snapshot does not have it.
pub(crate) fn schema(snapshot: &Snapshot, table: &str) -> Result<Option<SchemaRef>> {
    let Some(schema) = snapshot.schema(table)? else {
        return Ok(None);
    };
    if table != CONTRACT_TERMS.table {
        return Ok(Some(schema));
    }
    let mut fields: Vec<_> = schema.fields().iter().cloned().collect();
    let contracts = snapshot.schema(CONTRACTS)?;
    for name in FROM_CONTRACT {
        let field = contracts
            .as_ref()
            .and_then(|contracts| contracts.field_with_name(name).ok());
        fields.push(Arc::new(match field {
            Some(field) => field.clone(),
            None => Field::new(name, DataType::Utf8, true),
        }));
    }
    Ok(Some(Arc::new(Schema::new(fields))))
}

/// The rows of a table that pass the filter. Terms come with the number and the SKU of their contract.
pub(crate) fn rows<'a>(
    snapshot: &'a Snapshot,
    table: &str,
    filter: Filter<'a>,
) -> Result<Batches<'a>> {
    if table == CONTRACT_TERMS.table {
        return terms::read(snapshot, filter);
    }
    plain(snapshot, table, filter)
}

/// The rows of a table as they are in its file.
pub(crate) fn plain<'a>(
    snapshot: &'a Snapshot,
    table: &str,
    filter: Filter<'a>,
) -> Result<Batches<'a>> {
    let Some(schema) = snapshot.schema(table)? else {
        return Ok(Box::new(std::iter::empty()));
    };
    let names = schema.fields().iter().map(|field| field.name().as_str());
    let names: Vec<_> = names.filter(|name| !UNUSED.contains(name)).collect();
    let Some(batches) = snapshot.read(table, Some(&names))? else {
        return Ok(Box::new(std::iter::empty()));
    };
    Ok(Box::new(batches.map(move |batch| filter(&batch?))))
}

/// Columns that are never compared or passed on.
const UNUSED: [&str; 3] = ["_crawl_id", "_observed_at", "_extra"];

/// Which devices, or which keys of a table without devices, differ between two snapshots.
#[derive(Debug)]
pub(crate) struct Differing {
    buckets: Buckets,
    codec: Codec,
}

impl Differing {
    /// Reads the rows that `plan` compares, and finds which of them have to be looked at.
    pub(crate) fn find(plan: &Plan, old: &Snapshot, new: &Snapshot) -> Result<Self> {
        let joins = plan.table == CONTRACT_TERMS.table;
        let tables: &[&str] = if joins {
            // A term is compared with the number of its contract.
            &[CONTRACT_TERMS.table, CONTRACTS]
        } else {
            &[&plan.table]
        };
        let key = plan.codec.key();
        let group: &[&str] = if key.starts_with(&[ACCOUNT, SERIAL]) {
            &[ACCOUNT, SERIAL]
        } else {
            &key
        };
        let positions = natural_key::of(&plan.table).map_or(&[][..], |natural| natural.positions);
        let ignored = |name: &str| match name {
            // The position of a contract is what joins a term to it.
            "_index" => !joins,
            name => name.starts_with('_') || (!joins && positions.contains(&name)),
        };
        let mut codecs = Vec::new();
        for table in tables {
            let schemas = (old.schema(table)?, new.schema(table)?);
            let (Some(old_schema), Some(new_schema)) = schemas else {
                continue;
            };
            let codec = Codec::new(&old_schema, &new_schema, group, None, ignored)?;
            codecs.push((*table, codec));
        }
        let sums = |snapshot: &Snapshot| {
            let mut sums = Sums::new();
            for (table, codec) in &codecs {
                for batch in plain(snapshot, table, &|batch| Ok(batch.clone()))? {
                    sums.add(codec, &batch?)?;
                }
            }
            Ok(sums)
        };
        let (old, new) = of_both(old, new, sums)?;
        let buckets = Buckets::compare(&old, &new);
        let first = codecs.into_iter().next();
        let (_, codec) = first.ok_or_else(|| {
            Error::new(
                Kind::Internal,
                format!("table `{}` has no rows to compare", plan.table),
            )
        })?;
        Ok(Self { buckets, codec })
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.buckets.differ()
    }

    pub(crate) fn filter(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        self.buckets.filter(&self.codec, batch)
    }
}
