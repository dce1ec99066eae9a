//! Places that the first edition published into.

use sha2::{Digest as _, Sha256};

use super::*;

/// The manifest of a snapshot of the first edition with these files, as (table, path, layout).
pub(super) fn old_manifest(
    root: &Path,
    crawl: &str,
    name: &str,
    complete: bool,
    files: &[(&str, String, Layout)],
) -> Value {
    let mut tables = Map::new();
    for (table, path, layout) in files {
        let content = fs::read(root.join(path)).unwrap_or_default();
        let file = json!({
            "path": path,
            "format": "txt",
            "layout": layout,
            "rows": content.split(|byte| *byte == b'\n').count() - 1,
            "bytes": content.len(),
            "sha256": format!("{:x}", Sha256::digest(&content)),
        });
        let rows = file["rows"].clone();
        let column = json!({ "name": "name", "type": "string", "nullable": false });
        let entry = tables.entry(*table).or_insert_with(|| {
            json!({ "name": table, "summary": "", "rows": rows, "key": ["name"], "columns": [column], "files": [] })
        });
        entry["files"].as_array_mut().unwrap().push(file);
    }
    let failed = json!({
        "source": "acme", "endpoint": "products/list", "account_id": 2, "ou_id": null, "error": "HTTP 500",
    });
    let failed = if complete { vec![] } else { vec![failed] };
    json!({
        "format_version": 1,
        "schema_version": 1,
        "snapshot": name,
        "crawl": { "id": crawl, "started_at": "2026-08-01T00:00:00Z", "generator": "fortilake 0.1.0" },
        "outcome": {
            "complete": complete,
            "scopes": { "complete": 3, "failed": failed.len() },
            "failed": failed,
            "tables": [{ "table": "apples", "rows": 1 }],
            "finished_at": "2026-08-01T00:10:00Z",
        },
        "notes": { "txt": { "ends_with": "newline" } },
        "tables": tables.into_iter().map(|(_, table)| table).collect::<Vec<_>>(),
    })
}

pub(super) fn write(path: &Path, content: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

pub(super) fn old_path(layout: Layout, table: &str, name: &str) -> String {
    match layout {
        Layout::Snapshots => format!("{table}/snapshot={name}/part-00000.txt"),
        Layout::Latest => format!("{table}.txt"),
    }
}

/// Publishes a crawl in the way of the first edition.
pub(super) fn publish_old(
    root: &Path,
    layouts: &[Layout],
    crawl: &str,
    name: &str,
    complete: bool,
) {
    let mut files = Vec::new();
    for layout in layouts {
        for table in ["apples", "pears"] {
            let path = old_path(*layout, table, name);
            write(&root.join(&path), format!("{crawl}\n"));
            files.push((table, path, *layout));
        }
    }
    let manifest = old_manifest(root, crawl, name, complete, &files);
    let path = format!("_fortilake/snapshots/{name}.json");
    write(&root.join(&path), manifest.to_string());
    let latest = json!({
        "format_version": 1, "snapshot": name, "manifest": path, "crawl_id": crawl, "complete": complete,
    });
    write(&root.join("_fortilake/latest.json"), latest.to_string());
    write(&root.join("_fortilake/lock"), "");
    fs::create_dir_all(root.join("_fortilake/staging")).unwrap();
}

pub(super) const OLD: &str = "20260801T000000Z";
pub(super) const OLDER: &str = "20260731T000000Z";

#[tokio::test]
async fn old_snapshots_are_read_continued_and_pruned() {
    let root = tempfile::tempdir().unwrap();
    let place = local(root.path());
    publish_old(root.path(), &[Layout::Snapshots], "o1", OLDER, true);
    publish_old(root.path(), &[Layout::Snapshots], "o2", OLD, false);
    let reader = Reader::local(root.path());
    let list = reader.list(Layout::Snapshots).await.unwrap();
    assert!(list[0].is_latest_complete && list[1].is_latest);
    let old = reader
        .resolve(Layout::Snapshots, &Which::Latest)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(reader.verify(Layout::Snapshots, &old).await.unwrap(), []);

    publish(
        &place,
        Layout::Snapshots,
        &load("c1", FIRST).failing(&["account=2"]),
    )
    .await;
    let latest = pointer::read(place.as_ref(), Layout::Snapshots)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(latest.snapshot, FIRST);
    assert_eq!(latest.latest_complete.unwrap().snapshot, OLDER);

    let keep = Keep {
        last: Some(1),
        days: None,
    };
    assert_eq!(reader.prune(Layout::Snapshots, keep).await.unwrap(), [OLD]);
    check_clean(place.as_ref(), Layout::Snapshots).await;
    publish(&place, Layout::Snapshots, &load("c2", SECOND)).await;
    assert_eq!(
        reader.prune(Layout::Snapshots, keep).await.unwrap(),
        [FIRST, OLDER]
    );
    check_clean(place.as_ref(), Layout::Snapshots).await;
    assert!(
        !root
            .path()
            .join("apples")
            .join(format!("snapshot={OLD}"))
            .exists()
    );
}

#[tokio::test]
async fn an_old_crawl_that_is_replayed_is_found_as_published() {
    let root = tempfile::tempdir().unwrap();
    let place = local(root.path());
    publish_old(root.path(), &[Layout::Snapshots], "o1", OLD, true);
    let receipt = publish(&place, Layout::Snapshots, &load("o1", OLD).replayed()).await;
    assert_eq!((receipt.rows, receipt.standing), (2, Standing::Latest));
    let path = root.path().join(old_path(Layout::Snapshots, "apples", OLD));
    assert_eq!(fs::read_to_string(path).unwrap(), "o1\n");
    assert_eq!(
        names::published(place.as_ref(), Layout::Snapshots)
            .await
            .unwrap()
            .len(),
        1
    );
}

#[cfg(unix)]
#[tokio::test]
async fn old_files_in_the_root_become_a_version_and_links() {
    let root = tempfile::tempdir().unwrap();
    let place = local(root.path());
    publish_old(root.path(), &[Layout::Latest], "o1", OLDER, true);
    publish_old(root.path(), &[Layout::Latest], "o2", OLD, true);
    publish(&place, Layout::Latest, &load("c1", FIRST)).await;
    assert_eq!(seen(place.as_ref(), Layout::Latest).await.unwrap(), "c1");
    assert!(root.path().join("apples.txt").is_symlink());
    let kept = names::published(place.as_ref(), Layout::Latest)
        .await
        .unwrap();
    assert!(kept.iter().eq([OLD, FIRST]));
    let old = names::read_manifest(place.as_ref(), Layout::Latest, OLD)
        .await
        .unwrap()
        .unwrap();
    check_files(place.as_ref(), Layout::Latest, &old).await;
    // The old pointer would name a snapshot that no longer exists.
    assert!(!root.path().join("_fortilake/latest.json").exists());
    publish(&place, Layout::Latest, &load("c2", SECOND)).await;
    assert_eq!(
        fs::read_to_string(root.path().join("pears.txt")).unwrap(),
        "c2\n"
    );
}

#[tokio::test]
async fn a_partial_crawl_is_compared_with_old_files_in_the_root() {
    let root = tempfile::tempdir().unwrap();
    let place = local(root.path());
    publish_old(root.path(), &[Layout::Latest], "o1", OLD, false);
    let worse = load("c1", FIRST).failing(&["account=2", "account=3"]);
    let error = deliver(Arc::clone(&place), target(Layout::Latest), &worse)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Refused);
    assert!(!error.to_string().contains("account=2`"), "{error}");
    publish(
        &place,
        Layout::Latest,
        &load("c2", SECOND).failing(&["account=2"]),
    )
    .await;
}

#[tokio::test]
async fn an_old_place_of_both_layouts_is_continued_in_both() {
    let root = tempfile::tempdir().unwrap();
    let place = local(root.path());
    publish_old(root.path(), &Layout::ALL, "o1", OLD, true);
    publish(&place, Layout::Latest, &load("c1", FIRST)).await;
    // The old pointer still serves the other layout.
    assert_eq!(seen(place.as_ref(), Layout::Snapshots).await.unwrap(), "o1");
    publish(&place, Layout::Snapshots, &load("c1", FIRST)).await;
    for layout in Layout::ALL {
        assert_eq!(seen(place.as_ref(), layout).await.unwrap(), "c1");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn old_files_of_a_clock_that_was_ahead_do_not_hide_new_ones() {
    let root = tempfile::tempdir().unwrap();
    let place = local(root.path());
    publish_old(
        root.path(),
        &[Layout::Latest],
        "o1",
        "20360101T000000Z",
        true,
    );
    let receipt = publish(&place, Layout::Latest, &load("c1", FIRST)).await;
    assert_eq!(receipt.snapshot.as_deref(), Some("20360101T000001Z"));
    assert_eq!(seen(place.as_ref(), Layout::Latest).await.unwrap(), "c1");
}

#[cfg(unix)]
#[tokio::test]
async fn old_files_in_the_root_whose_crawl_is_replayed_stay_as_they_are() {
    let root = tempfile::tempdir().unwrap();
    let place = local(root.path());
    publish_old(root.path(), &[Layout::Latest], "o1", OLD, true);
    let receipt = publish(&place, Layout::Latest, &load("o1", OLD).replayed()).await;
    assert_eq!((receipt.snapshot.as_deref(), receipt.rows), (Some(OLD), 2));
    assert_eq!(
        fs::read_to_string(root.path().join("apples.txt")).unwrap(),
        "o1\n"
    );
    assert_eq!(seen(place.as_ref(), Layout::Latest).await.unwrap(), "o1");
}

#[tokio::test]
async fn a_damaged_pointer_or_manifest_is_named() {
    let root = tempfile::tempdir().unwrap();
    publish_old(root.path(), &[Layout::Snapshots], "o1", OLD, true);
    write(&root.path().join("_fortilake/latest.json"), "{}");
    let reader = Reader::local(root.path());
    let error = reader
        .resolve(Layout::Snapshots, &Which::Latest)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Config);
    assert!(
        error
            .to_string()
            .starts_with("`_fortilake/latest.json` in "),
        "{error}"
    );
}
