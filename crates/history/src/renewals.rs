//! What ends: the coverage of devices whose last day is near.
//!
//! A *line* is one kind of support of one device. Entitlements say what a device is covered by, and contract terms say
//! what was ordered. Both describe the same line if the name of the support type is the same, so a line counts once:
//!
//! - The later end counts. A contract that was renewed can appear in the terms before it appears in the entitlements.
//! - If both end on the same day, the line is shown as an entitlement, with the number of the contract.
//! - Only days are compared. Terms end at a time of day, and the time zone is unknown.
//! - Devices that are decommissioned, and periods without an end, are left out.

use std::collections::{BTreeMap, BTreeSet};

use fortilake_sink::Result;
use jiff::civil::Date;
use jiff::{ToSpan as _, Unit};

use crate::devices::{Device, Support, companies, each};
use crate::history::Snapshot;

/// Which lines to look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The day from which days are counted. It never comes from the clock.
    pub as_of: Date,
    /// How many days before and after it a line may end, both included.
    pub days: u32,
}

/// What is the matter with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// It ended before the day, at most as many days ago as the window has.
    Lapsed,
    /// It ends on the day or after it, within the window.
    Ending,
    /// A period of it ends in the window, but another one ends after the window.
    Renewed,
}

impl Status {
    /// The name in the column `status`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lapsed => "lapsed",
            Self::Ending => "ending",
            Self::Renewed => "renewed",
        }
    }
}

/// Which table an end is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// The table `entitlements`.
    Entitlement,
    /// The table `contract_terms`.
    ContractTerm,
}

impl Origin {
    /// The name in the column `origin`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Entitlement => "entitlement",
            Self::ContractTerm => "contract_term",
        }
    }
}

/// A line that ends in the window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewal {
    /// The last day.
    pub end_date: Date,
    /// The days from the day of the window until then; negative if it has passed.
    pub days_left: i64,
    /// What is the matter with it.
    pub status: Status,
    /// The last day of the line, if it is renewed.
    pub renewed_until: Option<Date>,
    /// The account.
    pub account_id: Option<i64>,
    /// The company of the account.
    pub company: Option<String>,
    /// The serial number.
    pub serial_number: String,
    /// The model.
    pub product_model: Option<String>,
    /// The description of the product.
    pub description: Option<String>,
    /// The name of the support type.
    pub support_type: String,
    /// Which table the end is from.
    pub origin: Origin,
    /// The contract whose term of this support type ends on this day, if there is one.
    pub contract_number: Option<String>,
    /// The SKU of that contract.
    pub sku: Option<String>,
    /// A milestone of the model, most likely the last day on which coverage can be renewed.
    pub product_model_eor: Option<Date>,
    /// The end of support of the model.
    pub product_model_eos: Option<Date>,
}

impl Window {
    /// A window around the day of a snapshot.
    pub fn around(snapshot: &Snapshot, days: u32) -> Self {
        Self {
            as_of: snapshot.date(),
            days,
        }
    }

    fn first(self) -> Date {
        self.as_of.saturating_sub(i64::from(self.days).days())
    }

    fn last(self) -> Date {
        self.as_of.saturating_add(i64::from(self.days).days())
    }
}

/// The tables and columns with the coverage of devices.
const NEEDED: [(&str, &[&str]); 3] = [
    ("products", &["account_id", "serial_number"]),
    (
        "entitlements",
        &["account_id", "serial_number", "type_desc", "end_date"],
    ),
    (
        "contract_terms",
        &["account_id", "serial_number", "support_type", "end_date"],
    ),
];

/// The tables and columns that [`renewals`] needs and the snapshot does not have, because its sink leaves them out:
/// `entitlements`, or `entitlements.end_date`.
pub fn missing_from_renewals(snapshot: &Snapshot) -> Vec<String> {
    let tables = &snapshot.manifest().tables;
    let missing = NEEDED.iter().flat_map(|(name, columns)| {
        let Some(table) = tables.iter().find(|table| table.name == *name) else {
            return vec![(*name).to_owned()];
        };
        let has = |column: &str| table.columns.iter().any(|found| found.name == column);
        let missing = columns.iter().filter(|column| !has(column));
        missing.map(|column| format!("{name}.{column}")).collect()
    });
    missing.collect()
}

/// The lines of a snapshot that end in the window, sorted by their end, account, serial number and support type.
pub fn renewals(snapshot: &Snapshot, window: Window) -> Result<Vec<Renewal>> {
    let companies = companies(snapshot)?;
    let mut found = Vec::new();
    each(snapshot, |device| {
        let company = device.account.and_then(|account| companies.get(&account));
        found.extend(of_device(&device, company.map(String::as_str), window));
        Ok(())
    })?;
    sort(&mut found);
    Ok(found)
}

pub(crate) fn sort(renewals: &mut [Renewal]) {
    renewals.sort_by(|left, right| {
        let key = |renewal: &Renewal| (renewal.end_date, renewal.account_id);
        key(left)
            .cmp(&key(right))
            .then_with(|| left.serial_number.cmp(&right.serial_number))
            .then_with(|| left.support_type.cmp(&right.support_type))
    });
}

/// The lines of one device that end in the window.
pub(crate) fn of_device<'a>(
    device: &'a Device,
    company: Option<&'a str>,
    window: Window,
) -> impl Iterator<Item = Renewal> + use<'a> {
    let mut lines = BTreeMap::<&str, BTreeMap<Date, (Origin, Option<&Support>)>>::new();
    let entitlements = device.entitlements.iter();
    let terms = device.terms.iter();
    let supports = entitlements
        .map(|support| (Origin::Entitlement, support))
        .chain(terms.map(|support| (Origin::ContractTerm, support)));
    for (origin, support) in supports.filter(|_| !device.is_decommissioned) {
        let Some(end) = support.end else { continue };
        let ends = lines.entry(&support.name).or_default();
        // Entitlements come first, so a term only adds its contract to an entitlement that ends on the same day.
        let known = ends.entry(end).or_insert((origin, None));
        if origin == Origin::ContractTerm {
            known.1 = known.1.or(Some(support));
        }
    }
    lines.into_iter().filter_map(move |(name, ends)| {
        // If several periods end in the window, the last one counts: until then, the device was covered.
        let (end, (origin, term)) = ends.range(window.first()..=window.last()).next_back()?;
        let (last, _) = ends.last_key_value()?;
        let status = match (last > end, *end < window.as_of) {
            (true, _) => Status::Renewed,
            (false, true) => Status::Lapsed,
            (false, false) => Status::Ending,
        };
        let days_left = window.as_of.until((Unit::Day, *end));
        Some(Renewal {
            end_date: *end,
            days_left: days_left.map_or(0, |span| i64::from(span.get_days())),
            status,
            renewed_until: (status == Status::Renewed).then_some(*last),
            account_id: device.account,
            company: company.map(str::to_owned),
            serial_number: device.serial.clone(),
            product_model: device.model.clone(),
            description: device.description.clone(),
            support_type: name.to_owned(),
            origin: *origin,
            contract_number: term.and_then(|term| term.contract.clone()),
            sku: term.and_then(|term| term.sku.clone()),
            product_model_eor: device.eor,
            product_model_eos: device.eos,
        })
    })
}

/// How renewals are grouped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupBy {
    /// By account.
    Account,
    /// By the company of the account.
    Company,
    /// By the month in which the line ends.
    Month,
}

/// The lines of one group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// The account, in groups by account.
    pub account_id: Option<i64>,
    /// The company, in groups by account or company.
    pub company: Option<String>,
    /// The month as `2026-10`, in groups by month.
    pub month: Option<String>,
    /// The number of devices.
    pub devices: u64,
    /// The number of lines that lapsed.
    pub lapsed: u64,
    /// The number of lines that end.
    pub ending: u64,
    /// The number of lines that are renewed.
    pub renewed: u64,
    /// The earliest end of a line that is not renewed.
    pub first_end: Option<Date>,
}

/// Groups renewals, sorted by what they are grouped by. Lines without an account or a company are one group.
pub fn group(renewals: &[Renewal], by: GroupBy) -> Vec<Group> {
    let mut groups = BTreeMap::<_, (Group, BTreeSet<(Option<i64>, &str)>)>::new();
    for renewal in renewals {
        let (account, month) = match by {
            GroupBy::Account => (renewal.account_id, None),
            GroupBy::Company => (None, None),
            GroupBy::Month => (None, Some(renewal.end_date.strftime("%Y-%m").to_string())),
        };
        let company = renewal.company.clone().filter(|_| by != GroupBy::Month);
        let key = (month.clone(), account, company.clone());
        let (group, devices) = groups.entry(key).or_default();
        group.account_id = account;
        group.company = company;
        group.month = month;
        devices.insert((renewal.account_id, &renewal.serial_number));
        match renewal.status {
            Status::Lapsed => group.lapsed += 1,
            Status::Ending => group.ending += 1,
            Status::Renewed => group.renewed += 1,
        }
        if renewal.status != Status::Renewed {
            let first = group.first_end.unwrap_or(renewal.end_date);
            group.first_end = Some(first.min(renewal.end_date));
        }
    }
    let groups = groups.into_values();
    let counted = groups.map(|(group, devices)| Group {
        devices: devices.len() as u64,
        ..group
    });
    counted.collect()
}

#[cfg(test)]
mod tests;
