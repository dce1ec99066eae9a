//! Every known quirk, compared row by row with what the simulator knows to be true.

use std::collections::{BTreeMap, BTreeSet};

use fortilake_crawler::{Incomplete, Search, Settings};
use fortilake_simulator::{
    Row, Scenario,
    scenario::{Arrays, Dates, NullDates, ParentKey, RootParent, Scope},
};
use serde_json::Value;

use crate::util::{Crawled, crawl, crawl_with, settings};

/// The tables of a crawl that the simulator has no truth for.
const REPORTS: [&str; 2] = ["coverage", "issues"];

fn sorted(rows: &[Row]) -> Vec<String> {
    let mut rows: Vec<String> = rows
        .iter()
        .map(|row| serde_json::to_string(row).unwrap())
        .collect();
    rows.sort_unstable();
    rows
}

/// Leaves out empty columns that the simulator does not know.
///
/// A newer edition of a description may have fields that the simulator does not send.
fn known(found: &[Row], expected: &[Row]) -> Vec<Row> {
    let columns: BTreeSet<&String> = expected.iter().flat_map(BTreeMap::keys).collect();
    let mut rows = found.to_vec();
    for row in &mut rows {
        row.retain(|name, value| columns.contains(name) || !value.is_null());
    }
    rows
}

/// Compares all tables. Rows are compared one by one, so that a failure shows the row that differs.
#[track_caller]
fn same_tables(crawled: &Crawled) {
    let truth = crawled.simulator.truth();
    let nothing = Vec::new();
    let names = truth.tables.keys().chain(crawled.tables.keys());
    let is_asked = |name: &str| crawled.specs.iter().any(|spec| spec.name == name);
    for name in names.filter(|name| is_asked(name) && !REPORTS.contains(&name.as_str())) {
        let expected = truth.tables.get(name).unwrap_or(&nothing);
        let found = crawled.tables.get(name).unwrap_or(&nothing);
        let (found, expected) = (sorted(&known(found, expected)), sorted(expected));
        for (expected, found) in expected.iter().zip(&found) {
            assert_eq!(found, expected, "{name}");
        }
        assert_eq!(found.len(), expected.len(), "rows of {name}");
    }
}

#[track_caller]
pub(crate) fn complete(crawled: &Crawled) {
    let report = crawled.report();
    assert!(report.complete, "{:?}", report.failed);
    assert!(crawled.finished);
    same_tables(crawled);
}

/// Crawls a changed tenant of six accounts and checks all tables.
async fn check(change: impl FnOnce(&mut Scenario)) -> Crawled {
    let mut scenario = Scenario::production();
    scenario.organization.ous = 5;
    scenario.organization.accounts = 6;
    scenario.organization.products = 80;
    change(&mut scenario);
    let crawled = crawl(scenario).await;
    complete(&crawled);
    crawled
}

#[tokio::test(start_paused = true)]
async fn the_preset() {
    let crawled = check(|scenario| *scenario = Scenario::production()).await;
    let rows: BTreeMap<_, _> = crawled
        .tables
        .iter()
        .map(|(name, rows)| (name.as_str(), rows.len()))
        .collect();
    assert_eq!(
        (rows["org_units"], rows["accounts"], rows["products"]),
        (17, 17, 698)
    );
    let gates = crawled.tables["products"].iter().filter(|row| {
        row["product_model"]
            .as_str()
            .is_some_and(|model| model.starts_with("FortiGate") || model.starts_with("FortiWiFi"))
    });
    assert_eq!(gates.count(), 133);
    // Three sign-ins, the units, their accounts, and five lists per account.
    assert_eq!(crawled.report().calls, 3 + 1 + 17 + 17 * 5);
    assert_eq!(crawled.report().drift.duplicates, 0);
}

#[tokio::test(start_paused = true)]
async fn products_of_one_model_and_the_rows_inside_them() {
    let settings = Settings {
        models: vec!["FortiGate*".to_owned()],
        ..settings()
    };
    let crawled = crawl_with(Scenario::production(), settings, Incomplete::Publish).await;
    assert!(crawled.report().complete);
    let truth = crawled.simulator.truth();
    let is_gate = |row: &&Row| {
        let model = row["product_model"].as_str();
        model.is_some_and(|model| model.starts_with("FortiGate"))
    };
    let gates: BTreeSet<_> = truth.tables["products"]
        .iter()
        .filter(is_gate)
        .map(|row| row["serial_number"].as_str())
        .collect();
    for table in ["products", "entitlements", "product_contracts"] {
        let expected = truth.tables[table].iter();
        let expected = expected.filter(|row| gates.contains(&row["serial_number"].as_str()));
        let expected: Vec<Row> = expected.cloned().collect();
        let found = known(&crawled.tables[table], &expected);
        assert_eq!(sorted(&found), sorted(&expected), "{table}");
        assert!(expected.len() < truth.tables[table].len(), "{table}");
    }
    // Other lists are published whole.
    let accounts = crawled.tables["accounts"].len();
    assert_eq!(accounts, truth.tables["accounts"].len());
}

#[tokio::test(start_paused = true)]
async fn pages_of_25_counted_from_one_and_from_zero() {
    for page_base in [0, 1] {
        let crawled = check(|scenario| {
            *scenario = Scenario {
                page_size: 25,
                page_base,
                ..Scenario::production()
            };
        })
        .await;
        let paged = |call: &&fortilake_simulator::Call| call.arguments.get("pageNumber").is_some();
        assert!(crawled.simulator.calls().iter().filter(paged).count() > 10);
    }
}

#[tokio::test(start_paused = true)]
async fn both_spellings_of_the_parent() {
    for parent_key in [ParentKey::ParentId, ParentKey::ParentIdUpper] {
        for root_parent in [RootParent::Null, RootParent::Zero, RootParent::Absent] {
            check(|scenario| {
                scenario.quirks.parent_key = parent_key;
                scenario.quirks.root_parent = root_parent;
            })
            .await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_root_that_is_not_among_the_units() {
    check(|scenario| scenario.organization.root_listed = false).await;
}

#[tokio::test(start_paused = true)]
async fn lists_that_are_null_absent_or_empty() {
    for arrays in [Arrays::Null, Arrays::Absent, Arrays::Empty] {
        check(|scenario| {
            scenario.quirks.nested_arrays = arrays;
            scenario.quirks.top_arrays = arrays;
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn all_forms_of_nothing_found() {
    for empty in ["error-301", "null", "status-1008", "http-404"] {
        let said = Scenario::from_toml(&format!("[quirks]\nempty = \"{empty}\"\n")).unwrap();
        check(|scenario| scenario.quirks.empty = said.quirks.empty).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_tenant_where_percent_is_not_a_wildcard() {
    let crawled = check(|scenario| scenario.quirks.wildcard = false).await;
    let searched = |pattern: &str| {
        let calls = crawled.simulator.calls();
        calls
            .iter()
            .filter(|call| {
                call.arguments
                    .get("serialNumber")
                    .is_some_and(|serial| serial == pattern)
            })
            .count()
    };
    assert_eq!((searched("%"), searched("F"), searched("S")), (12, 12, 12));
}

#[tokio::test(start_paused = true)]
async fn configured_search_patterns() {
    let settings = Settings {
        search: Search::Patterns(vec!["F".to_owned(), "S".to_owned(), "FG".to_owned()]),
        ..settings()
    };
    let crawled = crawl_with(Scenario::production(), settings, Incomplete::Publish).await;
    complete(&crawled);
    assert!(
        crawled.report().drift.duplicates >= 100,
        "{:?}",
        crawled.report().drift
    );
}

#[tokio::test(start_paused = true)]
async fn a_user_without_an_organization() {
    check(|scenario| scenario.organization.scope = Scope::Local).await;
}

#[tokio::test(start_paused = true)]
async fn dates_in_every_form() {
    for dates in [
        Dates::Naive,
        Dates::Utc,
        Dates::Offset,
        Dates::ShortOffset,
        Dates::Blank,
        Dates::Fraction,
        Dates::Mixed,
    ] {
        check(|scenario| scenario.quirks.dates = dates).await;
    }
    for null_dates in [NullDates::Null, NullDates::Absent, NullDates::Minimum] {
        check(|scenario| scenario.quirks.null_dates = null_dates).await;
    }
}

#[tokio::test(start_paused = true)]
async fn quoted_integers_padded_text_and_unknown_fields() {
    check(|scenario| scenario.quirks.quoted_integers = true).await;
    check(|scenario| scenario.quirks.padded_text = true).await;
    let crawled = check(|scenario| scenario.quirks.unknown_fields = true).await;
    assert!(crawled.report().drift.unknown_fields > 150);
}

#[tokio::test(start_paused = true)]
async fn rows_that_come_twice() {
    let crawled = check(|scenario| scenario.quirks.duplicate_rows = true).await;
    assert!(crawled.report().drift.duplicates > 0);
    check(|scenario| scenario.organization.shared_accounts = 3).await;
}

#[tokio::test(start_paused = true)]
async fn hostile_descriptions() {
    let crawled = check(|scenario| scenario.quirks.hostile_text = true).await;
    let longest = crawled.tables["products"]
        .iter()
        .filter_map(|row| row["description"].as_str())
        .map(str::len)
        .max();
    assert!(longest >= Some(70_000));
}

#[tokio::test(start_paused = true)]
async fn values_that_do_not_fit_are_null_and_listed() {
    let crawled = check(|scenario| scenario.quirks.misfits = true).await;
    let expected = crawled.simulator.truth();
    let summary = |rows: &[Row]| {
        // The truth contains the value, and the table its text.
        let value = |value: &Value| {
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned)
        };
        let line = |row: &Row| {
            format!(
                "{} {} {}",
                row["table_name"],
                row["column_name"],
                value(&row["value"])
            )
        };
        let mut lines: Vec<String> = rows.iter().map(line).collect();
        lines.sort_unstable();
        lines
    };
    assert!(!crawled.tables["issues"].is_empty());
    assert_eq!(
        summary(&crawled.tables["issues"]),
        summary(&expected.tables["issues"])
    );
}

#[tokio::test(start_paused = true)]
async fn answers_of_older_releases() {
    check(|scenario| scenario.quirks.missing_account_id = true).await;
    check(|scenario| scenario.quirks.old_shape = true).await;
    check(|scenario| scenario.quirks.bare_envelope = true).await;
    check(|scenario| scenario.quirks.error_as_text = true).await;
    check(|scenario| scenario.quirks.warranty_supports = true).await;
    check(|scenario| scenario.quirks.extended_lists = true).await;
}

#[tokio::test(start_paused = true)]
async fn everything_at_once() {
    check(|scenario| {
        scenario.organization.products = 150;
        scenario.page_size = 7;
        scenario.page_base = 0;
        scenario.organization.shared_accounts = 3;
        let quirks = &mut scenario.quirks;
        quirks.parent_key = ParentKey::ParentIdUpper;
        quirks.wildcard = false;
        quirks.dates = Dates::Mixed;
        quirks.quoted_integers = true;
        quirks.padded_text = true;
        quirks.unknown_fields = true;
        quirks.hostile_text = true;
        quirks.missing_account_id = true;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn batches_do_not_depend_on_the_order_of_answers() {
    let mut runs = Vec::new();
    for spread in ["0s", "5s"] {
        let mut scenario = Scenario::from_toml(&format!(
            "page_size = 25\nlatency = \"100ms\"\nlatency_spread = \"{spread}\"\n"
        ))
        .unwrap();
        scenario.organization = Scenario::production().organization;
        let crawled = crawl(scenario).await;
        complete(&crawled);
        runs.push((crawled.batches, crawled.tables));
    }
    assert!(runs[0].0.len() > 8);
    let by_table = |batches: &[String]| {
        let mut batches = batches.to_vec();
        batches.sort_unstable();
        batches
    };
    assert_eq!(by_table(&runs[0].0), by_table(&runs[1].0));
    assert_eq!(runs[0].1, runs[1].1);
}

#[tokio::test(start_paused = true)]
async fn only_the_named_accounts() {
    let settings = Settings {
        accounts: vec![710_112],
        ..settings()
    };
    let scenario = Scenario::production();
    let crawled = crawl_with(scenario, settings, Incomplete::Publish).await;
    assert!(crawled.report().complete, "{:?}", crawled.report().failed);
    let truth = crawled.simulator.truth();
    let expected: Vec<Row> = truth.tables["products"]
        .iter()
        .filter(|row| row["account_id"] == 710_112)
        .cloned()
        .collect();
    assert!(!expected.is_empty());
    let found = known(&crawled.tables["products"], &expected);
    assert_eq!(sorted(&found), sorted(&expected));
    assert_eq!(crawled.tables["accounts"].len(), 1);
}
