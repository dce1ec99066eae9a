//! What must not happen in rare situations: after a claim was lost, a clock jumped, or people changed files.

use super::old::{OLD, OLDER, publish_old};
use super::*;

/// Opens a sink and writes all rows, so that only `finish` is left.
async fn written(place: &Arc<dyn Place>, load: &Load) -> Box<dyn Sink> {
    let opened = open_in(Arc::clone(place), target(Layout::Snapshots), load).await;
    let mut sink = opened.unwrap();
    for batch in load.batches() {
        sink.write(&batch).await.unwrap();
    }
    sink
}

async fn put(place: &Arc<dyn Place>, path: &str, value: &impl serde::Serialize) {
    place.delete(path).await.unwrap();
    let content = place::to_json(value).unwrap();
    place.put_new(path, content).await.unwrap();
}

/// The name of a crawl belongs to another one by the time it is published. It must not report the other's snapshot as
/// its own.
#[tokio::test]
async fn a_crawl_whose_name_was_taken_is_not_published() {
    for is_published in [false, true] {
        let root = tempfile::tempdir().unwrap();
        let place = local(root.path());
        let late = load("c1", FIRST);
        let sink = written(&place, &late).await;
        place.delete(&Layout::Snapshots.claim(FIRST)).await.unwrap();
        let other = written(&place, &load("c2", FIRST)).await;
        if is_published {
            other.finish(&late.outcome()).await.unwrap();
        }
        let error = sink.finish(&late.outcome()).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Rejected);
        let text = error.to_string();
        assert!(text.contains("now belongs to crawl `c2`"), "{text}");
        let seen = seen(place.as_ref(), Layout::Snapshots).await;
        assert_eq!(seen.as_deref(), is_published.then_some("c2"));
    }
}

#[tokio::test]
async fn a_crawl_whose_name_is_being_pruned_is_not_published() {
    let root = tempfile::tempdir().unwrap();
    let place = local(root.path());
    let late = load("c1", FIRST);
    let sink = written(&place, &late).await;
    let path = Layout::Snapshots.claim(FIRST);
    let claim = names::read_claim(place.as_ref(), Layout::Snapshots, FIRST).await;
    let (mut claim, _) = claim.unwrap().unwrap();
    claim.pruned = Some(Vec::new());
    put(&place, &path, &claim).await;
    let error = sink.finish(&late.outcome()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Rejected);
}

/// An older crawl does not become the latest, so it takes no rows away.
#[tokio::test]
async fn an_older_partial_crawl_is_published_behind_a_complete_one() {
    let root = tempfile::tempdir().unwrap();
    let place = local(root.path());
    publish(&place, Layout::Latest, &load("c2", SECOND)).await;
    let older = load("c1", FIRST).failing(&["account=2"]).replayed();
    let receipt = publish(&place, Layout::Latest, &older).await;
    assert_eq!(receipt.standing, Standing::Behind);
    assert_eq!(seen(place.as_ref(), Layout::Latest).await.unwrap(), "c2");
}

#[tokio::test]
async fn a_crawl_does_not_prune_itself() {
    let root = tempfile::tempdir().unwrap();
    let place = local(root.path());
    let keep = Some(Keep {
        last: Some(1),
        days: None,
    });
    let target = FileTarget {
        keep,
        ..target(Layout::Snapshots)
    };
    publish(&place, Layout::Snapshots, &load("c2", SECOND)).await;
    let older = load("c1", FIRST).replayed();
    deliver(Arc::clone(&place), target, &older).await.unwrap();
    let names = names::published(place.as_ref(), Layout::Snapshots).await;
    assert!(names.unwrap().iter().eq([FIRST, SECOND]));
}

/// Processes died before they moved the pointer, so readers still see older snapshots than the newest ones.
#[tokio::test]
async fn what_the_pointer_names_is_not_pruned() {
    let root = tempfile::tempdir().unwrap();
    let place = local(root.path());
    publish(&place, Layout::Snapshots, &load("c1", FIRST)).await;
    let partial = load("c2", SECOND).failing(&["account=2"]);
    publish(&place, Layout::Snapshots, &partial).await;
    let pointer = pointer::read(place.as_ref(), Layout::Snapshots).await;
    let pointer = pointer.unwrap().unwrap();
    for (id, name) in [("c3", THIRD), ("c4", "20260904T120000Z")] {
        publish(&place, Layout::Snapshots, &load(id, name)).await;
    }
    put(&place, "_fortilake/latest.json", &pointer).await;
    let keep = Keep {
        last: Some(1),
        days: None,
    };
    let reader = Reader::local(root.path());
    let pruned = reader.prune(Layout::Snapshots, keep).await.unwrap();
    assert_eq!(pruned, [THIRD]);
}

/// The first edition kept the manifests of both layouts in one folder.
#[tokio::test]
async fn files_in_the_root_keep_their_manifest_when_snapshots_are_pruned() {
    let root = tempfile::tempdir().unwrap();
    let place = local(root.path());
    publish_old(root.path(), &[Layout::Latest], "o1", OLDER, true);
    publish_old(root.path(), &[Layout::Snapshots], "o2", OLD, true);
    publish(&place, Layout::Snapshots, &load("c1", FIRST)).await;
    // Publishing in one layout converts nothing of the other.
    assert!(!root.path().join("_fortilake/versions").exists());
    let keep = Keep {
        last: Some(1),
        days: None,
    };
    let reader = Reader::local(root.path());
    reader.prune(Layout::Snapshots, keep).await.unwrap();
    let manifest = Layout::Snapshots.manifest(OLDER);
    assert!(place.get(&manifest).await.unwrap().is_some());
    let removed = Layout::Snapshots.manifest(OLD);
    assert!(place.get(&removed).await.unwrap().is_none());
}

/// A damaged or forged claim lists folders that do not belong to its snapshot.
#[tokio::test]
async fn a_claim_cannot_delete_the_files_of_another_snapshot() {
    let root = tempfile::tempdir().unwrap();
    let place = local(root.path());
    publish(&place, Layout::Snapshots, &load("c1", FIRST)).await;
    let folders = [&format!("apples/snapshot={FIRST}"), "apples", "_fortilake"];
    let claim = Claim {
        snapshot: SECOND.to_owned(),
        crawl_id: "c2".to_owned(),
        format: "txt".to_owned(),
        selection: Selection::default(),
        pruned: Some(folders.map(str::to_owned).to_vec()),
    };
    put(&place, &Layout::Snapshots.claim(SECOND), &claim).await;
    let store = MemoryStore::default();
    let target = target(Layout::Snapshots);
    open::recover(place.as_ref(), &target, &store)
        .await
        .unwrap();
    assert_eq!(seen(place.as_ref(), Layout::Snapshots).await.unwrap(), "c1");
    let claims = names::claimed(place.as_ref(), Layout::Snapshots).await;
    assert!(claims.unwrap().iter().eq([FIRST]));
}

/// A folder whose pointer is a file moves to a file system with links. An older crawl is published there first.
#[cfg(unix)]
#[tokio::test]
async fn an_older_crawl_does_not_replace_a_pointer_that_is_a_file() {
    let root = tempfile::tempdir().unwrap();
    let linkless: Arc<dyn Place> = Arc::new(LocalPlace::without_links(root.path()));
    let newer = load("c2", SECOND);
    publish(&linkless, Layout::Latest, &newer).await;
    let place = local(root.path());
    let older = load("c1", FIRST).replayed();
    let receipt = publish(&place, Layout::Latest, &older).await;
    assert_eq!(receipt.standing, Standing::Behind);
    assert_eq!(seen(place.as_ref(), Layout::Latest).await.unwrap(), "c2");
    // The newest crawl replaces it by a link to the same version.
    publish(&place, Layout::Latest, &newer.replayed()).await;
    assert!(root.path().join("_fortilake/current").is_symlink());
    assert!(!root.path().join("_fortilake/current.json").exists());
    assert_eq!(seen(place.as_ref(), Layout::Latest).await.unwrap(), "c2");
}
