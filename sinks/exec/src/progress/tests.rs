//! Tests of what is recorded, and when it is deleted.

use fortilake_sink::{MemoryStore, Selection};

use super::*;

fn progress(store: &Arc<MemoryStore>, program: &str, name: &str, phase: Phase) -> Progress {
    let crawl = Crawl {
        id: name.to_owned(),
        edition: format!("{name}.1"),
        name: name.to_owned(),
        phase,
        selection: Selection::default(),
        started_at: String::new(),
        generator: String::new(),
    };
    Progress::new(Arc::<MemoryStore>::clone(store), program, crawl)
}

#[tokio::test]
async fn a_table_is_recorded_for_its_program_and_edition() {
    let store = Arc::default();
    let first = progress(&store, "p", "a", Phase::Reading);
    first.taken("products").await.unwrap();
    assert!(first.has("products").await.unwrap());
    assert!(!first.has("accounts").await.unwrap());
    let others = [
        progress(&store, "q", "a", Phase::Reading),
        progress(&store, "p", "b", Phase::Reading),
    ];
    for other in others {
        assert!(!other.has("products").await.unwrap());
    }
    first.forget().await.unwrap();
    assert!(!first.has("products").await.unwrap());
}

#[tokio::test]
async fn a_replay_of_an_old_crawl_is_behind_and_supersedes_only_older_ones() {
    let store = Arc::default();
    for name in ["a", "c"] {
        let progress = progress(&store, "p", name, Phase::Reading);
        progress.taken("t").await.unwrap();
    }
    let replay = progress(&store, "p", "b", Phase::Ended);
    replay.taken("t").await.unwrap();
    assert_eq!(replay.standing().await.unwrap(), Standing::Behind);
    replay.forget_superseded().await.unwrap();
    let keys = store.keys("").await.unwrap();
    assert_eq!(keys, ["taken/p/b.1/t", "taken/p/c.1/t"]);

    // A crawl that was just read is the newest, even if a slow clock gave it a smaller name.
    let newest = progress(&store, "p", "0", Phase::Reading);
    newest.taken("t").await.unwrap();
    assert_eq!(newest.standing().await.unwrap(), Standing::Latest);
    newest.forget_superseded().await.unwrap();
    assert_eq!(store.keys("").await.unwrap(), ["taken/p/0.1/t"]);
}
