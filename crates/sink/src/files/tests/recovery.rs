//! What dead processes leave behind is finished or removed, and the living are left alone.

use super::*;

/// Fails in the middle of publishing: the apples are in place, and a file stands where the pears' folder must go.
async fn interrupt(path: &Path, layout: Layout, context: Context) {
    let pears = match layout {
        Layout::Snapshots => "pears",
        Layout::Latest => "pears.txt/in-the-way",
    };
    let obstacle = path.join(pears);
    fs::create_dir_all(obstacle.parent().unwrap()).unwrap();
    fs::write(&obstacle, "").unwrap();
    let mut sink = open_lines(path, "txt", layout, context).await.unwrap();
    sink.write(&batch("apples", &["boskoop"])).await.unwrap();
    sink.finish(&outcome()).await.unwrap_err();
    match layout {
        Layout::Snapshots => fs::remove_file(obstacle).unwrap(),
        Layout::Latest => fs::remove_dir_all(obstacle.parent().unwrap()).unwrap(),
    }
    assert_eq!(staged(path), 1);
}

#[tokio::test]
async fn the_next_sink_finishes_an_interrupted_publication() {
    for layout in [Layout::Snapshots, Layout::Latest] {
        let out = tempfile::tempdir().unwrap();
        interrupt(out.path(), layout, context(FIRST, "c1")).await;
        assert!(!out.path().join("_fortilake/latest.json").exists());
        assert_eq!(visible(out.path()).len(), 1);

        let next = open_lines(out.path(), "txt", layout, context(SECOND, "c2"))
            .await
            .unwrap();
        assert_eq!(latest(out.path()).snapshot, FIRST);
        assert_eq!(manifest(out.path(), FIRST).tables[0].rows, 1);
        assert_eq!(visible(out.path()).len(), 2);
        next.abort().await.unwrap();
        assert_eq!(staged(out.path()), 0);
    }
}

#[tokio::test]
async fn a_late_finish_does_not_turn_back_the_clock() {
    for (layout, first_is_there) in [(Layout::Snapshots, true), (Layout::Latest, false)] {
        let out = tempfile::tempdir().unwrap();
        interrupt(out.path(), layout, context(FIRST, "c1")).await;
        publish(out.path(), "doc", layout, context(SECOND, "c2")).await;

        publish(out.path(), "txt", layout, context(SECOND, "c2")).await;
        assert_eq!(latest(out.path()).snapshot, SECOND);
        let first = out
            .path()
            .join("_fortilake/snapshots/20260901T120000Z.json");
        assert_eq!(first.exists(), first_is_there, "{layout:?}");
        assert_eq!(staged(out.path()), 0);
    }
}

#[tokio::test]
async fn what_another_crawl_has_replaced_is_not_brought_back() {
    let out = tempfile::tempdir().unwrap();
    interrupt(out.path(), Layout::Latest, context(FIRST, "c1")).await;
    publish(out.path(), "doc", Layout::Latest, context(FIRST, "c2")).await;
    let next = open_lines(out.path(), "txt", Layout::Latest, context(FIRST, "c2"))
        .await
        .unwrap();
    assert_eq!(manifest(out.path(), FIRST).crawl.id, "c2");
    next.abort().await.unwrap();
}

#[tokio::test]
async fn what_replaces_a_snapshot_of_the_same_second_is_finished() {
    for layout in [Layout::Snapshots, Layout::Latest] {
        let out = tempfile::tempdir().unwrap();
        publish(out.path(), "txt", layout, context(FIRST, "c1")).await;
        match layout {
            Layout::Snapshots => fs::remove_dir_all(out.path().join("pears")).unwrap(),
            Layout::Latest => fs::remove_file(out.path().join("pears.txt")).unwrap(),
        }
        interrupt(out.path(), layout, context(FIRST, "c2")).await;
        assert_eq!(manifest(out.path(), FIRST).crawl.id, "c1");
        let next = open_lines(out.path(), "txt", layout, context(SECOND, "c3"))
            .await
            .unwrap();
        assert_eq!(manifest(out.path(), FIRST).crawl.id, "c2");
        next.abort().await.unwrap();
    }
}

#[tokio::test]
async fn abandoned_folders_are_removed_by_the_sink_that_made_them() {
    let out = tempfile::tempdir().unwrap();
    let staging = out.path().join("_fortilake/staging");
    for name in ["20260101T000000Z-txt.0", "20260101T000000Z-doc.0"] {
        fs::create_dir_all(staging.join(name)).unwrap();
        fs::write(staging.join(name).join("apples.txt"), "half").unwrap();
    }
    publish(out.path(), "txt", Layout::Latest, context(FIRST, "c1")).await;
    assert!(!staging.join("20260101T000000Z-txt.0").exists());
    assert!(staging.join("20260101T000000Z-doc.0").exists());
}

#[tokio::test]
async fn the_folder_of_a_living_sink_is_left_alone() {
    let out = tempfile::tempdir().unwrap();
    let mut one = open_lines(out.path(), "txt", Layout::Latest, context(FIRST, "c1"))
        .await
        .unwrap();
    let two = open_lines(out.path(), "txt", Layout::Latest, context(FIRST, "c1"))
        .await
        .unwrap();
    assert_eq!(staged(out.path()), 2);
    one.write(&batch("apples", &["boskoop"])).await.unwrap();
    two.abort().await.unwrap();
    assert_eq!(one.finish(&outcome()).await.unwrap().rows, 1);
}

#[tokio::test]
async fn a_damaged_plan_is_named() {
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().join("_fortilake/staging/20260101T000000Z-txt.0");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("publish.json"), "{").unwrap();
    let opened = open_lines(out.path(), "txt", Layout::Latest, context(FIRST, "c1")).await;
    let error = opened.err().unwrap();
    assert_eq!(error.kind(), Kind::Config);
    assert!(
        error.to_string().contains("publish.json` is damaged"),
        "{error}"
    );
}
