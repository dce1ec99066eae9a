//! The rule for which end counts, and the grouping.

use jiff::civil::{Date, date};

use super::*;
use crate::tests::{FIRST, Inventory, Place};

const AS_OF: Date = date(2026, 9, 1);

fn support(name: &str, end: Date) -> Support {
    Support {
        name: name.to_owned(),
        end: Some(end),
        contract: None,
        sku: None,
    }
}

fn term(name: &str, end: Date, contract: &str) -> Support {
    Support {
        contract: Some(contract.to_owned()),
        ..support(name, end)
    }
}

/// A line per renewal: status, end, origin, contract, and the end of a renewed line.
fn lines(entitlements: &[Support], terms: &[Support]) -> Vec<String> {
    let device = Device {
        account: Some(1),
        serial: "FGT1".to_owned(),
        entitlements: entitlements.to_vec(),
        terms: terms.to_vec(),
        ..Device::default()
    };
    let window = Window {
        as_of: AS_OF,
        days: 90,
    };
    let line = |renewal: Renewal| {
        let until = renewal
            .renewed_until
            .map_or(String::new(), |until| format!(" until {until}"));
        format!(
            "{} {} {} in {} {} {}{until}",
            renewal.support_type,
            renewal.status.name(),
            renewal.end_date,
            renewal.days_left,
            renewal.origin.name(),
            renewal.contract_number.as_deref().unwrap_or("-"),
        )
    };
    of_device(&device, None, window).map(line).collect()
}

#[tokio::test]
async fn tables_and_columns_that_are_missing_are_named() {
    let mut inventory = Inventory::default();
    inventory.product(1, "FGT1", "office");
    let whole = Place::new(&[(FIRST, &inventory)]).await;
    let snapshot = whole.history().snapshot(None).await.unwrap();
    assert!(missing_from_renewals(&snapshot).is_empty());
    inventory.missing = vec!["end_date"];
    let place = Place::new(&[(FIRST, &inventory)]).await;
    let snapshot = place.history().snapshot(None).await.unwrap();
    assert_eq!(
        missing_from_renewals(&snapshot),
        ["entitlements.end_date", "contract_terms.end_date"]
    );
}

#[test]
fn a_line_ends_or_has_lapsed_within_the_window() {
    let ends = |end| lines(&[support("Web", end)], &[]);
    assert_eq!(
        ends(date(2026, 9, 1)),
        ["Web ending 2026-09-01 in 0 entitlement -"]
    );
    assert_eq!(
        ends(date(2026, 8, 31)),
        ["Web lapsed 2026-08-31 in -1 entitlement -"]
    );
    assert_eq!(
        ends(date(2026, 11, 30)),
        ["Web ending 2026-11-30 in 90 entitlement -"]
    );
    assert_eq!(
        ends(date(2026, 6, 3)),
        ["Web lapsed 2026-06-03 in -90 entitlement -"]
    );
    assert!(ends(date(2026, 12, 1)).is_empty());
    assert!(ends(date(2026, 6, 2)).is_empty());
}

#[test]
fn entitlement_and_term_of_one_line_count_once() {
    let end = date(2026, 10, 31);
    assert_eq!(
        lines(&[support("Web", end)], &[term("Web", end, "C1")]),
        ["Web ending 2026-10-31 in 60 entitlement C1"]
    );
    // Without an entitlement of this type, the term counts.
    assert_eq!(
        lines(&[support("Web", end)], &[term("Phone", end, "C1")]),
        [
            "Phone ending 2026-10-31 in 60 contract_term C1",
            "Web ending 2026-10-31 in 60 entitlement -"
        ]
    );
}

#[test]
fn the_later_end_counts() {
    let (first, last) = (date(2026, 9, 30), date(2026, 10, 31));
    assert_eq!(
        lines(&[support("Web", first)], &[term("Web", last, "C2")]),
        ["Web ending 2026-10-31 in 60 contract_term C2"]
    );
    assert_eq!(
        lines(&[support("Web", last)], &[term("Web", first, "C1")]),
        ["Web ending 2026-10-31 in 60 entitlement -"]
    );
}

#[test]
fn a_line_with_a_period_that_ends_after_the_window_is_renewed() {
    let (end, last) = (date(2026, 9, 30), date(2027, 9, 30));
    let expected = "Web renewed 2026-09-30 in 29 entitlement C1 until 2027-09-30";
    let terms = [term("Web", end, "C1"), term("Web", last, "C2")];
    assert_eq!(
        lines(&[support("Web", end), support("Web", last)], &terms),
        [expected]
    );
    assert_eq!(lines(&[support("Web", end)], &terms), [expected]);
}

#[test]
fn decommissioned_devices_and_endless_periods_are_left_out() {
    let device = Device {
        is_decommissioned: true,
        entitlements: vec![support("Web", AS_OF)],
        ..Device::default()
    };
    let window = Window {
        as_of: AS_OF,
        days: 90,
    };
    assert_eq!(of_device(&device, None, window).count(), 0);
    let endless = Support {
        end: None,
        ..support("Web", AS_OF)
    };
    assert!(lines(&[endless], &[]).is_empty());
}

#[test]
fn groups_count_devices_and_lines() {
    let device = |serial: &str, ends: &[Date]| Device {
        account: Some(1),
        serial: serial.to_owned(),
        entitlements: ends
            .iter()
            .enumerate()
            .map(|(at, end)| support(&at.to_string(), *end))
            .collect(),
        ..Device::default()
    };
    let devices = [
        device("FGT1", &[date(2026, 8, 1), date(2026, 9, 10)]),
        device("FGT2", &[date(2026, 9, 20)]),
    ];
    let window = Window {
        as_of: AS_OF,
        days: 90,
    };
    let renewals: Vec<_> = devices
        .iter()
        .flat_map(|device| of_device(device, Some("Acme"), window))
        .collect();
    let group = |by| group(&renewals, by);
    let of = |groups: Vec<Group>| {
        let line = |group: Group| {
            let name = group.month.or(group.company).unwrap();
            (
                name,
                group.devices,
                group.lapsed,
                group.ending,
                group.first_end.unwrap(),
            )
        };
        groups.into_iter().map(line).collect::<Vec<_>>()
    };
    let month = |name: &str, devices, lapsed, ending, first| {
        (name.to_owned(), devices, lapsed, ending, first)
    };
    assert_eq!(
        of(group(GroupBy::Month)),
        [
            month("2026-08", 1, 1, 0, date(2026, 8, 1)),
            month("2026-09", 2, 0, 2, date(2026, 9, 10)),
        ]
    );
    assert_eq!(
        of(group(GroupBy::Company)),
        [month("Acme", 2, 1, 2, date(2026, 8, 1))]
    );
    assert_eq!(group(GroupBy::Account)[0].account_id, Some(1));
}
