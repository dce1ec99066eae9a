//! A crawl that is compared before it is published.

use fortilake_models::CHANGES;
use fortilake_sink::{Crawl, KeyIn, Kind, Phase, Selection, TableSpec, json};
use fortilake_snapshot::Layout;
use serde_json::{Map, Value};

use super::{FIRST, Inventory, Place, SECOND, THIRD};
use crate::{Against, Pending};

fn spec() -> TableSpec {
    TableSpec {
        name: CHANGES.name.to_owned(),
        summary: CHANGES.summary.to_owned(),
        schema: CHANGES.schema(),
        key: CHANGES.key.iter().map(|name| (*name).to_owned()).collect(),
        key_in: KeyIn::Scope,
    }
}

fn pending(place: &Place, id: &str, phase: Phase) -> Pending {
    let crawl = Crawl {
        id: id.to_owned(),
        edition: format!("{id}.5eed"),
        name: id.to_owned(),
        phase,
        selection: Selection::default(),
        started_at: "2026-09-01T12:00:00Z".to_owned(),
        generator: "fortilake 0.1.0".to_owned(),
    };
    Pending::new(place.history(), crawl, &spec())
}

#[expect(
    clippy::option_option,
    reason = "what is recorded may be that there is nothing to compare with"
)]
async fn against(place: &Place, id: &str, phase: Phase, recorded: Option<Option<&str>>) -> String {
    let recorded = recorded.map(|name| name.map(str::to_owned));
    match pending(place, id, phase).begin(recorded).await {
        Ok(Against::Nothing) => "nothing".to_owned(),
        Ok(Against::Published(changes)) => format!("published {}", changes.count),
        Ok(Against::Snapshot { crawl_id }) => crawl_id,
        Err(error) => {
            assert_eq!(error.kind(), Kind::Config);
            error.to_string()
        }
    }
}

#[tokio::test]
async fn a_crawl_is_compared_with_the_newest_complete_snapshot_before_it() {
    let (mut complete, mut partial) = (Inventory::default(), Inventory::default());
    complete.product(1, "FGT1", "office");
    partial.failed.push(1);
    let none = Place::new(&[]).await;
    assert_eq!(against(&none, THIRD, Phase::Reading, None).await, "nothing");
    let place = Place::new(&[(FIRST, &complete), (SECOND, &complete), (THIRD, &partial)]).await;
    let new = "20260904T120000Z";
    assert_eq!(against(&place, new, Phase::Reading, None).await, SECOND);
    // Whatever the clock says, a crawl that is still reading is the newest. A replay is not.
    let early = "20200101T000000Z";
    assert_eq!(against(&place, early, Phase::Reading, None).await, SECOND);
    assert_eq!(against(&place, early, Phase::Ended, None).await, "nothing");
    // A snapshot that was published without changes is compared with those before it.
    assert_eq!(against(&place, SECOND, Phase::Ended, None).await, FIRST);
    assert_eq!(against(&place, FIRST, Phase::Ended, None).await, "nothing");
}

#[tokio::test]
async fn what_was_decided_before_is_not_decided_again() {
    let mut inventory = Inventory::default();
    inventory.product(1, "FGT1", "office");
    let place = Place::new(&[(FIRST, &inventory), (SECOND, &inventory)]).await;
    let decided = |recorded| against(&place, THIRD, Phase::Ended, Some(recorded));
    assert_eq!(decided(Some(FIRST)).await, FIRST);
    assert_eq!(decided(None).await, "nothing");
    let gone = decided(Some("20260801T120000Z")).await;
    assert!(
        gone.starts_with("crawl `20260903T120000Z` was compared with crawl `20260801T120000Z`, which is not published in `"),
        "{gone}"
    );
    // In another place, the snapshot of the same crawl can have another name.
    let other = Place::new(&[]).await;
    for (id, name) in [("other", FIRST), (FIRST, SECOND)] {
        let root = other.root.path();
        inventory
            .publish_crawl(root, id, name, Layout::Snapshots)
            .await;
    }
    let decided = against(&other, THIRD, Phase::Ended, Some(Some(FIRST))).await;
    assert_eq!(decided, FIRST);
    let mut pending = pending(&other, THIRD, Phase::Ended);
    pending.begin(Some(Some(FIRST.to_owned()))).await.unwrap();
    let sink = pending.rows(&inventory.specs()).await.unwrap();
    inventory.write(sink, THIRD).await;
    let found = pending.end().await.unwrap();
    assert_eq!((found.since.as_deref(), found.count), (Some(SECOND), 0));
    // A new place has nothing to compare with, whatever was decided for another place.
    let new = Place::new(&[]).await;
    let decided = against(&new, THIRD, Phase::Ended, Some(Some(FIRST))).await;
    assert_eq!(decided, "nothing");
    let own = Place::new(&[(THIRD, &inventory)]).await;
    let decided = against(&own, THIRD, Phase::Ended, Some(Some(FIRST))).await;
    assert_eq!(decided, "nothing");
}

#[tokio::test]
async fn the_rows_are_those_of_the_comparison() {
    let (mut old, mut new) = (Inventory::default(), Inventory::default());
    old.product(1, "FGT1", "office");
    new.product(1, "FGT1", "lab");
    new.product(1, "FGT2", "new");
    new.entitlement(1, "FGT2", 2, "2027-03-31");
    let place = Place::new(&[(FIRST, &old)]).await;
    let mut pending = pending(&place, SECOND, Phase::Reading);
    let Against::Snapshot { crawl_id } = pending.begin(None).await.unwrap() else {
        panic!("there is a snapshot to compare with");
    };
    assert_eq!(crawl_id, FIRST);
    let sink = pending.rows(&new.specs()).await.unwrap();
    new.write(sink, SECOND).await;
    let found = pending.end().await.unwrap();
    assert_eq!((found.since.as_deref(), found.count), (Some(FIRST), 4));
    // The rows can be read more than once.
    for _ in 0..2 {
        let mut rows = Vec::<Map<String, Value>>::new();
        for batch in found.read().unwrap() {
            let batch = batch.unwrap();
            assert_eq!(batch.schema().fields(), spec().schema.fields());
            rows.extend(serde_json::from_slice::<Vec<_>>(&json::array(&batch).unwrap()).unwrap());
        }
        let numbers: Vec<_> = rows
            .iter()
            .map(|row| row["number"].as_u64().unwrap())
            .collect();
        assert_eq!(numbers, [0, 1, 2, 3]);
        let types: Vec<_> = rows
            .iter()
            .map(|row| row["_change_type"].as_str().unwrap())
            .collect();
        assert_eq!(
            types,
            ["update_preimage", "update_postimage", "insert", "insert"]
        );
        let update = &rows[1];
        assert_eq!(update["table_name"], "products");
        assert_eq!(update["serial_number"], "FGT1");
        assert_eq!(update["account_id"], 1);
        assert_eq!(update["changed_columns"], "[\"description\"]");
        assert_eq!(update["since_snapshot"], FIRST);
        assert_eq!(update["_crawl_id"], SECOND);
        let record: Value = serde_json::from_str(update["record"].as_str().unwrap()).unwrap();
        assert_eq!(record["description"], "lab");
    }
}
