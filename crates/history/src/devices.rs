//! Reads a snapshot device by device: the product with its entitlements and contract terms.
//!
//! The three tables are sorted by account and serial number and merged, so memory does not depend on their size.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int64Type, TimestampMicrosecondType};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Schema, TimeUnit};
use fortilake_sink::Result;
use jiff::ToSpan as _;
use jiff::civil::{Date, date};

use crate::codec::{ACCOUNT, Codec, KEY};
use crate::history::Snapshot;
use crate::natural_key::CONTRACT_TERMS;
use crate::plan::{SERIAL, both, rows, schema};
use crate::sort::{MEMORY, Record, Sorted, Sorter};

/// A registered product and what covers it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Device {
    pub(crate) account: Option<i64>,
    pub(crate) serial: String,
    pub(crate) model: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) is_decommissioned: bool,
    /// The end of order of the model, or what else its milestone `eor` means.
    pub(crate) eor: Option<Date>,
    /// The end of support of the model.
    pub(crate) eos: Option<Date>,
    pub(crate) entitlements: Vec<Support>,
    pub(crate) terms: Vec<Support>,
}

/// A period of coverage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Support {
    /// The name of the support type.
    pub(crate) name: String,
    /// The last day; `None` if the API names none.
    pub(crate) end: Option<Date>,
    pub(crate) contract: Option<String>,
    pub(crate) sku: Option<String>,
}

/// How many devices are decoded at a time.
const BATCH: usize = 1024;

/// The columns that are read, apart from the key. They are the same for all three tables.
const COLUMNS: [&str; 11] = [
    "product_model",
    "description",
    "is_decommissioned",
    "product_model_eor",
    "product_model_eos",
    "type",
    "type_desc",
    "support_type",
    "end_date",
    "contract_number",
    "sku",
];

/// The sorted rows of one table.
struct SortedTable {
    codec: Codec,
    rows: Sorted,
}

/// Calls `visit` for each device of `products`, in the order of account and serial number.
pub(crate) fn each(snapshot: &Snapshot, mut visit: impl FnMut(Device) -> Result<()>) -> Result<()> {
    // Terms are joined with their contracts, so they take about as long as the other two tables.
    let (mut terms, [mut products, mut entitlements]) = both(
        || table(snapshot, CONTRACT_TERMS.table),
        || {
            Ok([
                table(snapshot, "products")?,
                table(snapshot, "entitlements")?,
            ])
        },
    )?;
    loop {
        let mut devices = Vec::with_capacity(BATCH);
        while devices.len() < BATCH
            && let Some(device) = products.rows.next()?
        {
            devices.push(device);
        }
        if devices.is_empty() {
            return Ok(());
        }
        let of_entitlements = entitlements.parts(&devices)?;
        let of_terms = terms.parts(&devices)?;
        let batch = products.columns(&devices)?;
        let (accounts, serials) = (batch.numbers(ACCOUNT), batch.texts(SERIAL));
        let (models, descriptions) = (batch.texts("product_model"), batch.texts("description"));
        let decommissioned = batch.booleans("is_decommissioned");
        let (eor, eos) = (
            batch.dates("product_model_eor"),
            batch.dates("product_model_eos"),
        );
        let parts = of_entitlements.into_iter().zip(of_terms);
        for (row, (entitlements, terms)) in parts.enumerate() {
            visit(Device {
                account: accounts[row],
                serial: serials[row].clone().unwrap_or_default(),
                model: models[row].clone(),
                description: descriptions[row].clone(),
                is_decommissioned: decommissioned[row],
                eor: eor[row],
                eos: eos[row],
                entitlements,
                terms,
            })?;
        }
    }
}

fn table(snapshot: &Snapshot, name: &str) -> Result<SortedTable> {
    // A snapshot of FortiPortal alone, for example, has no products.
    let schema = schema(snapshot, name)?.unwrap_or_else(|| Arc::new(Schema::empty()));
    let key = [ACCOUNT, SERIAL];
    let codec = Codec::new(&schema, &schema, &key, None, |name| {
        !COLUMNS.contains(&name)
    })?;
    let mut sorter = Sorter::new(snapshot.scratch(), MEMORY);
    for batch in rows(snapshot, name, &|batch| Ok(batch.clone()))? {
        for record in codec.encode(&batch?)? {
            sorter.push(record)?;
        }
    }
    Ok(SortedTable {
        codec,
        rows: sorter.finish()?,
    })
}

impl SortedTable {
    /// The rows that belong to each of the devices, which are sorted. Rows of unknown devices are skipped.
    fn parts(&mut self, devices: &[Record]) -> Result<Vec<Vec<Support>>> {
        let mut records = Vec::new();
        let mut counts = Vec::with_capacity(devices.len());
        for device in devices {
            let key = device.part(KEY);
            self.rows.take_while(|record| record.part(KEY) < key)?;
            let of_device = self.rows.take_while(|record| record.part(KEY) == key)?;
            counts.push(of_device.len());
            records.extend(of_device);
        }
        let mut supports = self.supports(&records)?.into_iter();
        let parts = counts
            .into_iter()
            .map(|count| supports.by_ref().take(count).collect());
        Ok(parts.collect())
    }

    fn supports(&self, records: &[Record]) -> Result<Vec<Support>> {
        let batch = self.columns(records)?;
        let (names, descriptions) = (batch.texts("support_type"), batch.texts("type_desc"));
        let (types, ends) = (batch.numbers("type"), batch.dates("end_date"));
        let (contracts, skus) = (batch.texts("contract_number"), batch.texts("sku"));
        // Terms have their support type in one column, and entitlements in the other. A line of coverage needs one
        // name from both tables, so an entitlement without a text gets its number as the name.
        let support = |row: usize| {
            let name = names[row].clone().or_else(|| descriptions[row].clone());
            let code = || types[row].map_or_else(String::new, |code| format!("type {code}"));
            Support {
                name: name.unwrap_or_else(code),
                end: ends[row],
                contract: contracts[row].clone(),
                sku: skus[row].clone(),
            }
        };
        Ok((0..records.len()).map(support).collect())
    }

    fn columns(&self, records: &[Record]) -> Result<Columns> {
        let records: Vec<_> = records.iter().collect();
        let decoded = self.codec.decode(&records)?;
        let names = self.codec.fields().iter().map(|field| field.name().clone());
        Ok(Columns {
            columns: names.zip(decoded).collect(),
            rows: records.len(),
        })
    }
}

/// Columns by name. A column that does not exist, or has values of another type, is null.
pub(crate) struct Columns {
    columns: HashMap<String, ArrayRef>,
    rows: usize,
}

impl Columns {
    pub(crate) fn of(batch: &RecordBatch) -> Self {
        let schema = batch.schema();
        let names = schema.fields().iter().map(|field| field.name().clone());
        Self {
            columns: names.zip(batch.columns().iter().cloned()).collect(),
            rows: batch.num_rows(),
        }
    }

    fn cast(&self, name: &str, data_type: &DataType) -> Option<ArrayRef> {
        arrow_cast::cast(self.columns.get(name)?, data_type).ok()
    }

    pub(crate) fn texts(&self, name: &str) -> Vec<Option<String>> {
        let column = self.cast(name, &DataType::Utf8);
        let column = column.map(|column| {
            let texts = column.as_string::<i32>().iter();
            texts.map(|text| text.map(str::to_owned)).collect()
        });
        column.unwrap_or_else(|| vec![None; self.rows])
    }

    pub(crate) fn numbers(&self, name: &str) -> Vec<Option<i64>> {
        let column = self.cast(name, &DataType::Int64);
        let column = column.map(|column| column.as_primitive::<Int64Type>().iter().collect());
        column.unwrap_or_else(|| vec![None; self.rows])
    }

    fn booleans(&self, name: &str) -> Vec<bool> {
        let column = self.cast(name, &DataType::Boolean);
        let column = column.map(|column| {
            let values = column.as_boolean().iter();
            values.map(Option::unwrap_or_default).collect()
        });
        column.unwrap_or_else(|| vec![false; self.rows])
    }

    /// The days of timestamps, as they were written. Terms end at a time of day, and entitlements at midnight.
    fn dates(&self, name: &str) -> Vec<Option<Date>> {
        let column = self.cast(name, &DataType::Timestamp(TimeUnit::Microsecond, None));
        let column = column.map(|column| {
            let times = column.as_primitive::<TimestampMicrosecondType>();
            times.iter().map(|time| day(time?)).collect()
        });
        column.unwrap_or_else(|| vec![None; self.rows])
    }
}

/// The day of a time in microseconds since 1970; `None` outside the years -9999 to 9999.
fn day(microseconds: i64) -> Option<Date> {
    const DAY: i64 = 24 * 60 * 60 * 1_000_000;
    let span = microseconds.div_euclid(DAY);
    // jiff's spans are limited to some 20,000 years, and a longer one would panic.
    let span = (-7_304_484..=7_304_484)
        .contains(&span)
        .then(|| span.days())?;
    date(1970, 1, 1).checked_add(span).ok()
}

/// The company of each account.
pub(crate) fn companies(snapshot: &Snapshot) -> Result<HashMap<i64, String>> {
    let mut companies = HashMap::new();
    let Some(batches) = snapshot.read("accounts", Some(&[ACCOUNT, "company"]))? else {
        return Ok(companies);
    };
    for batch in batches {
        let batch = Columns::of(&batch?);
        let names = batch
            .numbers(ACCOUNT)
            .into_iter()
            .zip(batch.texts("company"));
        companies.extend(names.filter_map(|(account, company)| Some((account?, company?))));
    }
    Ok(companies)
}
