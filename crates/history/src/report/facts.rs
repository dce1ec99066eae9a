//! What the report says, before it is rendered.
//!
//! Lists are limited, so that memory and the size of the file depend on the number of customers and models, and not on
//! the number of devices. Each list knows how many entries were left out.

use std::collections::{BTreeMap, BTreeSet};

use fortilake_sink::{FailedScope, Result, Scopes, TableTotal};
use jiff::civil::Date;
use jiff::{ToSpan as _, Unit};
use serde_json::Value;

use crate::compare::Comparison;
use crate::devices::{Columns, Device, companies, each};
use crate::feed::Counts;
use crate::history::Snapshot;
use crate::output::{objects, text};
use crate::plan::SERIAL;
use crate::renewals::{Status, Window, of_device};

/// How far the report looks ahead and back, in days.
pub(super) const YEAR: u32 = 365;

/// How many entries a list has at most.
const ENTRIES: usize = 100;

/// The first entries of a list in ascending order, and how many there are in all.
#[derive(Debug)]
pub(super) struct Top<T> {
    pub(super) entries: BTreeSet<T>,
    pub(super) total: u64,
}

impl<T: Ord> Top<T> {
    fn new() -> Self {
        Self {
            entries: BTreeSet::new(),
            total: 0,
        }
    }

    fn insert(&mut self, entry: T) {
        self.total += 1;
        self.entries.insert(entry);
        if self.entries.len() > ENTRIES {
            self.entries.pop_last();
        }
    }
}

/// The coverage of one device that ends on one day.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ending {
    /// The distance from the day of the report. The nearest come first.
    pub(super) distance: u64,
    pub(super) end: Date,
    pub(super) customer: String,
    pub(super) serial: String,
    pub(super) model: String,
    pub(super) description: String,
    pub(super) supports: Vec<String>,
}

/// Devices of one customer.
#[derive(Debug, Default)]
pub(super) struct Customer {
    pub(super) devices: u64,
    /// Devices with coverage that lapsed within the last year.
    pub(super) lapsed: u64,
    /// Devices with coverage that ends within the next year.
    pub(super) ending: u64,
    pub(super) first_end: Option<Date>,
}

/// Devices of one model.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) devices: u64,
    pub(super) eor: Option<Date>,
    pub(super) eos: Option<Date>,
}

/// A device that is new, is gone or has moved.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moved {
    pub(super) what: &'static str,
    pub(super) customer: String,
    pub(super) serial: String,
    pub(super) model: String,
}

/// What changed since an earlier snapshot.
#[derive(Debug)]
pub(super) struct Changes {
    pub(super) since: String,
    pub(super) tables: Vec<(String, Counts)>,
    pub(super) devices: Top<Moved>,
}

/// Everything that the report says.
#[derive(Debug)]
pub(super) struct ReportFacts {
    pub(super) snapshot: String,
    pub(super) generator: String,
    pub(super) read_at: String,
    pub(super) as_of: Date,
    pub(super) age_in_days: i64,
    pub(super) complete: bool,
    pub(super) is_selection: bool,
    pub(super) scopes: Scopes,
    pub(super) failed: Vec<FailedScope>,
    pub(super) tables: Vec<TableTotal>,
    pub(super) devices: u64,
    pub(super) decommissioned: u64,
    pub(super) models: BTreeMap<String, Model>,
    pub(super) customers: BTreeMap<String, Customer>,
    /// Devices with coverage that ends, by month; the current month and the twelve after it.
    pub(super) months: BTreeMap<String, u64>,
    pub(super) ending: Top<Ending>,
    pub(super) lapsed: Top<Ending>,
    pub(super) changes: Option<Changes>,
    /// Values that did not fit, by table and column, with an example of the reason.
    pub(super) issues: BTreeMap<(String, String), (u64, String)>,
}

impl ReportFacts {
    pub(super) fn collect(
        snapshot: &Snapshot,
        previous: Option<&Snapshot>,
        as_of: Date,
    ) -> Result<Self> {
        let manifest = snapshot.manifest();
        let outcome = &manifest.outcome;
        let mut facts = Self {
            snapshot: snapshot.name().to_owned(),
            generator: manifest.crawl.generator.clone(),
            read_at: snapshot.time().strftime("%Y-%m-%d %H:%M UTC").to_string(),
            as_of,
            age_in_days: days(snapshot.date(), as_of),
            complete: outcome.complete,
            is_selection: !outcome.selection.is_everything(),
            scopes: outcome.scopes,
            failed: outcome.failed.clone(),
            tables: outcome.tables.clone(),
            devices: 0,
            decommissioned: 0,
            models: BTreeMap::new(),
            customers: BTreeMap::new(),
            months: months(as_of),
            ending: Top::new(),
            lapsed: Top::new(),
            changes: None,
            issues: issues(snapshot)?,
        };
        let companies = companies(snapshot)?;
        let customer = |account: Option<i64>| {
            let company = account.and_then(|account| companies.get(&account));
            let number = || account.map_or("no account".to_owned(), |id| format!("account {id}"));
            company
                .filter(|name| !name.is_empty())
                .cloned()
                .unwrap_or_else(number)
        };
        each(snapshot, |device| {
            facts.add(&device, &customer(device.account));
            Ok(())
        })?;
        if let Some(previous) = previous {
            facts.changes = Some(changes(previous, snapshot, &customer)?);
        }
        Ok(facts)
    }

    fn add(&mut self, device: &Device, customer: &str) {
        self.devices += 1;
        if device.is_decommissioned {
            self.decommissioned += 1;
            return;
        }
        let model = device.model.clone().unwrap_or_else(|| "unknown".to_owned());
        let of_model = self.models.entry(model.clone()).or_default();
        of_model.devices += 1;
        of_model.eor = of_model.eor.max(device.eor);
        of_model.eos = of_model.eos.max(device.eos);
        let window = Window {
            as_of: self.as_of,
            days: YEAR,
        };
        let mut ends = BTreeMap::<(Status, Date), Vec<String>>::new();
        for renewal in of_device(device, None, window) {
            let key = (renewal.status, renewal.end_date);
            ends.entry(key).or_default().push(renewal.support_type);
        }
        let of_customer = self.customers.entry(customer.to_owned()).or_default();
        of_customer.devices += 1;
        let has = |status| ends.keys().any(|(found, _)| *found == status);
        of_customer.lapsed += u64::from(has(Status::Lapsed));
        of_customer.ending += u64::from(has(Status::Ending));
        let mut months = BTreeSet::new();
        for ((status, end), supports) in ends {
            let list = match status {
                Status::Renewed => continue,
                Status::Lapsed => &mut self.lapsed,
                Status::Ending => {
                    months.insert(month(end));
                    let first = of_customer.first_end.unwrap_or(end);
                    of_customer.first_end = Some(first.min(end));
                    &mut self.ending
                }
            };
            list.insert(Ending {
                distance: days(self.as_of, end).unsigned_abs(),
                end,
                customer: customer.to_owned(),
                serial: device.serial.clone(),
                model: model.clone(),
                description: device.description.clone().unwrap_or_default(),
                supports,
            });
        }
        for month in months {
            *self.months.entry(month).or_default() += 1;
        }
    }
}

fn days(from: Date, to: Date) -> i64 {
    let span = from.until((Unit::Day, to));
    span.map_or(0, |span| i64::from(span.get_days()))
}

fn month(date: Date) -> String {
    date.strftime("%Y-%m").to_string()
}

/// The month of the day and the twelve after it, so that months without an end are shown, too.
fn months(as_of: Date) -> BTreeMap<String, u64> {
    let first = as_of.first_of_month();
    let months = (0..=12).map(|number| month(first.saturating_add(number.months())));
    months.map(|month| (month, 0)).collect()
}

fn issues(snapshot: &Snapshot) -> Result<BTreeMap<(String, String), (u64, String)>> {
    let mut issues = BTreeMap::<_, (u64, String)>::new();
    let columns = ["table_name", "column_name", "reason", "table", "column"];
    let Some(batches) = snapshot.read("issues", Some(&columns))? else {
        return Ok(issues);
    };
    for batch in batches {
        let batch = Columns::of(&batch?);
        // The first edition had other names for two of the columns.
        let either = |new: &str, old: &str| {
            let names = batch.texts(new).into_iter().zip(batch.texts(old));
            names
                .map(|(new, old)| new.or(old).unwrap_or_default())
                .collect::<Vec<_>>()
        };
        let places = either("table_name", "table")
            .into_iter()
            .zip(either("column_name", "column"));
        for (place, reason) in places.zip(batch.texts("reason")) {
            let (count, example) = issues.entry(place).or_default();
            *count += 1;
            // The smallest reason does not depend on the order of the rows.
            let reason = reason.unwrap_or_default();
            if *count == 1 || reason < *example {
                *example = reason;
            }
        }
    }
    Ok(issues)
}

fn changes(
    previous: &Snapshot,
    snapshot: &Snapshot,
    customer: &dyn Fn(Option<i64>) -> String,
) -> Result<Changes> {
    let comparison = Comparison::between(previous, snapshot)?;
    let mut found = Changes {
        since: previous.name().to_owned(),
        tables: Vec::new(),
        devices: Top::new(),
    };
    for table in comparison.tables() {
        let devices = &mut found.devices;
        let counts = comparison.table(table, &mut |batch| {
            if table != "products" {
                return Ok(());
            }
            for row in objects(&batch)? {
                let what = match row["_change_type"].as_str().unwrap_or_default() {
                    "insert" => "new",
                    "delete" => "gone",
                    "moved" => "moved here",
                    _ => continue,
                };
                let cell = |name: &str| text(row.get(name).unwrap_or(&Value::Null));
                devices.insert(Moved {
                    what,
                    customer: customer(row.get("account_id").and_then(Value::as_i64)),
                    serial: cell(SERIAL),
                    model: cell("product_model"),
                });
            }
            Ok(())
        })?;
        if counts.total() > 0 {
            found.tables.push((table.to_owned(), counts));
        }
    }
    Ok(found)
}
