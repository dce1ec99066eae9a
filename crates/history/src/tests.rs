//! Tests over published folders.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_json::ReaderBuilder;
use fortilake_sink::{
    Batch, Context, Crawl, DataType, KeyIn, Origin, Outcome, Phase, Result, Schema, ScopeId,
    ScopeOutcome, ScopeResult, Selection, Sink, TableSpec, json,
};
use fortilake_snapshot::parquet::{PageCompression, Parquet};
use fortilake_snapshot::{BucketOptions, FileTarget, Layout};
use serde_json::{Map, Value, json};

use crate::{Comparison, Counts, History};

mod changes;
mod device;
mod formats;
mod pending;
mod property;
mod remote;
mod scopes;

pub(crate) const FIRST: &str = "20260901T120000Z";
pub(crate) const SECOND: &str = "20260902T120000Z";
const THIRD: &str = "20260903T120000Z";

/// The tables of an inventory, and the accounts that could not be read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inventory {
    pub(crate) tables: BTreeMap<&'static str, Vec<Value>>,
    failed: Vec<i64>,
    /// Columns that this version of the program does not have yet.
    pub(crate) missing: Vec<&'static str>,
}

/// The accounts of the tests.
const ACCOUNTS: std::ops::RangeInclusive<i64> = 1..=3;

/// The tables that tests publish.
const TABLES: [&str; 7] = [
    "accounts",
    "products",
    "entitlements",
    "product_contracts",
    "contract_terms",
    "coverage",
    "issues",
];

impl Inventory {
    pub(crate) fn add(&mut self, table: &'static str, row: Value) {
        self.tables.entry(table).or_default().push(row);
    }

    /// Adds a product with its parts. Parts are numbered in the order in which they are given.
    pub(crate) fn product(&mut self, account: i64, serial: &str, description: &str) {
        let row = json!({"account_id": account, "serial_number": serial, "product_model": "FortiGate 60F",
            "description": description, "status": "Registered", "is_decommissioned": false});
        self.add("products", row);
    }

    pub(crate) fn entitlement(&mut self, account: i64, serial: &str, kind: i64, end: &str) {
        let index = self.count("entitlements", account, serial);
        let row = json!({"account_id": account, "serial_number": serial, "_index": index, "level": 6, "type": kind,
            "type_desc": format!("Support {kind}"), "start_date": "2024-01-01T00:00:00", "end_date": time(end)});
        self.add("entitlements", row);
    }

    fn contract(&mut self, account: i64, serial: &str, number: &str, terms: &[(&str, &str, &str)]) {
        let index = self.count("product_contracts", account, serial);
        let row = json!({"account_id": account, "serial_number": serial, "_index": index,
            "contract_number": number, "sku": format!("SKU-{number}")});
        self.add("product_contracts", row);
        for (at, (support, start, end)) in terms.iter().enumerate() {
            let row = json!({"account_id": account, "serial_number": serial, "contract_index": index, "_index": at,
                "support_type": support, "start_date": time(start), "end_date": time(end)});
            self.add("contract_terms", row);
        }
    }

    fn count(&self, table: &str, account: i64, serial: &str) -> usize {
        let rows = self.tables.get(table).into_iter().flatten();
        let of_device =
            |row: &&Value| row["account_id"] == account && row["serial_number"] == serial;
        rows.filter(of_device).count()
    }

    pub(crate) fn failing(mut self, accounts: &[i64]) -> Self {
        self.failed = accounts.to_vec();
        let is_failed = |row: &Value| {
            row["account_id"]
                .as_i64()
                .is_some_and(|id| accounts.contains(&id))
        };
        for (table, rows) in &mut self.tables {
            rows.retain(|row| *table == "accounts" || !is_failed(row));
        }
        self
    }

    fn rows(&self, table: &'static str) -> Vec<Value> {
        if table != "coverage" {
            return self.tables.get(table).cloned().unwrap_or_default();
        }
        let mut rows =
            vec![json!({"endpoint": "accounts/list", "ou_id": 1, "outcome": "complete"})];
        let accounts = ACCOUNTS.filter(|account| self.is_listed(*account));
        rows.extend(accounts.map(|account| {
            let outcome = if self.failed.contains(&account) {
                "failed"
            } else {
                "complete"
            };
            json!({"endpoint": "products/list", "account_id": account, "outcome": outcome})
        }));
        rows
    }

    /// Whether an account exists. Without any row in `accounts`, all do.
    fn is_listed(&self, account: i64) -> bool {
        let Some(accounts) = self.tables.get("accounts") else {
            return true;
        };
        accounts.iter().any(|row| row["account_id"] == account)
    }

    fn batch(&self, spec: &TableSpec, table: &'static str) -> RecordBatch {
        // The JSON reader knows no names of time zones.
        let fields = spec
            .schema
            .fields()
            .iter()
            .map(|field| match field.data_type() {
                DataType::Timestamp(unit, Some(_)) => {
                    let zone = DataType::Timestamp(*unit, Some("+00:00".into()));
                    field.as_ref().clone().with_data_type(zone)
                }
                _ => field.as_ref().clone(),
            });
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let mut decoder = ReaderBuilder::new(schema).build_decoder().unwrap();
        let rows = self.rows(table).into_iter().map(|mut row| {
            let meta = json!({"_source": "acme", "_crawl_id": "c", "_observed_at": "2026-09-01T12:00:00Z"});
            row.as_object_mut().unwrap().extend(meta.as_object().unwrap().clone());
            row.as_object_mut().unwrap().entry("_index").or_insert(json!(0));
            row
        });
        decoder.serialize(&rows.collect::<Vec<_>>()).unwrap();
        let empty = || RecordBatch::new_empty(Arc::clone(&spec.schema));
        let batch = decoder.flush().unwrap().unwrap_or_else(empty);
        let columns = batch.columns().iter().zip(spec.schema.fields());
        let columns =
            columns.map(|(column, field)| arrow_cast::cast(column, field.data_type()).unwrap());
        RecordBatch::try_new(Arc::clone(&spec.schema), columns.collect()).unwrap()
    }

    fn specs(&self) -> Vec<Arc<TableSpec>> {
        let spec = |name: &&str| {
            let table = fortilake_models::tables()
                .find(|table| table.name == *name)
                .unwrap();
            let schema = table.schema();
            let fields = schema.fields().iter();
            let fields = fields.filter(|field| !self.missing.contains(&field.name().as_str()));
            Arc::new(TableSpec {
                name: table.name.to_owned(),
                summary: table.summary.to_owned(),
                schema: Arc::new(Schema::new(fields.cloned().collect::<Vec<_>>())),
                key: table.key.iter().map(|name| (*name).to_owned()).collect(),
                key_in: KeyIn::Scope,
            })
        };
        TABLES.iter().map(spec).collect()
    }

    /// Publishes the inventory as a snapshot.
    async fn publish(&self, root: &Path, name: &str, layout: Layout) {
        self.publish_crawl(root, name, name, layout).await;
    }

    /// Publishes the inventory as the snapshot of a crawl with another id.
    async fn publish_crawl(&self, root: &Path, id: &str, name: &str, layout: Layout) {
        let specs = self.specs();
        let crawl = Crawl {
            id: id.to_owned(),
            edition: format!("{name}.5eed"),
            name: name.to_owned(),
            phase: Phase::Reading,
            selection: Selection::default(),
            started_at: "2026-09-01T12:00:00Z".to_owned(),
            generator: "fortilake 0.1.0".to_owned(),
        };
        let target = FileTarget {
            bucket: BucketOptions::default(),
            path: root.to_owned(),
            layout,
            keep: None,
            partial: Some(fortilake_snapshot::PartialRule::Publish),
            catalog: None,
        };
        let format = Parquet {
            row_group_bytes: 1 << 20,
            compression: PageCompression::default(),
        };
        let sink = target
            .open(format, Context::new(crawl, specs))
            .await
            .unwrap();
        self.write(sink, name).await;
    }

    /// Writes the inventory to a sink that was opened for its tables, and finishes it.
    async fn write(&self, mut sink: Box<dyn Sink>, name: &str) {
        let specs = self.specs();
        let scope = |account: i64| {
            Arc::new(ScopeId {
                source: "acme".to_owned(),
                endpoint: "products/list".to_owned(),
                subject: format!("account={account}"),
            })
        };
        for (spec, table) in specs.iter().zip(TABLES) {
            let batch = Batch {
                records: self.batch(spec, table),
                table: Arc::clone(spec),
                scope: scope(0),
                piece: 0,
                origin: Origin::Read,
            };
            sink.write(&batch).await.unwrap();
        }
        let failed = self.failed.iter().map(|account| ScopeOutcome {
            scope: scope(*account),
            result: ScopeResult::Failed {
                error: "HTTP 500".to_owned(),
            },
            rows: BTreeMap::new(),
            observed_at: 0,
        });
        let day = name[6..8].parse::<i64>().unwrap();
        let outcome = Outcome {
            complete: self.failed.is_empty(),
            scopes: failed.collect(),
            // 2026-09-01T12:00:00Z and the days after it.
            finished_at: (1_788_264_000 + (day - 1) * 86_400) * 1_000_000,
            ..Outcome::default()
        };
        sink.finish(&outcome).await.unwrap();
    }
}

/// A date as the API writes it.
fn time(date: &str) -> String {
    format!("{date}T00:00:00")
}

/// A folder with snapshots.
pub(crate) struct Place {
    root: tempfile::TempDir,
    /// Tests use the same ids of crawls, which temporary folders are named after.
    scratch: tempfile::TempDir,
}

impl Place {
    pub(crate) async fn new(inventories: &[(&str, &Inventory)]) -> Self {
        let root = tempfile::tempdir().unwrap();
        for (name, inventory) in inventories {
            inventory
                .publish(root.path(), name, Layout::Snapshots)
                .await;
        }
        let scratch = tempfile::tempdir().unwrap();
        Self { root, scratch }
    }

    pub(crate) fn history(&self) -> History {
        History::local(self.root.path(), self.scratch.path())
    }
}

/// The changes of one table as JSON objects.
fn table_changes(
    comparison: &Comparison<'_>,
    table: &str,
) -> Result<(Vec<Map<String, Value>>, Counts)> {
    let mut rows = Vec::new();
    let counts = comparison.table(table, &mut |batch| {
        let text = json::array(&batch)?;
        rows.extend(serde_json::from_slice::<Vec<Map<String, Value>>>(&text).unwrap());
        Ok(())
    })?;
    Ok((rows, counts))
}

/// The changes of all tables between two inventories.
async fn changes(old: &Inventory, new: &Inventory) -> BTreeMap<String, Vec<Map<String, Value>>> {
    let place = Place::new(&[(FIRST, old), (SECOND, new)]).await;
    let pair = place
        .history()
        .pair(Some(FIRST), Some(SECOND))
        .await
        .unwrap();
    let comparison = Comparison::new(&pair).unwrap();
    let mut found = BTreeMap::new();
    for table in comparison.tables() {
        let (rows, _) = table_changes(&comparison, table).unwrap();
        if !rows.is_empty() {
            found.insert(table.to_owned(), rows);
        }
    }
    found
}

/// Changes as one line each: table, type, and the values that tell rows apart.
fn lines(changes: &BTreeMap<String, Vec<Map<String, Value>>>) -> Vec<String> {
    let shown = [
        "account_id",
        "serial_number",
        "description",
        "contract_number",
        "support_type",
        "type",
        "end_date",
    ];
    let line = |table: &String, row: &Map<String, Value>| {
        let mut line = format!("{table} {}", row["_change_type"].as_str().unwrap());
        for value in shown
            .iter()
            .filter_map(|name| row.get(*name))
            .filter(|value| !value.is_null())
        {
            line = format!(
                "{line} {}",
                value
                    .to_string()
                    .trim_matches('"')
                    .trim_end_matches("T00:00:00")
            );
        }
        if let Some(previous) = row["_previous"].as_str() {
            line = format!("{line} previous {previous}");
        }
        if row["changed_columns"] != json!([]) {
            line = format!("{line} changed {}", row["changed_columns"]);
        }
        line
    };
    changes
        .iter()
        .flat_map(|(table, rows)| rows.iter().map(move |row| line(table, row)))
        .collect()
}
