//! Scopes that failed, accounts that come and go, and devices that move between them.

use super::*;

fn inventory() -> Inventory {
    let mut inventory = Inventory::default();
    for account in ACCOUNTS {
        inventory.add(
            "accounts",
            json!({"account_id": account, "company": format!("Company {account}")}),
        );
        let serial = format!("FGT{account}");
        inventory.product(account, &serial, "office");
        inventory.entitlement(account, &serial, 2, "2027-01-31");
    }
    inventory
}

/// Puts a device of account 1 into account 2.
fn moved() -> Inventory {
    let mut inventory = inventory();
    for table in ["products", "entitlements"] {
        inventory.tables.get_mut(table).unwrap()[0]["account_id"] = json!(2);
    }
    inventory
}

#[tokio::test]
async fn a_failed_account_yields_no_changes() {
    let failed = inventory().failing(&[1, 3]);
    assert!(changes(&inventory(), &failed).await.is_empty());
    assert!(changes(&failed, &inventory()).await.is_empty());
}

#[tokio::test]
async fn without_the_column_of_the_source_scopes_are_known() {
    let mut old = inventory();
    let mut new = inventory();
    new.tables.get_mut("products").unwrap().remove(0);
    for inventory in [&mut old, &mut new] {
        inventory.missing = vec!["_source"];
    }
    let deleted = lines(&changes(&old, &new).await);
    assert_eq!(deleted, ["products delete 1 FGT1 office"]);
    assert!(changes(&old, &old.clone().failing(&[1])).await.is_empty());
}

#[tokio::test]
async fn without_coverage_nothing_is_inserted_or_deleted() {
    let mut old = inventory();
    let mut new = inventory();
    new.tables.get_mut("products").unwrap().remove(0);
    new.tables.get_mut("products").unwrap()[0]["description"] = json!("lab");
    for inventory in [&mut old, &mut new] {
        inventory.missing = vec!["outcome"];
    }
    let found = changes(&old, &new).await;
    let types: Vec<_> = found["products"]
        .iter()
        .map(|row| row["_change_type"].clone())
        .collect();
    assert_eq!(types, ["update_preimage", "update_postimage"]);
    let place = Place::new(&[(FIRST, &old), (SECOND, &inventory())]).await;
    let pair = place.history().pair(None, None).await.unwrap();
    assert_eq!(
        [pair.from, pair.to].map(|one| one.has_coverage()),
        [false, true]
    );
}

#[tokio::test]
async fn a_moved_device_shows_once() {
    assert_eq!(
        lines(&changes(&inventory(), &moved()).await),
        [
            r#"entitlements moved 2 FGT1 2 2027-01-31 previous {"account_id":1} changed ["account_id"]"#,
            r#"products moved 2 FGT1 office previous {"account_id":1} changed ["account_id"]"#,
        ]
    );
}

#[tokio::test]
async fn a_device_that_moved_to_an_account_that_failed_before_has_moved() {
    let found = changes(&inventory().failing(&[2]), &moved()).await;
    let types: Vec<_> = found["products"]
        .iter()
        .map(|row| row["_change_type"].clone())
        .collect();
    assert_eq!(types, ["moved"]);
}

#[tokio::test]
async fn an_account_that_is_not_listed_any_more_is_gone_with_its_devices() {
    let mut gone = inventory();
    for rows in gone.tables.values_mut() {
        rows.retain(|row| row["account_id"] != 3);
    }
    let found = lines(&changes(&inventory(), &gone).await);
    assert_eq!(
        found,
        [
            "accounts delete 3",
            "entitlements delete 3 FGT3 2 2027-01-31",
            "products delete 3 FGT3 office",
        ]
    );
    let found = lines(&changes(&gone, &inventory()).await);
    assert_eq!(found[2], "products insert 3 FGT3 office");
}
