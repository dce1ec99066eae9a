//! What is there after a sink has ended, and what is not there before.

use super::*;

#[tokio::test]
async fn nothing_is_seen_before_the_end_and_everything_after() {
    let out = tempfile::tempdir().unwrap();
    let context = context(FIRST, "c1");
    let mut sink = open_lines(out.path(), "txt", Layout::Snapshots, context)
        .await
        .unwrap();
    sink.write(&batch("apples", &["boskoop"])).await.unwrap();
    sink.write(&batch("apples", &["elstar"])).await.unwrap();
    assert_eq!(visible(out.path()), Vec::<String>::new());

    let receipt = sink.finish(&outcome()).await.unwrap();
    assert_eq!((receipt.rows, receipt.files, receipt.bytes), (2, 2, 15));
    assert_eq!(receipt.location, out.path().display().to_string());
    let tree = tree(out.path());
    assert_eq!(
        tree.keys().collect::<Vec<_>>(),
        [
            "_fortilake/latest.json",
            "_fortilake/snapshots/20260901T120000Z.json",
            "apples/snapshot=20260901T120000Z/part-00000.txt",
            "pears/snapshot=20260901T120000Z/part-00000.txt",
        ]
    );
    assert_eq!(
        tree["apples/snapshot=20260901T120000Z/part-00000.txt"],
        "boskoop\nelstar\n"
    );
    assert_eq!(tree["pears/snapshot=20260901T120000Z/part-00000.txt"], "");
    assert_eq!(staged(out.path()), 0);
}

#[tokio::test]
async fn the_manifest_describes_the_snapshot() {
    let out = tempfile::tempdir().unwrap();
    publish(out.path(), "txt", Layout::Latest, context(FIRST, "c1")).await;

    let tree = tree(out.path());
    let manifest: Value =
        serde_json::from_str(&tree["_fortilake/snapshots/20260901T120000Z.json"]).unwrap();
    let columns = json!([
        {"name": "name", "type": "string", "nullable": false, "description": "The name."},
        {"name": "size", "type": "int64", "nullable": true},
    ]);
    assert_eq!(
        manifest,
        json!({
            "format_version": 1,
            "schema_version": 1,
            "snapshot": FIRST,
            "crawl": {"id": "c1", "started_at": "2026-09-01T12:00:00Z", "generator": "fortilake 0.1.0"},
            "outcome": {
                "complete": true,
                "scopes": {"complete": 3, "failed": 0},
                "failed": [],
                "tables": [],
                "finished_at": "2026-09-01T12:10:00Z",
            },
            "notes": {"txt": {"ends_with": "newline"}},
            "tables": [
                {
                    "name": "apples", "summary": "One of the apples.", "rows": 2, "key": ["name"], "columns": columns,
                    "files": [{
                        "path": "apples.txt", "format": "txt", "layout": "latest", "rows": 2, "bytes": 15,
                        "sha256": "8fdd7a5fa4d0fe82a414f31b6831a1aa11a326df2634659adcb6750a63982cfd",
                    }],
                },
                {
                    "name": "pears", "summary": "One of the pears.", "rows": 0, "key": ["name"], "columns": columns,
                    "files": [{
                        "path": "pears.txt", "format": "txt", "layout": "latest", "rows": 0, "bytes": 0,
                        "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                    }],
                },
            ],
        })
    );
    let latest: Value = serde_json::from_str(&tree["_fortilake/latest.json"]).unwrap();
    assert_eq!(
        latest,
        json!({
            "format_version": 1,
            "snapshot": FIRST,
            "manifest": "_fortilake/snapshots/20260901T120000Z.json",
            "crawl_id": "c1",
            "complete": true,
        })
    );
}

#[tokio::test]
async fn the_next_snapshot_stands_beside_the_old_or_replaces_it() {
    for (layout, files) in [(Layout::Snapshots, 4), (Layout::Latest, 2)] {
        let out = tempfile::tempdir().unwrap();
        publish(out.path(), "txt", layout, context(FIRST, "c1")).await;
        publish(out.path(), "txt", layout, context(SECOND, "c2")).await;
        assert_eq!(visible(out.path()).len(), files, "{layout:?}");
        assert_eq!(latest(out.path()).snapshot, SECOND);
        assert_eq!(manifest(out.path(), FIRST).crawl.id, "c1");
        assert_eq!(manifest(out.path(), SECOND).crawl.id, "c2");
    }
}

#[tokio::test]
async fn two_sinks_share_a_manifest_whichever_is_first() {
    let texts = [["txt", "doc"], ["doc", "txt"]].map(async |formats| {
        let out = tempfile::tempdir().unwrap();
        for format in formats {
            publish(out.path(), format, Layout::Latest, context(FIRST, "c1")).await;
        }
        tree(out.path())
    });
    let [one, two] = texts;
    let (one, two) = (one.await, two.await);
    assert_eq!(one, two);

    let text = &one["_fortilake/snapshots/20260901T120000Z.json"];
    let manifest: Manifest = serde_json::from_str(text).unwrap();
    let files = manifest.tables.iter().flat_map(|table| &table.files);
    let paths: Vec<_> = files.map(|file| file.path.as_str()).collect();
    assert_eq!(
        paths,
        ["apples.doc", "apples.txt", "pears.doc", "pears.txt"]
    );
    assert_eq!(manifest.notes.keys().collect::<Vec<_>>(), ["doc", "txt"]);
}

#[tokio::test]
async fn sinks_that_publish_at_the_same_time_lose_nothing() {
    let out = tempfile::tempdir().unwrap();
    let publish = |format| publish(out.path(), format, Layout::Snapshots, context(FIRST, "c1"));
    tokio::join!(publish("a"), publish("b"), publish("c"), publish("d"));
    assert_eq!(manifest(out.path(), FIRST).tables[0].files.len(), 4);
    assert_eq!(visible(out.path()).len(), 8);
}

#[tokio::test]
async fn publishing_again_changes_nothing() {
    let out = tempfile::tempdir().unwrap();
    publish(out.path(), "txt", Layout::Snapshots, context(FIRST, "c1")).await;
    let before = tree(out.path());
    publish(out.path(), "txt", Layout::Snapshots, context(FIRST, "c1")).await;
    assert_eq!(tree(out.path()), before);
}

#[tokio::test]
async fn an_aborted_or_dropped_sink_leaves_nothing() {
    let out = tempfile::tempdir().unwrap();
    for abort in [true, false] {
        let context = context(FIRST, "c1");
        let mut sink = open_lines(out.path(), "txt", Layout::Latest, context)
            .await
            .unwrap();
        sink.write(&batch("apples", &["boskoop"])).await.unwrap();
        assert_eq!(staged(out.path()), 1);
        if abort {
            sink.abort().await.unwrap();
        } else {
            drop(sink);
        }
        assert_eq!(tree(out.path()), BTreeMap::new());
        assert_eq!(staged(out.path()), 0);
    }
}
