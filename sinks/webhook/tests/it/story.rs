//! Crawls that pause, die or are replayed between their first and their last message.

use std::collections::BTreeSet;
use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};

use fortilake_sink::Summary;
use tokio::sync::Notify;

use super::*;

/// The batches of accounts 2 and 3, which are read in the first run.
fn before() -> Vec<Batch> {
    vec![
        batch_of(2, "products", 0, 5),
        batch_of(2, "accounts", 0, 1),
        batch_of(2, "products", 1, 5),
        batch_of(3, "products", 0, 4),
    ]
}

/// All batches, as the resumed crawl hands them over: account 1 comes last, because it was read last.
fn all() -> Vec<Batch> {
    let mut batches = before();
    batches.push(batch_of(1, "products", 0, 5));
    batches.push(batch_of(1, "accounts", 0, 1));
    batches
}

/// A store that lets its process "die" after a number of writes: the next write never returns.
#[derive(Debug)]
struct Dying {
    inner: Arc<MemoryStore>,
    left: AtomicUsize,
    died: Notify,
}

impl Dying {
    async fn live(&self) {
        let left = self
            .left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            });
        if left.is_err() {
            self.died.notify_one();
            pending::<()>().await;
        }
    }
}

#[async_trait::async_trait]
impl Store for Dying {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>> {
        self.inner.get(key).await
    }

    async fn put(&self, key: &str, value: &[u8]) -> Result<()> {
        self.live().await;
        self.inner.put(key, value).await
    }

    async fn delete(&self, key: &str) -> Result<()> {
        self.live().await;
        self.inner.delete(key).await
    }

    async fn keys(&self, prefix: &str) -> Result<Vec<String>> {
        self.inner.keys(prefix).await
    }
}

/// Checks that the receiver has each row of these batches once, and a final message with the right totals.
///
/// Like a real receiver, it ignores messages with an id that it has seen, after checking that the body is the same.
fn expect_all(receiver: &Receiver, batches: &[Batch]) {
    let mut bodies = BTreeMap::new();
    let mut rows = Vec::new();
    let mut summaries = Vec::new();
    let messages = receiver.messages().into_iter();
    for message in messages.filter(|message| message.accepted) {
        if let Some(known) = bodies.insert(message.id().to_owned(), message.body.clone()) {
            assert_eq!(known, message.body, "equal ids must have equal bodies");
            continue;
        }
        let data = message.json()["data"].clone();
        if message.name() == summary_id() {
            summaries.push(data);
            continue;
        }
        for row in data["rows"].as_array().unwrap() {
            rows.push(format!("{} {} {row}", data["scope"], data["table"]));
        }
    }
    let mut wanted = Vec::new();
    for batch in batches {
        for row in fortilake_sink::conformance::rows(&batch.records).unwrap() {
            let (scope, table) = (batch.scope.text(), &batch.table.name);
            wanted.push(format!("{scope:?} {table:?} {row}"));
        }
    }
    rows.sort();
    wanted.sort();
    assert_eq!(rows, wanted);

    let [summary] = &summaries[..] else {
        panic!("expected one final message, got {summaries:?}")
    };
    let told: Summary = serde_json::from_value(summary.clone()).unwrap();
    assert_eq!(told, outcome(batches).summary());
    let messages = summary["tables"].as_array().unwrap().iter();
    let messages: u64 = messages
        .map(|table| table["messages"].as_u64().unwrap())
        .sum();
    assert_eq!(
        messages,
        bodies.len() as u64 - 1,
        "the summary states the number of messages"
    );
}

fn sender(receiver: &Receiver, order: &str) -> Sender {
    Sender::to(receiver)
        .with("batch_rows", 2)
        .with("order", order)
}

#[tokio::test]
async fn after_a_pause_nothing_is_missing_and_nothing_comes_twice() {
    for order in ["table", "parallel"] {
        let receiver = Receiver::new([]);
        let sender = sender(&receiver, order);
        let mut sink = sender.open().await.unwrap();
        for batch in &before() {
            sink.write(batch).await.unwrap();
        }
        // Account 1 has failed so far, and the crawl pauses.
        sink.abort().await.unwrap();
        assert!(!receiver.accepted().contains(&summary_id()));

        let receipt = sender.deliver(&all()).await.unwrap();
        assert_eq!(receipt.rows, 21);
        expect_all(&receiver, &all());
    }
}

#[tokio::test]
async fn wherever_the_process_dies_nothing_is_missing() {
    for deaths in 0.. {
        let receiver = Receiver::new([]);
        let sender = sender(&receiver, "parallel");
        let store = Arc::new(Dying {
            inner: Arc::clone(&sender.store),
            left: AtomicUsize::new(deaths),
            died: Notify::new(),
        });
        let dying = async {
            let context = context().with_store(Arc::<Dying>::clone(&store));
            let spec = Spec {
                sink: "webhook".to_owned(),
                options: Map::new(),
            };
            let mut sink = spec.open(context, Options(sender.options.clone())).await?;
            for batch in &all() {
                sink.write(batch).await?;
            }
            sink.finish(&outcome(&all())).await
        };
        // Dropping the future loses everything that a killed process would lose. The store and the receiver stay.
        let survived = tokio::select! {
            result = dying => result.map(|_| true).unwrap(),
            () = store.died.notified() => false,
        };
        sender.deliver(&all()).await.unwrap();
        expect_all(&receiver, &all());
        assert_eq!(sender.keys().await.len(), 1, "{:?}", sender.keys().await);
        if survived {
            assert!(deaths > 12, "every message causes at least one write");
            break;
        }
    }
}

#[tokio::test]
async fn the_final_message_is_the_same_each_time() {
    let receiver = Receiver::new([]);
    let sender = sender(&receiver, "table");
    sender.deliver(&all()).await.unwrap();
    // Another machine replays the crawl. Its store is empty, so it sends everything again.
    let mut context = context();
    context.crawl.phase = Phase::Ended;
    let other = Sender {
        store: Arc::default(),
        folder: tempfile::tempdir().unwrap(),
        options: sender.options.clone(),
    };
    let mut sink = other.open_in(context).await.unwrap();
    for batch in &all() {
        sink.write(batch).await.unwrap();
    }
    sink.finish(&outcome(&all())).await.unwrap();
    let messages = receiver.messages();
    let finals: Vec<_> = messages
        .iter()
        .filter(|message| message.name() == summary_id())
        .collect();
    assert_eq!(finals.len(), 2);
    assert_eq!(finals[0].raw, finals[1].raw);
    assert_eq!(finals[0].id(), finals[1].id());
    expect_all(&receiver, &all());
}

#[tokio::test]
async fn another_edition_of_a_crawl_is_another_delivery() {
    let receiver = Receiver::new([]);
    let sender = sender(&receiver, "table");
    sender.deliver(&all()).await.unwrap();
    let before = receiver.messages().len();
    let mut context = context();
    context.crawl.edition = "20260901T120000Z-4f2a.other".to_owned();
    let mut sink = sender.open_in(context).await.unwrap();
    for batch in &all() {
        sink.write(batch).await.unwrap();
    }
    sink.finish(&outcome(&all())).await.unwrap();
    let messages = receiver.messages();
    assert_eq!(messages.len(), 2 * before);
    let ids: BTreeSet<_> = messages.iter().map(receiver::Received::id).collect();
    assert_eq!(ids.len(), messages.len(), "rows may differ, so the ids do");
    assert_eq!(sender.keys().await.len(), 1, "the old edition is forgotten");
}

#[tokio::test]
async fn the_record_of_a_delivery_grows_with_scopes_and_not_with_messages() {
    let receiver = Receiver::new([]);
    let sender = Sender::to(&receiver).with("batch_rows", 1);
    let mut sink = sender.open().await.unwrap();
    let batches: Vec<_> = (1..=3)
        .map(|account| batch_of(account, "products", 0, 40))
        .collect();
    for batch in &batches {
        sink.write(batch).await.unwrap();
    }
    // All messages but those in flight have been recorded.
    sink.abort().await.unwrap();
    assert!(receiver.accepted().len() > 100);
    assert!(sender.keys().await.len() <= 4, "{:?}", sender.keys().await);
    sender.deliver(&batches).await.unwrap();
    expect_all(&receiver, &batches);
}
