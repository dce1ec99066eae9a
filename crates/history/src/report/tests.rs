//! The report as its readers and browsers see it.

use jiff::civil::date;
use serde_json::json;

use super::facts::ReportFacts;
use super::report;
use crate::renewals::{Status, Window, renewals};
use crate::tests::{FIRST, Inventory, Place, SECOND};

fn inventory() -> Inventory {
    let mut inventory = Inventory::default();
    for account in [1, 2] {
        let name = format!("Company {account} & Söhne");
        inventory.add("accounts", json!({"account_id": account, "company": name}));
    }
    inventory.product(1, "FGT1", "<script>alert(1)</script>");
    inventory.product(1, "FGT2", "\u{202e}backwards\u{0}\"'");
    inventory.product(2, "FGT3", "office");
    for (account, serial, end) in [
        (1, "FGT1", "2026-10-31"),
        (1, "FGT2", "2026-07-31"),
        (2, "FGT3", "2027-03-31"),
    ] {
        inventory.entitlement(account, serial, 2, end);
        inventory.entitlement(account, serial, 11, end);
    }
    inventory.add(
        "issues",
        json!({"table_name": "products", "column_name": "folder_id", "reason": "not a number <b>"}),
    );
    inventory
}

async fn rendered(old: &Inventory, new: &Inventory) -> String {
    let place = Place::new(&[(FIRST, old), (SECOND, new)]).await;
    let history = place.history();
    let snapshot = history.snapshot(Some(SECOND)).await.unwrap();
    let previous = history.previous(&snapshot).await.unwrap();
    report(&snapshot, previous.as_ref(), date(2026, 9, 1)).unwrap()
}

#[tokio::test]
async fn text_from_outside_is_text() {
    let html = rendered(&inventory(), &inventory()).await;
    assert!(
        html.contains("<bdi>&lt;script&gt;alert(1)&lt;/script&gt;</bdi>"),
        "{html}"
    );
    assert!(html.contains("Company 1 &amp; Söhne"));
    assert!(html.contains("not a number &lt;b&gt;"));
    assert!(!html.contains("<script"));
    assert!(!html.contains('\0'));
}

#[tokio::test]
async fn nothing_is_loaded_and_nothing_runs() {
    let html = rendered(&inventory(), &inventory()).await;
    assert!(
        html.contains("default-src &#39;none&#39;") || html.contains("default-src 'none'"),
        "{html}"
    );
    for forbidden in [
        "http://",
        "https://",
        "src=",
        "href=",
        "@import",
        "url(",
        " style=",
        "javascript:",
    ] {
        assert!(!html.contains(forbidden), "{forbidden}");
    }
    let handler = html
        .split('<')
        .any(|tag| tag.split('>').next().unwrap_or_default().contains(" on"));
    assert!(!handler);
}

#[tokio::test]
async fn the_same_input_gives_the_same_bytes() {
    let mut reordered = inventory();
    for rows in reordered.tables.values_mut() {
        rows.reverse();
    }
    let html = rendered(&inventory(), &inventory()).await;
    assert_eq!(html, rendered(&inventory(), &inventory()).await);
    // `_index` says in which order the API listed rows. It does not matter here.
    assert_eq!(html, rendered(&inventory(), &reordered).await);
}

#[tokio::test]
async fn coverage_comes_first_and_names_what_is_missing() {
    let complete = rendered(&inventory(), &inventory()).await;
    assert!(complete.contains("Complete: everything was read."));
    let partial = rendered(&inventory(), &inventory().failing(&[2])).await;
    assert!(partial.contains("Partial: 1 scope could not be read."));
    let missing = partial.find("HTTP 500").unwrap();
    assert!(missing < partial.find("Fleet").unwrap());
    assert!(
        partial.contains("Nothing changed."),
        "a failed account is no deletion"
    );
}

#[tokio::test]
async fn totals_are_those_of_the_renewals() {
    let place = Place::new(&[(FIRST, &inventory())]).await;
    let snapshot = place.history().snapshot(None).await.unwrap();
    let as_of = date(2026, 9, 1);
    let facts = ReportFacts::collect(&snapshot, None, as_of).unwrap();
    let window = Window {
        as_of,
        days: super::facts::YEAR,
    };
    let renewals = renewals(&snapshot, window).unwrap();
    let devices = |status| {
        let of_status = renewals.iter().filter(|renewal| renewal.status == status);
        let serials: std::collections::BTreeSet<_> =
            of_status.map(|renewal| &renewal.serial_number).collect();
        serials.len() as u64
    };
    let sum =
        |of: fn(&super::facts::Customer) -> u64| facts.customers.values().map(of).sum::<u64>();
    assert_eq!(sum(|customer| customer.ending), devices(Status::Ending));
    assert_eq!(sum(|customer| customer.lapsed), devices(Status::Lapsed));
    assert_eq!(facts.months.values().sum::<u64>(), 2);
    assert_eq!(facts.months["2026-10"], 1);
    assert_eq!(facts.months.len(), 13);
    assert_eq!(
        (facts.devices, facts.lapsed.total, facts.ending.total),
        (3, 1, 2)
    );
}

#[tokio::test]
async fn changes_are_those_since_the_last_complete_snapshot() {
    let mut new = inventory();
    new.product(2, "FGT4", "new");
    let html = rendered(&inventory(), &new).await;
    assert!(html.contains(&format!("Since snapshot {FIRST}")));
    assert!(html.contains("<td>new</td>"));
    let place = Place::new(&[(FIRST, &inventory())]).await;
    let snapshot = place.history().snapshot(None).await.unwrap();
    let html = report(&snapshot, None, date(2026, 9, 1)).unwrap();
    assert!(html.contains("There is no earlier complete snapshot"));
}
