//! Applying the changes to the old snapshot gives the new one.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Few values, so that rows of two inventories often meet.
fn inventory() -> impl Strategy<Value = Inventory> {
    let date = prop_oneof![Just("2026-01-31"), Just("2027-01-31"), Just("2028-01-31")];
    let entitlements = vec((1..3_i64, date.clone()), 0..4);
    let term = (
        prop_oneof![Just("Web"), Just("Phone")],
        Just("2024-01-01"),
        date,
    );
    let contracts = vec((prop_oneof![Just("C1"), Just("C2")], vec(term, 0..3)), 0..3);
    let device = (
        ACCOUNTS,
        0..6_u8,
        prop_oneof![Just("a"), Just("b")],
        entitlements,
        contracts,
    );
    let failed = vec(ACCOUNTS, 0..2);
    (vec(device, 0..8), failed).prop_map(|(devices, failed)| {
        let mut inventory = Inventory::default();
        let mut known = Vec::new();
        for (account, serial, description, entitlements, contracts) in devices {
            let serial = format!("FGT{serial}");
            if known.contains(&serial) {
                continue;
            }
            inventory.product(account, &serial, description);
            for (kind, end) in entitlements {
                inventory.entitlement(account, &serial, kind, end);
            }
            for (number, terms) in contracts {
                inventory.contract(account, &serial, number, &terms);
            }
            known.push(serial);
        }
        inventory.failing(&failed)
    })
}

/// The columns that are compared, and the number of the contract of a term.
fn row(inventory: &Inventory, table: &str, row: &Value) -> String {
    let mut row = row.as_object().unwrap().clone();
    if table == "contract_terms" {
        let contracts = inventory.tables["product_contracts"].iter();
        let is_its = |contract: &&Value| {
            contract["account_id"] == row["account_id"]
                && contract["serial_number"] == row["serial_number"]
                && contract["_index"] == row["contract_index"]
        };
        let contract = contracts.clone().find(is_its).unwrap();
        row.insert(
            "contract_number".into(),
            contract["contract_number"].clone(),
        );
        row.insert("sku".into(), contract["sku"].clone());
    }
    canonical(row)
}

fn canonical(mut row: Map<String, Value>) -> String {
    row.retain(|name, value| {
        let is_feed = name.starts_with('_')
            || name == "table_name"
            || name == "changed_columns"
            || name == "contract_index";
        !is_feed && !value.is_null()
    });
    Value::Object(
        row.into_iter()
            .collect::<BTreeMap<_, _>>()
            .into_iter()
            .collect(),
    )
    .to_string()
}

/// Applies a feed the way a consumer would.
fn apply(mut rows: Vec<String>, feed: &[Map<String, Value>]) -> Vec<String> {
    let remove = |row: String, rows: &mut Vec<String>| {
        let at = rows.iter().position(|known| *known == row);
        rows.remove(at.unwrap_or_else(|| panic!("{row} is not in {rows:?}")));
    };
    for change in feed {
        let image = canonical(change.clone());
        match change["_change_type"].as_str().unwrap() {
            "insert" | "update_postimage" => rows.push(image),
            "delete" | "update_preimage" => remove(image, &mut rows),
            "moved" | "renewed" => {
                if let Some(previous) = change["_previous"].as_str() {
                    let mut old = change.clone();
                    old.extend(serde_json::from_str::<Map<String, Value>>(previous).unwrap());
                    remove(canonical(old), &mut rows);
                }
                rows.push(image);
            }
            other => panic!("{other}"),
        }
    }
    rows
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn applying_the_changes_gives_the_new_snapshot(old in inventory(), new in inventory()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let changes = runtime.block_on(changes(&old, &new));
        for table in ["products", "entitlements", "product_contracts", "contract_terms"] {
            let of = |inventory: &Inventory| -> Vec<String> {
                let rows = inventory.tables.get(table).into_iter().flatten();
                rows.map(|found| row(inventory, table, found)).collect()
            };
            let feed = changes.get(table).cloned().unwrap_or_default();
            // Nothing is known about accounts that one of the crawls could not read.
            let is_known = |row: &String| {
                let row: Value = serde_json::from_str(row).unwrap();
                let account = row["account_id"].as_i64().unwrap();
                !old.failed.contains(&account) && !new.failed.contains(&account)
            };
            let mut applied = apply(of(&old), &feed);
            let mut expected = of(&new);
            for rows in [&mut applied, &mut expected] {
                rows.retain(is_known);
                rows.sort();
            }
            prop_assert_eq!(applied, expected, "{}", table);
            let is_certain = |change: &Map<String, Value>| {
                change["_change_type"] != "delete" || !new.failed.contains(&change["account_id"].as_i64().unwrap())
            };
            prop_assert!(feed.iter().all(is_certain));
        }
    }
}
