//! The history of one device.

use super::*;
use crate::{ChangesText, device_history};

async fn history(inventories: &[(&str, &Inventory)], serial: &str) -> Vec<String> {
    let place = Place::new(inventories).await;
    let snapshots = place.history().open_all().await.unwrap();
    let mut lines = Vec::new();
    device_history(&snapshots, serial, &mut |news| {
        let (day, table) = (&news.snapshot.name()[6..8], news.table);
        let Some(batch) = news.changes else {
            lines.push(format!("{day} {table}: not read"));
            return Ok(());
        };
        let mut text = ChangesText::default();
        text.begin(table, news.key);
        text.add(&batch)?;
        lines.extend(
            text.take()
                .lines()
                .map(|line| format!("{day} {table}:{line}")),
        );
        Ok(())
    })
    .unwrap();
    lines
}

#[tokio::test]
async fn a_change_is_reported_even_if_the_account_could_not_be_read_in_between() {
    let mut old = Inventory::default();
    old.product(1, "FGT1", "office");
    old.product(1, "FGT2", "another");
    let mut new = old.clone();
    new.tables.get_mut("products").unwrap()[0]["description"] = json!("warehouse");
    let failed = old.clone().failing(&[1]);
    let all = [(FIRST, &old), (SECOND, &failed), (THIRD, &new)];
    assert_eq!(
        history(&all, "FGT1").await,
        [
            "01 products:  inserted  1  FGT1  description: office  is_decommissioned: false  product_model: FortiGate 60F  status: Registered",
            "02 products: not read",
            "03 products:  updated   1  FGT1  description: office -> warehouse",
        ]
    );
    assert!(history(&all, "FGT9").await.is_empty());
}

#[tokio::test]
async fn a_device_that_is_gone_and_returns_has_a_history() {
    let mut there = Inventory::default();
    there.product(1, "FGT1", "office");
    let gone = Inventory::default();
    let lines = history(&[(FIRST, &there), (SECOND, &gone), (THIRD, &there)], "FGT1").await;
    let starts: Vec<_> = lines.iter().map(|line| &line[..22]).collect();
    assert_eq!(
        starts,
        [
            "01 products:  inserted",
            "02 products:  deleted ",
            "03 products:  inserted"
        ]
    );
}
