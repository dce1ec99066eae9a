//! What counts as a change, and how it is reported.

use super::*;

/// Two devices in account 1 and one in account 2.
fn inventory() -> Inventory {
    let mut inventory = Inventory::default();
    for (account, serial) in [(1, "FGT1"), (1, "FGT2"), (2, "FGT3")] {
        inventory.product(account, serial, "office");
        inventory.entitlement(account, serial, 2, "2027-01-31");
        inventory.entitlement(account, serial, 11, "2026-10-31");
        inventory.contract(
            account,
            serial,
            "C1",
            &[("Support 2", "2024-01-01", "2027-01-31")],
        );
        inventory.contract(
            account,
            serial,
            "C2",
            &[("Support 11", "2024-01-01", "2026-10-31")],
        );
    }
    inventory
}

#[tokio::test]
async fn a_snapshot_against_itself_has_no_changes() {
    assert!(changes(&inventory(), &inventory()).await.is_empty());
    assert!(
        changes(&Inventory::default(), &Inventory::default())
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn reordered_lists_are_no_change() {
    let mut reordered = Inventory::default();
    for (account, serial) in [(2, "FGT3"), (1, "FGT2"), (1, "FGT1")] {
        reordered.product(account, serial, "office");
        reordered.entitlement(account, serial, 11, "2026-10-31");
        reordered.entitlement(account, serial, 2, "2027-01-31");
        reordered.contract(
            account,
            serial,
            "C2",
            &[("Support 11", "2024-01-01", "2026-10-31")],
        );
        reordered.contract(
            account,
            serial,
            "C1",
            &[("Support 2", "2024-01-01", "2027-01-31")],
        );
    }
    assert!(changes(&inventory(), &reordered).await.is_empty());
}

#[tokio::test]
async fn the_order_of_rows_does_not_matter() {
    let mut new = inventory();
    new.tables.get_mut("products").unwrap()[0]["description"] = json!("warehouse");
    new.tables.get_mut("products").unwrap().remove(1);
    for serial in ["FGT6", "FGT4", "FGT5"] {
        new.product(2, serial, "new");
        new.entitlement(2, serial, 2, "2027-01-31");
    }
    let reordered = |mut inventory: Inventory| {
        inventory
            .tables
            .values_mut()
            .for_each(|rows| rows.reverse());
        inventory
    };
    let found = changes(&inventory(), &new).await;
    assert!(lines(&found).len() > 8);
    let again = changes(&reordered(inventory()), &reordered(new)).await;
    assert_eq!(found, again);
}

#[tokio::test]
async fn a_row_is_inserted_updated_or_deleted() {
    let mut new = inventory();
    new.tables.get_mut("products").unwrap()[0]["description"] = json!("warehouse");
    new.tables.get_mut("products").unwrap().remove(1);
    new.product(2, "FGT4", "new");
    assert_eq!(
        lines(&changes(&inventory(), &new).await),
        [
            r#"products update_preimage 1 FGT1 office changed ["description"]"#,
            r#"products update_postimage 1 FGT1 warehouse changed ["description"]"#,
            "products delete 1 FGT2 office",
            "products insert 2 FGT4 new",
        ]
    );
}

#[tokio::test]
async fn changes_have_the_columns_of_deltas_change_feed() {
    let mut new = inventory();
    new.product(2, "FGT4", "new");
    let changes = changes(&inventory(), &new).await;
    let row = &changes["products"][0];
    assert_eq!(row["_change_type"], "insert");
    assert_eq!(row["_snapshot"], SECOND);
    assert_eq!(row["_changed_at"], "2026-09-02T12:00:00Z");
    assert_eq!(row["_source"], "acme");
    assert!(!row.contains_key("_crawl_id"));
}

#[tokio::test]
async fn equal_rows_are_counted() {
    let mut new = inventory();
    new.entitlement(1, "FGT1", 2, "2027-01-31");
    let found = changes(&inventory(), &new).await;
    assert_eq!(lines(&found), ["entitlements insert 1 FGT1 2 2027-01-31"]);
    let found = changes(&new, &inventory()).await;
    assert_eq!(lines(&found), ["entitlements delete 1 FGT1 2 2027-01-31"]);
}

#[tokio::test]
async fn a_renewal_is_a_renewal() {
    // The old term stays, and a new one follows it.
    let mut follows = inventory();
    let term = json!({"account_id": 1, "serial_number": "FGT1", "contract_index": 0, "_index": 1,
        "support_type": "Support 2", "start_date": "2027-02-01T00:00:00", "end_date": "2028-01-31T00:00:00"});
    follows.add("contract_terms", term.clone());
    assert_eq!(
        lines(&changes(&inventory(), &follows).await),
        ["contract_terms renewed 1 FGT1 C1 Support 2 2028-01-31"]
    );
    // The new term replaces the old one.
    let mut replaces = inventory();
    replaces.tables.get_mut("contract_terms").unwrap()[0] = term;
    assert_eq!(
        lines(&changes(&inventory(), &replaces).await),
        [concat!(
            "contract_terms renewed 1 FGT1 C1 Support 2 2028-01-31 ",
            r#"previous {"start_date":"2024-01-01T00:00:00","end_date":"2027-01-31T00:00:00"} "#,
            r#"changed ["start_date","end_date"]"#
        )]
    );
    // The term itself is extended.
    let mut extended = inventory();
    extended.tables.get_mut("contract_terms").unwrap()[0]["end_date"] =
        json!("2028-01-31T00:00:00");
    assert_eq!(
        lines(&changes(&inventory(), &extended).await),
        [concat!(
            "contract_terms renewed 1 FGT1 C1 Support 2 2028-01-31 ",
            r#"previous {"end_date":"2027-01-31T00:00:00"} changed ["end_date"]"#
        )]
    );
}

#[tokio::test]
async fn a_term_that_does_not_end_later_is_no_renewal() {
    let mut new = inventory();
    new.tables.get_mut("contract_terms").unwrap()[0]["end_date"] = json!("2026-01-31T00:00:00");
    new.contract(
        1,
        "FGT2",
        "C3",
        &[("Support 2", "2024-01-01", "2029-01-31")],
    );
    let found = changes(&inventory(), &new).await;
    let types: Vec<_> = found["contract_terms"]
        .iter()
        .map(|row| row["_change_type"].clone())
        .collect();
    assert_eq!(types, ["update_preimage", "update_postimage", "insert"]);
}

#[tokio::test]
async fn a_new_column_is_no_change() {
    let mut old = inventory();
    old.missing = vec!["product_model", "sku"];
    let found = changes(&old, &inventory()).await;
    assert!(found.is_empty(), "{found:?}");
    let mut new = inventory();
    new.product(2, "FGT4", "new");
    let found = changes(&old, &new).await;
    assert_eq!(found["products"][0]["product_model"], "FortiGate 60F");
    assert!(changes(&inventory(), &old).await.is_empty());
}

#[tokio::test]
async fn snapshots_are_chosen_by_name_or_by_default() {
    let partial = inventory().failing(&[1]);
    let place = Place::new(&[
        (FIRST, &inventory()),
        (SECOND, &partial),
        (THIRD, &inventory()),
    ])
    .await;
    let history = place.history();
    let names = async |from, to| {
        let pair = history
            .pair(from, to)
            .await
            .map_err(|error| error.to_string())?;
        Ok::<_, String>((pair.from.name().to_owned(), pair.to.name().to_owned()))
    };
    assert_eq!(
        names(None, None).await.unwrap(),
        (FIRST.into(), THIRD.into())
    );
    assert_eq!(
        names(Some(SECOND), None).await.unwrap(),
        (SECOND.into(), THIRD.into())
    );
    assert_eq!(
        names(None, Some(SECOND)).await.unwrap(),
        (FIRST.into(), SECOND.into())
    );
    assert_eq!(
        names(Some(FIRST), Some("latest")).await.unwrap(),
        (FIRST.into(), THIRD.into())
    );
    assert!(
        names(None, Some(FIRST))
            .await
            .unwrap_err()
            .contains("no complete snapshot before")
    );
    assert!(
        names(None, Some("20260901T120000"))
            .await
            .unwrap_err()
            .contains(FIRST)
    );
    let pair = history.pair(Some(THIRD), Some(FIRST)).await.unwrap();
    assert!(Comparison::new(&pair).is_err());
}

#[tokio::test]
async fn the_layout_latest_has_two_snapshots_to_compare() {
    let root = tempfile::tempdir().unwrap();
    let mut new = inventory();
    new.product(3, "FGT4", "new");
    inventory()
        .publish(root.path(), FIRST, Layout::Latest)
        .await;
    new.publish(root.path(), SECOND, Layout::Latest).await;
    let history = History::local(root.path(), &std::env::temp_dir());
    let pair = history.pair(None, None).await.unwrap();
    let comparison = Comparison::new(&pair).unwrap();
    let (_, counts) = table_changes(&comparison, "products").unwrap();
    assert_eq!((counts.inserted, counts.total()), (1, 1));
    let error = table_changes(&comparison, "product")
        .unwrap_err()
        .to_string();
    assert!(error.contains("did you mean `products`?"), "{error}");
    let error = table_changes(&comparison, "coverage")
        .unwrap_err()
        .to_string();
    let wanted = "table `coverage` describes the crawl and is not compared; the tables that are compared are: ";
    assert!(error.starts_with(wanted), "{error}");
}
