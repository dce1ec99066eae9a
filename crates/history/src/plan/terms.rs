//! Adds the number and the SKU of its contract to each term.
//!
//! A term says which contract of its product it belongs to only by the contract's position in a list. Both tables are
//! sorted by product and position and then merged, so that neither has to fit into memory.

use std::sync::Arc;

use arrow_array::{RecordBatch, UInt32Array};
use arrow_schema::{Schema, SchemaRef};
use arrow_select::take::take;
use fortilake_sink::{Error, Kind, Result};

use super::{Batches, CONTRACTS, Filter, SERIAL, plain, schema};
use crate::codec::{ACCOUNT, Codec, KEY};
use crate::history::Snapshot;
use crate::natural_key::{CONTRACT_TERMS, FROM_CONTRACT};
use crate::sort::{MEMORY, Record, Sorted, Sorter};

/// How many terms are decoded at a time.
const BATCH: usize = 4096;

struct Joined {
    terms: Sorted,
    term_codec: Codec,
    contracts: Sorted,
    contract_codec: Codec,
    schema: SchemaRef,
}

/// The rows of `contract_terms` that pass the filter, with `contract_number` and `sku`.
pub(crate) fn read<'a>(snapshot: &'a Snapshot, filter: Filter<'a>) -> Result<Batches<'a>> {
    let table = CONTRACT_TERMS.table;
    let (Some(terms), Some(joined)) = (snapshot.schema(table)?, schema(snapshot, table)?) else {
        return Ok(Box::new(std::iter::empty()));
    };
    let key = [ACCOUNT, SERIAL, "contract_index"];
    let term_codec = Codec::new(&terms, &terms, &key, None, |name| name.starts_with('_'))?;
    let contracts = snapshot
        .schema(CONTRACTS)?
        .unwrap_or_else(|| Arc::new(Schema::empty()));
    let key = [ACCOUNT, SERIAL, "_index"];
    let ignored = |name: &str| !FROM_CONTRACT.contains(&name);
    let contract_codec = Codec::new(&contracts, &contracts, &key, None, ignored)?;
    let mut joined = Joined {
        terms: sort(snapshot, table, &term_codec, filter)?,
        contracts: sort(snapshot, CONTRACTS, &contract_codec, filter)?,
        schema: joined,
        term_codec,
        contract_codec,
    };
    Ok(Box::new(std::iter::from_fn(move || {
        joined.next().transpose()
    })))
}

fn sort(snapshot: &Snapshot, table: &str, codec: &Codec, filter: Filter<'_>) -> Result<Sorted> {
    // Four sorts are alive at the same time while two snapshots are compared.
    let mut sorter = Sorter::new(snapshot.scratch(), MEMORY / 2);
    for batch in plain(snapshot, table, filter)? {
        for record in codec.encode(&batch?)? {
            sorter.push(record)?;
        }
    }
    sorter.finish()
}

impl Joined {
    fn next(&mut self) -> Result<Option<RecordBatch>> {
        let mut terms = Vec::new();
        let mut contracts = Vec::<Record>::new();
        let mut places = Vec::new();
        while terms.len() < BATCH
            && let Some(term) = self.terms.next()?
        {
            let contract = self.contract(term.part(KEY))?;
            places.push(contract.map(|contract| {
                contracts.push(contract);
                u32::try_from(contracts.len() - 1).unwrap_or(u32::MAX)
            }));
            terms.push(term);
        }
        if terms.is_empty() {
            return Ok(None);
        }
        let terms = decoded(&self.term_codec, &terms)?;
        let contracts = decoded(&self.contract_codec, &contracts)?;
        let places = UInt32Array::from(places);
        let fields = self.schema.fields().iter();
        let column = |name: &str| {
            if let Some(column) = terms.column_by_name(name) {
                return Ok(Arc::clone(column));
            }
            if let Some(column) = contracts.column_by_name(name) {
                return take(column, &places, None);
            }
            let field = self.schema.field_with_name(name)?;
            let rows = terms.num_rows();
            Ok(arrow_array::new_null_array(field.data_type(), rows))
        };
        let columns: std::result::Result<Vec<_>, _> =
            fields.clone().map(|field| column(field.name())).collect();
        let fields: Vec<_> = fields
            .map(|field| field.as_ref().clone().with_nullable(true))
            .collect();
        let joined = columns
            .and_then(|columns| RecordBatch::try_new(Arc::new(Schema::new(fields)), columns));
        joined.map(Some).map_err(|error| {
            Error::new(Kind::Internal, "cannot join terms and contracts").with_source(error)
        })
    }

    /// The contract with this key, skipping those before it. Several terms can have the same contract.
    fn contract(&mut self, key: &[u8]) -> Result<Option<Record>> {
        while self
            .contracts
            .peek()
            .is_some_and(|contract| contract.part(KEY) < key)
        {
            self.contracts.next()?;
        }
        let found = self.contracts.peek();
        Ok(found.filter(|contract| contract.part(KEY) == key).cloned())
    }
}

fn decoded(codec: &Codec, records: &[Record]) -> Result<RecordBatch> {
    let records: Vec<_> = records.iter().collect();
    let columns = codec.decode(&records)?;
    let schema = Schema::new(codec.fields().to_vec());
    RecordBatch::try_new(Arc::new(schema), columns)
        .map_err(|error| Error::new(Kind::Internal, "cannot decode sorted rows").with_source(error))
}
