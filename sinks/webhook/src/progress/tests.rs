//! Tests of what is recorded, and when it is deleted.

use bytes::Bytes;
use fortilake_sink::{MemoryStore, Selection};

use super::*;
use crate::config::Envelope;
use crate::digest;
use crate::message::{Id, MessagePart};

const SHAPE: Shape = Shape {
    rows: 500,
    bytes: 1 << 20,
    envelope: Envelope::Plain,
};

fn crawl(name: &str, phase: Phase) -> Crawl {
    Crawl {
        id: name.to_owned(),
        edition: format!("{name}.1"),
        name: name.to_owned(),
        phase,
        selection: Selection::default(),
        started_at: "2026-09-01T12:00:00Z".to_owned(),
        generator: "fortilake 0.1.0".to_owned(),
    }
}

fn message(crawl: &str, position: Option<Position>, rows: u64) -> Message {
    let edition = digest::of(&[]);
    Message {
        id: Id {
            crawl: crawl.to_owned(),
            part: MessagePart::Summary { edition },
        },
        edition: format!("{crawl}.1"),
        position,
        content_type: String::new(),
        body: Bytes::new(),
        rows,
        attempts: 0,
    }
}

fn rows(crawl: &str, scope: &str, rows: Range<u64>) -> Message {
    let position = Position {
        scope: scope.to_owned(),
        table: "t".to_owned(),
        first_row: rows.start,
    };
    message(crawl, Some(position), rows.end - rows.start)
}

async fn has(progress: &Progress, message: &Message) -> bool {
    let position = message.position.as_ref().unwrap();
    let delivered = progress.of_scope(&message.edition, &position.scope);
    let rows = position.first_row..position.first_row + message.rows;
    delivered.await.unwrap().contains(&position.table, &rows)
}

fn progress(store: &Arc<MemoryStore>, destination: &str) -> Progress {
    let store: Arc<dyn Store> = Arc::<MemoryStore>::clone(store);
    Progress::new(store, destination.to_owned())
}

#[tokio::test]
async fn records_outlive_the_process_and_belong_to_one_destination() {
    let store = Arc::default();
    let crawl = crawl("c", Phase::Reading);
    let first = progress(&store, "d1");
    first.begin(&crawl, SHAPE).await.unwrap();
    first.delivered(&rows("c", "a/x/1", 0..5)).await.unwrap();

    let again = progress(&store, "d1");
    assert!(has(&again, &rows("c", "a/x/1", 0..5)).await);
    assert!(!has(&again, &rows("c", "a/x/1", 5..6)).await);
    assert!(!has(&again, &rows("c", "a/x/2", 0..5)).await);
    let other = progress(&store, "d2");
    other.begin(&crawl, SHAPE).await.unwrap();
    assert!(!has(&other, &rows("c", "a/x/1", 0..5)).await);
}

#[tokio::test]
async fn a_crawl_keeps_the_shape_that_it_began_with() {
    let store = Arc::default();
    let progress = progress(&store, "d");
    let crawl = crawl("c", Phase::Reading);
    progress.begin(&crawl, SHAPE).await.unwrap();
    let other = Shape { rows: 7, ..SHAPE };
    assert_eq!(progress.begin(&crawl, other).await.unwrap().shape, SHAPE);
}

#[tokio::test]
async fn the_scopes_are_forgotten_with_the_final_message_and_the_crawl_on_request() {
    let store = Arc::default();
    let progress = progress(&store, "d");
    let crawl = crawl("c", Phase::Reading);
    progress.begin(&crawl, SHAPE).await.unwrap();
    for scope in ["a/x/1", "a/x/2"] {
        progress.delivered(&rows("c", scope, 0..5)).await.unwrap();
    }
    assert_eq!(store.keys("").await.unwrap().len(), 3);
    progress.delivered(&message("c", None, 0)).await.unwrap();
    assert_eq!(store.keys("").await.unwrap().len(), 1);
    assert!(progress.begin(&crawl, SHAPE).await.unwrap().finished);
    // A dead letter that is delivered later leaves no key behind.
    progress.delivered(&rows("c", "a/x/3", 0..5)).await.unwrap();
    assert_eq!(store.keys("").await.unwrap().len(), 1);
    progress.forget("c.1").await.unwrap();
    assert!(store.keys("").await.unwrap().is_empty());
    progress.delivered(&rows("c", "a/x/3", 0..5)).await.unwrap();
    assert!(store.keys("").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_scope_takes_one_short_entry_however_many_messages_it_has() {
    let store = Arc::default();
    let progress = progress(&store, "d");
    progress
        .begin(&crawl("c", Phase::Reading), SHAPE)
        .await
        .unwrap();
    // Messages are delivered in any order.
    for start in (0..200).step_by(2).chain((1..200).step_by(2)) {
        let message = rows("c", "a/x/1", start * 500..(start + 1) * 500);
        progress.delivered(&message).await.unwrap();
    }
    let keys = store.keys("scope/").await.unwrap();
    assert_eq!(keys.len(), 1);
    let value = store.get(&keys[0]).await.unwrap().unwrap();
    assert_eq!(value, br#"{"t":[{"start":0,"end":100000}]}"#);
}

#[tokio::test]
async fn superseded_crawls_are_forgotten() {
    let keys_after = async |phase| {
        let store = Arc::default();
        for (destination, name) in [("d1", "1"), ("d2", "0"), ("d1", "2"), ("d1", "3")] {
            let progress = progress(&store, destination);
            let crawl = crawl(name, phase);
            progress.begin(&crawl, SHAPE).await.unwrap();
            progress.delivered(&rows(name, "s", 0..1)).await.unwrap();
        }
        let progress = progress(&store, "d1");
        // A key as the first edition wrote it.
        store
            .put("batch/d1/1/products/0", b"[[0,3]]")
            .await
            .unwrap();
        let current = crawl("2", phase);
        progress.forget_superseded(&current).await.unwrap();
        store.keys("").await.unwrap()
    };
    let key = |name: &str| format!("d1/{}", edition_key(&format!("{name}.1")));
    let own = format!("crawl/{}", key("2"));
    assert_eq!(keys_after(Phase::Reading).await, [own.as_str()]);
    let mut kept = vec![
        "batch/d1/1/products/0".to_owned(),
        own,
        format!("crawl/{}", key("3")),
        format!("scope/{}/s", key("3")),
    ];
    kept.sort();
    assert_eq!(keys_after(Phase::Ended).await, kept);
}

#[tokio::test]
async fn a_replay_is_behind_a_newer_crawl() {
    let store = Arc::default();
    let progress = progress(&store, "d");
    progress
        .begin(&crawl("2", Phase::Reading), SHAPE)
        .await
        .unwrap();
    let replay = crawl("1", Phase::Ended);
    let standing = progress.standing(&replay).await.unwrap();
    assert_eq!(standing, Standing::Latest, "the newer one is not finished");
    progress.delivered(&message("2", None, 0)).await.unwrap();
    let standing = progress.standing(&replay).await.unwrap();
    assert_eq!(standing, Standing::Behind);
    // A crawl that was just read is the newest, even if the clock gave it a smaller name.
    let reading = crawl("1", Phase::Reading);
    let standing = progress.standing(&reading).await.unwrap();
    assert_eq!(standing, Standing::Latest);
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_named() {
    let store = Arc::new(MemoryStore::default());
    let progress = progress(&store, "d");
    let key = progress.crawl_key("c.1");
    store.put(&key, b"?").await.unwrap();
    let record = progress.begin(&crawl("c", Phase::Reading), SHAPE).await;
    let error = record.unwrap_err();
    assert!(error.to_string().contains(&key), "{error}");
}
