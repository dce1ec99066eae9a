//! Tests that the default scenario has the sizes that it documents.

use fortilake_simulator::{Scenario, Simulator, Truth};

use crate::client::{Client, FIRST};

fn count(truth: &Truth, table: &str, holds: impl Fn(&fortilake_simulator::Row) -> bool) -> usize {
    truth.tables[table].iter().filter(|row| holds(row)).count()
}

fn starts(row: &fortilake_simulator::Row, column: &str, text: &str) -> bool {
    row[column]
        .as_str()
        .is_some_and(|value| value.starts_with(text))
}

#[test]
fn it_has_the_numbers_of_the_seed() {
    let truth = Simulator::new(Scenario::production()).truth();
    assert_eq!(truth.tables["org_units"].len(), 17);
    assert_eq!(truth.tables["accounts"].len(), 17);
    assert_eq!(truth.tables["products"].len(), 698);
    let firewalls = count(&truth, "products", |row| {
        starts(row, "product_model", "FortiGate") || starts(row, "product_model", "FortiWiFi")
    });
    assert_eq!(firewalls, 133);
    let entitlements = truth.tables["entitlements"].len();
    assert!(
        (698 * 8..=698 * 10).contains(&entitlements),
        "{entitlements}"
    );
}

#[test]
fn it_has_something_of_everything() {
    let truth = Simulator::new(Scenario::production()).truth();
    for (table, rows) in &truth.tables {
        assert_eq!(rows.is_empty(), table == "warranty_supports", "{table}");
    }
    assert_eq!(
        count(&truth, "products", |row| row["status"] == "Pending"),
        6
    );
    assert!(count(&truth, "products", |row| row["is_decommissioned"] == true) > 20);
    assert!(count(&truth, "products", |row| row["folder_id"] != 0) > 100);
    assert!(
        count(&truth, "products", |row| starts(
            row,
            "serial_number",
            "FMG-VM"
        )) > 0
    );
    assert!(count(&truth, "contracts", |row| row["status"] == "Pending") > 0);
    assert!(count(&truth, "licenses", |row| row["serial_number"].is_null()) > 0);
    // The search fallback must need several prefixes: `F` alone must not find everything, `F` and
    // `S` together must.
    let switches = count(&truth, "products", |row| starts(row, "serial_number", "S"));
    assert!(switches > 200, "{switches}");
    let rest = count(&truth, "products", |row| starts(row, "serial_number", "F"));
    assert_eq!(switches + rest, 698);
}

#[test]
fn sizes_and_seed_are_the_scenarios() {
    let truth = |text: &str| Simulator::new(Scenario::from_toml(text).unwrap()).truth();
    let small = truth("[organization]\nous = 3\naccounts = 5\nproducts = 40");
    assert_eq!(small.tables["org_units"].len(), 3);
    assert_eq!(small.tables["accounts"].len(), 5);
    assert_eq!(small.tables["products"].len(), 40);
    assert_ne!(truth("seed = 2"), truth(""));
    assert_eq!(truth("seed = 2"), truth("seed = 2"));
}

#[tokio::test]
async fn a_call_to_a_large_tenant_makes_its_own_rows_alone() {
    let sizes = "[organization]\nous = 2000\naccounts = 20000\nproducts = 1000000";
    let client = Client::new(sizes);
    let account = FIRST + 11 * 19_998;
    let products = client.products(account, "%").await;
    assert!(
        products
            .iter()
            .all(|product| product["accountId"] == account)
    );
    let serial = products[0]["serialNumber"].clone();
    let details = client
        .asset(
            "products/details",
            serde_json::json!({ "serialNumber": serial }),
        )
        .await;
    assert_eq!(details["assetDetails"]["accountId"], account);
}
