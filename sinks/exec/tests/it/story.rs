//! Crawls that pause, die, fail or are replayed between their first and their last table.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fortilake_sink::{Batch, Context, MemoryStore, Phase, Result, ScopeId, Standing, Store};
use serde_json::json;
use tokio::sync::Notify;

use crate::{Place, context, finish, outcome, plain, rows};

/// Stores each table, and logs the tables in the order of arrival.
const KEEP: &str = r#"echo "$FORTILAKE_TABLE $FORTILAKE_ROWS" >> "$OUT/taken"
    cat > "$OUT/$FORTILAKE_TABLE.$FORTILAKE_CRAWL_ID""#;

/// Logs each table without storing it. Table `b` fails while there is a file `down`.
const FAILS: &str = r#"if [ "$FORTILAKE_TABLE" = b ] && [ -e "$OUT/down" ]; then exit 75; fi
    echo "$FORTILAKE_TABLE $FORTILAKE_ROWS" >> "$OUT/taken"; cat > /dev/null"#;

fn of_account(account: u32, batch: Batch) -> Batch {
    Batch {
        scope: Arc::new(ScopeId {
            subject: format!("account={account}"),
            ..ScopeId::clone(&batch.scope)
        }),
        ..batch
    }
}

fn three() -> Context {
    context(vec![plain("a"), plain("b"), plain("c")])
}

fn batches() -> Vec<Batch> {
    ["a", "b", "c"].map(|name| rows(&plain(name), 3)).into()
}

fn stored(store: &Arc<MemoryStore>) -> Context {
    three().with_store(Arc::<MemoryStore>::clone(store))
}

#[tokio::test]
async fn a_paused_crawl_starts_no_program_and_a_resumed_one_delivers_every_table_once() {
    let (place, store) = (Place::new(), Arc::default());
    let ndjson = || json!({ "format": "ndjson" });
    let (first, second) = (rows(&plain("a"), 2), of_account(2, rows(&plain("a"), 3)));
    // Account 2 fails, and the crawl pauses.
    let mut sink = place.open(KEEP, ndjson(), stored(&store)).await.unwrap();
    sink.write(&first).await.unwrap();
    sink.abort().await.unwrap();
    assert_eq!(place.read("taken"), "");

    // The resumed crawl has account 2, too.
    let mut sink = place.open(KEEP, ndjson(), stored(&store)).await.unwrap();
    sink.write(&first).await.unwrap();
    sink.write(&second).await.unwrap();
    let mut whole = outcome(std::slice::from_ref(&first));
    whole
        .scopes
        .extend(outcome(std::slice::from_ref(&second)).scopes);
    whole.scopes[1].scope = Arc::clone(&second.scope);
    whole.tables.insert("a".to_owned(), 5);
    let receipt = sink.finish(&whole).await.unwrap();
    assert_eq!((receipt.rows, receipt.files), (5, 3));
    assert_eq!(place.read("taken"), "a 5\nb 0\nc 0\n");
    assert_eq!(place.read("a.c1").lines().count(), 5);
}

#[tokio::test]
async fn tables_that_were_taken_are_not_delivered_again() {
    let (place, store) = (Place::new(), Arc::default());
    std::fs::write(place.path().join("down"), "").unwrap();
    let sink = place.open(FAILS, json!({}), stored(&store)).await.unwrap();
    let error = finish(sink, &batches()).await.unwrap_err();
    assert!(error.is_transient());
    assert_eq!(place.read("taken"), "a 3\n");

    std::fs::remove_file(place.path().join("down")).unwrap();
    let sink = place.open(FAILS, json!({}), stored(&store)).await.unwrap();
    let receipt = finish(sink, &batches()).await.unwrap();
    assert_eq!((receipt.rows, receipt.files), (9, 2));
    assert_eq!(place.read("taken"), "a 3\nb 3\nc 3\n");

    // If a process dies right after the last table, the whole crawl is delivered again.
    let sink = place.open(FAILS, json!({}), stored(&store)).await.unwrap();
    let receipt = finish(sink, &batches()).await.unwrap();
    assert_eq!((receipt.rows, receipt.files, receipt.bytes), (9, 0, 0));
    assert_eq!(place.read("taken"), "a 3\nb 3\nc 3\n");

    let resend = json!({ "resend": true });
    let sink = place.open(FAILS, resend, stored(&store)).await.unwrap();
    assert_eq!(finish(sink, &batches()).await.unwrap().files, 3);
}

#[tokio::test]
async fn another_program_gets_all_tables() {
    let (place, store) = (Place::new(), Arc::default());
    for script in [KEEP, FAILS] {
        let sink = place.open(script, json!({}), stored(&store)).await.unwrap();
        assert_eq!(finish(sink, &batches()).await.unwrap().files, 3);
    }
}

#[tokio::test]
async fn a_replay_of_an_older_crawl_is_behind() {
    let (place, store) = (Place::new(), Arc::default());
    let sink = place.open(KEEP, json!({}), stored(&store)).await.unwrap();
    let receipt = finish(sink, &batches()).await.unwrap();
    assert_eq!(
        (receipt.standing, receipt.snapshot),
        (Standing::Latest, None)
    );

    let mut old = stored(&store);
    old.crawl.id = "c0".to_owned();
    old.crawl.edition = "c0.1".to_owned();
    old.crawl.name = "20260831T120000Z".to_owned();
    old.crawl.phase = Phase::Ended;
    let sink = place.open(KEEP, json!({}), old).await.unwrap();
    let receipt = finish(sink, &batches()).await.unwrap();
    assert_eq!(receipt.standing, Standing::Behind);
    assert_eq!(receipt.files, 3);
}

/// A store that lets its process "die" after a number of writes: the next write never returns.
#[derive(Debug)]
struct Dying {
    inner: Arc<MemoryStore>,
    left: AtomicUsize,
    died: Notify,
}

#[async_trait::async_trait]
impl Store for Dying {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>> {
        self.inner.get(key).await
    }

    async fn put(&self, key: &str, value: &[u8]) -> Result<()> {
        let left = self.left.load(Ordering::SeqCst);
        if left == 0 {
            self.died.notify_one();
            return pending().await;
        }
        self.left.store(left - 1, Ordering::SeqCst);
        self.inner.put(key, value).await
    }

    async fn delete(&self, key: &str) -> Result<()> {
        self.inner.delete(key).await
    }

    async fn keys(&self, prefix: &str) -> Result<Vec<String>> {
        self.inner.keys(prefix).await
    }
}

#[tokio::test]
async fn wherever_the_process_dies_every_table_is_delivered_and_at_most_one_twice() {
    for deaths in 0..=3 {
        let (place, store) = (Place::new(), Arc::<MemoryStore>::default());
        let dying = Arc::new(Dying {
            inner: Arc::clone(&store),
            left: AtomicUsize::new(deaths),
            died: Notify::new(),
        });
        let context = three().with_store(Arc::<Dying>::clone(&dying));
        let sink = place.open(KEEP, json!({}), context).await.unwrap();
        let batches = batches();
        tokio::select! {
            result = finish(sink, &batches) => assert!(result.is_ok() && deaths == 3),
            () = dying.died.notified() => {}
        }
        let sink = place.open(KEEP, json!({}), stored(&store)).await.unwrap();
        finish(sink, &batches).await.unwrap();
        let taken = place.read("taken");
        let again = [
            "a 3\na 3\nb 3\nc 3\n",
            "a 3\nb 3\nb 3\nc 3\n",
            "a 3\nb 3\nc 3\nc 3\n",
        ];
        let wanted = again.get(deaths).copied().unwrap_or("a 3\nb 3\nc 3\n");
        assert_eq!(taken, wanted);
        for name in ["a", "b", "c"] {
            assert!(place.path().join(format!("{name}.c1")).exists());
        }
    }
}
