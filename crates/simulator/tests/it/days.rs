//! Tests that a tenant changes from day to day as its log says.

use std::collections::{BTreeMap, BTreeSet};

use fortilake_simulator::{Change, Event, Row, Scenario, Simulator};

fn on(day: u64) -> Simulator {
    Simulator::new(Scenario {
        day,
        ..Scenario::production()
    })
}

/// The rows of each device, by serial number, of the tables that `products/list` fills.
fn devices(simulator: &Simulator) -> BTreeMap<String, Vec<(&'static str, Row)>> {
    const TABLES: [&str; 6] = [
        "products",
        "entitlements",
        "warranty_supports",
        "asset_groups",
        "product_contracts",
        "contract_terms",
    ];
    let truth = simulator.truth();
    let mut devices = BTreeMap::<String, Vec<_>>::new();
    for table in TABLES {
        for row in &truth.tables[table] {
            let serial = row["serial_number"].as_str().unwrap().to_owned();
            devices
                .entry(serial)
                .or_default()
                .push((table, row.clone()));
        }
    }
    devices
}

fn about_the_day(changes: &[Change], day: u64) -> impl Iterator<Item = &Change> {
    changes.iter().filter(move |change| change.day == day)
}

#[test]
fn nothing_happens_before_day_1() {
    assert!(on(0).changes().is_empty());
    assert!(on(1).changes().iter().all(|change| change.day == 1));
}

#[test]
fn a_day_builds_on_the_days_before() {
    let (ten, thirty) = (on(10), on(30));
    let known = ten.changes().len();
    assert!(known > 20, "{known}");
    assert_eq!(ten.changes(), &thirty.changes()[..known]);
    assert!(
        thirty.changes()[known..]
            .iter()
            .all(|change| change.day > 10)
    );
    let other = Simulator::new(Scenario {
        seed: 2,
        day: 10,
        ..Scenario::production()
    });
    assert_ne!(other.changes(), ten.changes());
}

#[test]
fn everything_happens_within_a_month() {
    let month = on(30);
    let name = |change: &Change| {
        let json = serde_json::to_value(change).unwrap();
        json["event"].as_str().unwrap().to_owned()
    };
    let names: BTreeSet<_> = month.changes().iter().map(name).collect();
    let expected = [
        "decommissioned",
        "described",
        "extended",
        "lapsed",
        "moved",
        "registered",
        "removed",
        "renewed",
    ];
    assert_eq!(names.into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn the_log_names_exactly_the_devices_whose_rows_differ() {
    let mut before = devices(&on(0));
    for day in 1..=5 {
        let simulator = on(day);
        let after = devices(&simulator);
        let mut logged = BTreeSet::new();
        for change in about_the_day(simulator.changes(), day) {
            let serial = &change.serial_number;
            let is_known = (before.contains_key(serial), after.contains_key(serial));
            match &change.event {
                Event::Registered { .. } => assert_eq!(is_known, (false, true), "{change:?}"),
                Event::Removed { .. } => assert_eq!(is_known, (true, false), "{change:?}"),
                _ => assert_eq!(is_known, (true, true), "{change:?}"),
            }
            if change.event != Event::Lapsed {
                assert!(logged.insert(serial.clone()), "{change:?}");
            }
        }
        let serials = before.keys().chain(after.keys());
        let differing = serials.filter(|serial| before.get(*serial) != after.get(*serial));
        assert_eq!(
            differing.cloned().collect::<BTreeSet<_>>(),
            logged,
            "day {day}"
        );
        before = after;
    }
}

#[test]
fn coverage_that_lapsed_has_ended() {
    let month = on(30);
    let devices = devices(&month);
    let lapsed = month
        .changes()
        .iter()
        .filter(|change| change.event == Event::Lapsed);
    for change in lapsed {
        let renewed = month
            .changes()
            .iter()
            .any(|later| later.serial_number == change.serial_number && later.day > change.day);
        let rows = devices.get(&change.serial_number).into_iter().flatten();
        let ends = rows
            .filter(|(table, _)| *table == "entitlements")
            .map(|(_, row)| row["end_date"].as_str().unwrap().to_owned());
        let end = ends.max().unwrap();
        assert!(renewed || end < change.date.to_string(), "{change:?} {end}");
    }
}
