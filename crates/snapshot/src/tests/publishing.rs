//! Published files, snapshot names and pointers.

use super::*;

#[tokio::test]
async fn every_snapshot_is_kept_in_folders_of_its_own() {
    let root = tempfile::tempdir().unwrap();
    let place = local(root.path());
    for (crawl, name) in [("c1", FIRST), ("c2", SECOND)] {
        let receipt = publish(&place, Layout::Snapshots, &load(crawl, name)).await;
        assert_eq!(receipt.location, root.path().display().to_string());
        assert_eq!((receipt.rows, receipt.files, receipt.bytes), (4, 2, 12));
        assert_eq!(receipt.snapshot.as_deref(), Some(name));
        assert_eq!(receipt.standing, Standing::Latest);
    }
    let manifest = names::read_manifest(place.as_ref(), Layout::Snapshots, FIRST).await;
    let manifest = manifest.unwrap().unwrap();
    let path = format!("apples/snapshot={FIRST}/part-{}.txt", manifest.token);
    assert_eq!(manifest.tables[0].files[0].path, path);
    assert_eq!(
        manifest.tables[0].columns[0].description.as_deref(),
        Some("The name.")
    );
    let columns = manifest.tables[0].columns.iter();
    let kinds: Vec<_> = columns.map(|column| column.kind.as_str()).collect();
    assert_eq!(kinds, ["string", "int64"]);
    assert_eq!(manifest.notes["txt"]["ends_with"], "newline");
    assert_eq!(manifest.outcome.tables[0].rows, 3);
    assert_eq!(manifest.outcome.finished_at, "2026-09-01T12:00:00Z");
    check_clean(place.as_ref(), Layout::Snapshots).await;
}

#[cfg(unix)]
#[tokio::test]
async fn the_newest_snapshot_is_behind_links_in_the_root() {
    let root = tempfile::tempdir().unwrap();
    let place = local(root.path());
    for (crawl, name) in [("c1", FIRST), ("c2", SECOND), ("c3", THIRD)] {
        publish(&place, Layout::Latest, &load(crawl, name)).await;
        let apples = fs::read_to_string(root.path().join("apples.txt")).unwrap();
        assert_eq!(apples, format!("{crawl}\n").repeat(3));
    }
    let link = fs::read_link(root.path().join("pears.txt")).unwrap();
    assert_eq!(link, Path::new("_fortilake/current/pears.txt"));
    let current = fs::read_link(root.path().join("_fortilake/current")).unwrap();
    assert!(
        current
            .to_str()
            .unwrap()
            .starts_with(&format!("versions/{THIRD}-"))
    );
    // Two versions are kept.
    let kept = names::published(place.as_ref(), Layout::Latest)
        .await
        .unwrap();
    assert!(kept.iter().eq([SECOND, THIRD]));
    assert!(
        names::claimed(place.as_ref(), Layout::Latest)
            .await
            .unwrap()
            .iter()
            .eq([SECOND, THIRD])
    );
    check_clean(place.as_ref(), Layout::Latest).await;
}

#[tokio::test]
async fn without_links_the_root_has_copies_and_a_pointer_file() {
    let root = tempfile::tempdir().unwrap();
    let place: Arc<dyn Place> = Arc::new(LocalPlace::without_links(root.path()));
    for (crawl, name) in [("c1", FIRST), ("c2", SECOND)] {
        publish(&place, Layout::Latest, &load(crawl, name)).await;
        let apples = root.path().join("apples.txt");
        assert!(!apples.is_symlink());
        assert_eq!(
            fs::read_to_string(apples).unwrap(),
            format!("{crawl}\n").repeat(3)
        );
    }
    let current = fs::read(root.path().join("_fortilake/current.json")).unwrap();
    let current: Latest = serde_json::from_slice(&current).unwrap();
    assert_eq!(current.snapshot, SECOND);
    assert!(
        root.path()
            .join(current.folder.unwrap())
            .join("apples.txt")
            .exists()
    );

    // The folder moves to a file system that has links.
    let place = local(root.path());
    assert_eq!(newest(place.as_ref(), Layout::Latest).await, SECOND);
    publish(&place, Layout::Latest, &load("c3", THIRD)).await;
    assert_eq!(seen(place.as_ref(), Layout::Latest).await.unwrap(), "c3");
    if cfg!(unix) {
        assert!(root.path().join("apples.txt").is_symlink());
        assert!(!root.path().join("_fortilake/current.json").exists());
    }
}

#[tokio::test]
async fn tables_that_are_gone_leave_the_root_and_new_ones_appear() {
    for place in [local as fn(&Path) -> Arc<dyn Place>, linkless] {
        let root = tempfile::tempdir().unwrap();
        let place = place(root.path());
        publish(&place, Layout::Latest, &load("c1", FIRST)).await;
        let second = load("c2", SECOND).with_tables(&["apples", "plums"]);
        publish(&place, Layout::Latest, &second).await;
        let is_there = |name: &str| root.path().join(name).symlink_metadata().is_ok();
        assert!(is_there("apples.txt") && is_there("plums.txt") && !is_there("pears.txt"));
        assert_eq!(
            fs::read_to_string(root.path().join("plums.txt")).unwrap(),
            "c2\n"
        );
    }
}

fn linkless(root: &Path) -> Arc<dyn Place> {
    Arc::new(LocalPlace::without_links(root))
}

#[tokio::test]
async fn a_replay_of_a_published_crawl_writes_nothing_and_repairs_the_pointer() {
    for layout in Layout::ALL {
        let root = tempfile::tempdir().unwrap();
        let place = local(root.path());
        let crawl = load("c1", FIRST);
        let first = publish(&place, layout, &crawl).await;
        let before = tree(place.as_ref()).await;
        for pointer in ["_fortilake/latest.json", "_fortilake/current", "apples.txt"] {
            place.delete(pointer).await.unwrap();
        }
        let again = publish(&place, layout, &crawl.clone().replayed()).await;
        assert_eq!(again, first);
        assert_eq!(tree(place.as_ref()).await, before);
        assert_eq!(seen(place.as_ref(), layout).await.unwrap(), "c1");
        assert_eq!(
            root.path().join("apples.txt").exists(),
            layout == Layout::Latest
        );
        // Its batches are ignored, even one that cannot be written.
        let replayed = crawl.clone().replayed();
        let sink = open_in(Arc::clone(&place), target(layout), &replayed).await;
        let mut sink = sink.unwrap();
        sink.write(&failing_batch(&crawl)).await.unwrap();
        assert_eq!(sink.finish(&crawl.outcome()).await.unwrap(), first);
    }
}

#[tokio::test]
async fn files_that_the_root_lacks_are_back_after_a_recovery() {
    for place in [local as fn(&Path) -> Arc<dyn Place>, linkless] {
        let root = tempfile::tempdir().unwrap();
        let place = place(root.path());
        publish(&place, Layout::Latest, &load("c1", FIRST)).await;
        let apples = root.path().join("apples.txt");
        fs::remove_file(&apples).unwrap();
        let (target, store) = (target(Layout::Latest), MemoryStore::default());
        open::recover(place.as_ref(), &target, &store)
            .await
            .unwrap();
        assert_eq!(fs::read_to_string(apples).unwrap(), "c1\n".repeat(3));
    }
}

#[test]
fn types_have_the_names_of_the_python_library() {
    use fortilake_sink::TimeUnit::{Microsecond, Millisecond, Nanosecond, Second};

    let utc = |unit| DataType::Timestamp(unit, Some("UTC".into()));
    for (data_type, wanted) in [
        (DataType::Utf8, "string"),
        (DataType::Int64, "int64"),
        (DataType::Float64, "double"),
        (DataType::Boolean, "bool"),
        (DataType::Timestamp(Second, None), "timestamp[s]"),
        (DataType::Timestamp(Nanosecond, None), "timestamp[ns]"),
        (utc(Millisecond), "timestamp[ms, tz=UTC]"),
        (utc(Microsecond), "timestamp[us, tz=UTC]"),
    ] {
        let column = PublishedColumn::new(&Field::new("x", data_type, true));
        assert_eq!(column.kind, wanted);
    }
}

#[tokio::test]
async fn an_older_crawl_that_is_published_late_stays_behind() {
    for layout in Layout::ALL {
        let root = tempfile::tempdir().unwrap();
        let place = local(root.path());
        publish(&place, layout, &load("c2", SECOND)).await;
        let receipt = publish(&place, layout, &load("c1", FIRST).replayed()).await;
        assert_eq!(receipt.standing, Standing::Behind);
        assert_eq!(receipt.snapshot.as_deref(), Some(FIRST));
        assert_eq!(seen(place.as_ref(), layout).await.unwrap(), "c2");
        if layout == Layout::Latest {
            assert_eq!(
                fs::read_to_string(root.path().join("pears.txt")).unwrap(),
                "c2\n"
            );
        }
        check_clean(place.as_ref(), layout).await;
    }
}

#[tokio::test]
async fn a_crawl_that_is_reading_is_newer_than_all_that_is_there() {
    let root = tempfile::tempdir().unwrap();
    let place = local(root.path());
    // The clock was ten years ahead during one crawl.
    publish(&place, Layout::Snapshots, &load("c1", "20360901T120000Z")).await;
    let receipt = publish(&place, Layout::Snapshots, &load("c2", SECOND)).await;
    assert_eq!(receipt.snapshot.as_deref(), Some("20360901T120001Z"));
    assert_eq!(seen(place.as_ref(), Layout::Snapshots).await.unwrap(), "c2");
    // A replay finds the crawl's claimed name, although it would not choose that name now.
    let again = publish(&place, Layout::Snapshots, &load("c2", SECOND).replayed()).await;
    assert_eq!(again, receipt);
}

#[tokio::test]
async fn a_crawl_keeps_its_name_when_it_pauses() {
    for layout in Layout::ALL {
        let root = tempfile::tempdir().unwrap();
        let place = local(root.path());
        let crawl = load("c1", FIRST);
        let sink = open_in(local(root.path()), target(layout), &crawl)
            .await
            .unwrap();
        sink.abort().await.unwrap();
        assert_eq!(seen(place.as_ref(), layout).await, None);
        assert!(place.list("_fortilake/staging").await.unwrap().is_empty());
        let claim = Claim {
            snapshot: FIRST.to_owned(),
            crawl_id: "c1".to_owned(),
            format: "txt".to_owned(),
            selection: Selection::default(),
            pruned: None,
        };
        let reader = Reader::local(root.path());
        assert_eq!(reader.unpublished(layout).await.unwrap(), [claim]);
        let other = publish(&place, layout, &load("c2", FIRST)).await;
        assert_ne!(other.snapshot.as_deref(), Some(FIRST));
        let receipt = publish(&place, layout, &crawl).await;
        assert_eq!(receipt.snapshot.as_deref(), Some(FIRST));
    }
}

#[tokio::test]
async fn the_pointer_names_the_newest_and_the_newest_complete() {
    let root = tempfile::tempdir().unwrap();
    let place = local(root.path());
    let partial = load("c1", FIRST).failing(&["account=2"]);
    publish(&place, Layout::Snapshots, &partial).await;
    let latest = || async {
        pointer::read(place.as_ref(), Layout::Snapshots)
            .await
            .unwrap()
            .unwrap()
    };
    assert_eq!(latest().await.latest_complete, None);
    publish(&place, Layout::Snapshots, &load("c2", SECOND)).await;
    publish(
        &place,
        Layout::Snapshots,
        &load("c3", THIRD).failing(&["account=2"]),
    )
    .await;
    let now = latest().await;
    assert_eq!((now.snapshot.as_str(), now.complete), (THIRD, false));
    assert_eq!(now.latest_complete.unwrap().snapshot, SECOND);
    // An older complete snapshot moves neither name.
    let receipt = publish(
        &place,
        Layout::Snapshots,
        &load("c0", "20260801T000000Z").replayed(),
    )
    .await;
    assert_eq!(receipt.standing, Standing::Behind);
    assert_eq!(latest().await.latest_complete.unwrap().snapshot, SECOND);
}

#[tokio::test]
async fn a_recovery_goes_back_to_the_newest_complete_snapshot() {
    let place: Arc<dyn Place> = Arc::new(MemoryPlace::default());
    publish(&place, Layout::Snapshots, &load("c1", FIRST)).await;
    let partial = load("c2", SECOND).failing(&["account=2"]);
    publish(&place, Layout::Snapshots, &partial).await;
    place.delete("_fortilake/latest.json").await.unwrap();
    let repaired = commit::repair(place.as_ref(), Layout::Snapshots).await;
    repaired.unwrap();
    let latest = pointer::read(place.as_ref(), Layout::Snapshots).await;
    let latest = latest.unwrap().unwrap();
    assert_eq!(latest.snapshot, SECOND);
    assert_eq!(latest.latest_complete.unwrap().snapshot, FIRST);
}

/// A batch that the encoder of the tests cannot write.
fn failing_batch(crawl: &Load) -> Batch {
    let mut batch = crawl.batches().remove(0);
    let names = Arc::new(StringArray::from(vec!["fail"]));
    let sizes = Arc::new(Int64Array::from(vec![1]));
    batch.records = RecordBatch::try_new(batch.records.schema(), vec![names, sizes]).unwrap();
    batch
}

#[tokio::test]
async fn a_failing_encoder_leaves_nothing_but_the_claim() {
    let root = tempfile::tempdir().unwrap();
    let crawl = load("c1", FIRST);
    let mut sink = open_in(local(root.path()), target(Layout::Snapshots), &crawl)
        .await
        .unwrap();
    let batch = failing_batch(&crawl);
    // Batches are encoded in the background, so the error comes with the next call for the table.
    sink.write(&batch).await.unwrap();
    let mut next = batch.clone();
    next.piece += 1;
    assert_eq!(sink.write(&next).await.unwrap_err().kind(), Kind::Full);
    sink.abort().await.unwrap();
    check_clean(local(root.path()).as_ref(), Layout::Snapshots).await;
}

#[tokio::test]
async fn an_encoder_that_fails_in_the_last_batch_fails_the_publication() {
    let root = tempfile::tempdir().unwrap();
    let crawl = load("c1", FIRST);
    let mut sink = open_in(local(root.path()), target(Layout::Snapshots), &crawl)
        .await
        .unwrap();
    let batch = failing_batch(&crawl);
    sink.write(&batch).await.unwrap();
    let error = sink.finish(&Outcome::default()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Full);
    check_clean(local(root.path()).as_ref(), Layout::Snapshots).await;
}

#[tokio::test]
async fn a_crawl_without_tables_is_a_snapshot_too() {
    for layout in Layout::ALL {
        let root = tempfile::tempdir().unwrap();
        let place = local(root.path());
        publish(&place, layout, &load("c1", FIRST)).await;
        let empty = load("c2", SECOND).with_tables(&[]);
        let sink = open_in(Arc::clone(&place), target(layout), &empty)
            .await
            .unwrap();
        let receipt = sink.finish(&Outcome::default()).await.unwrap();
        assert_eq!((receipt.files, receipt.standing), (0, Standing::Latest));
        let again = publish(&place, layout, &load("c3", THIRD)).await;
        assert_eq!(again.standing, Standing::Latest);
        check_files_of_newest(place.as_ref(), layout).await;
    }
}

async fn check_files_of_newest(place: &dyn Place, layout: Layout) {
    let name = newest(place, layout).await;
    let manifest = names::read_manifest(place, layout, &name)
        .await
        .unwrap()
        .unwrap();
    check_files(place, layout, &manifest).await;
}

#[tokio::test]
async fn a_manifest_of_a_newer_version_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let place = local(root.path());
    publish(&place, Layout::Snapshots, &load("c1", FIRST)).await;
    let path = root.path().join(Layout::Snapshots.manifest(FIRST));
    let mut manifest: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    manifest["format_version"] = json!(3);
    fs::write(&path, manifest.to_string()).unwrap();
    let reader = Reader::local(root.path());
    let error = reader
        .resolve(Layout::Snapshots, &Which::Latest)
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("was written by a newer version of fortilake"),
        "{error}"
    );
}
