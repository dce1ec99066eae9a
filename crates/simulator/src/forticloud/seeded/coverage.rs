//! What a contract covers.

use jiff::ToSpan;
use jiff::civil::{DateTime, Time};

use crate::forticloud::catalog::{ACCESS_SUPPORT, FIREWALL_SUPPORT, Kind, Model, VIRTUAL_SUPPORT};
use crate::forticloud::model::{Contract, Entitlement, Term};

/// A period of coverage: the entitlements, and the contract they come from.
#[derive(Debug)]
pub(crate) struct Period {
    pub(crate) entitlements: Vec<Entitlement>,
    pub(crate) contract: Contract,
}

/// Returns the coverage of a model that starts on this day and lasts this many years.
pub(crate) fn period(model: &Model, number: String, start: DateTime, years: i64) -> Period {
    let support = match model.kind {
        Kind::Firewall => FIREWALL_SUPPORT,
        Kind::Access => ACCESS_SUPPORT,
        Kind::Virtual => VIRTUAL_SUPPORT,
    };
    let first = start.date().to_datetime(Time::midnight());
    let last = first.saturating_add(years.years()).saturating_sub(1.day());
    let entitlements: Vec<_> = support
        .iter()
        .map(|&(level, kind, kind_name)| Entitlement {
            level,
            kind,
            kind_name,
            start: first,
            end: last,
            units: matches!(kind, 113 | 152 | 207).then_some(2 * years),
        })
        .collect();
    let terms = entitlements
        .iter()
        .map(|entitlement| Term {
            support: entitlement.kind_name,
            start: entitlement.start,
            end: entitlement.end,
        })
        .collect();
    let contract = Contract {
        number,
        sku: format!("FC-10-{}-950-02-{}", model.sku, 12 * years),
        terms,
    };
    Period {
        entitlements,
        contract,
    }
}
