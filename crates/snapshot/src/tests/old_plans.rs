//! Publications that a process of the first edition did not finish.

use super::old::{OLD, OLDER, old_manifest, old_path, publish_old, write};
use super::*;

/// Leaves the files of a first-edition process that died while publishing: the pears are still staged.
fn interrupt(root: &Path, layout: Layout, crawl: &str, name: &str, replaces: Option<&str>) {
    let staging = root.join(format!("_fortilake/staging/{name}-txt.71-0"));
    let paths = ["apples", "pears"].map(|table| old_path(layout, table, name));
    write(&root.join(&paths[0]), format!("{crawl}\n"));
    write(&staging.join("pears.txt"), format!("{crawl}\n"));
    let files = [
        ("apples", paths[0].clone(), layout),
        ("pears", paths[1].clone(), layout),
    ];
    let there = fs::read(root.join(&paths[1])).ok();
    write(&root.join(&paths[1]), format!("{crawl}\n"));
    let manifest = old_manifest(root, crawl, name, true, &files);
    match there {
        Some(there) => fs::write(root.join(&paths[1]), there).unwrap(),
        None => fs::remove_file(root.join(&paths[1])).unwrap(),
    }
    let moves = json!([
        { "from": "apples.txt", "to": paths[0] },
        { "from": "pears.txt", "to": paths[1] },
    ]);
    let plan =
        json!({ "layout": layout, "moves": moves, "replaces": replaces, "manifest": manifest });
    write(&staging.join("publish.json"), plan.to_string());
    write(&staging.join("lock"), "");
    fs::create_dir_all(root.join("_fortilake/snapshots")).unwrap();
}

async fn recover(root: &Path, layout: Layout) -> Result<()> {
    let store = MemoryStore::default();
    open::recover(local(root).as_ref(), &target(layout), &store).await
}

/// The pointer as it is, before anything repairs it.
fn latest(root: &Path) -> Latest {
    let text = fs::read(root.join("_fortilake/latest.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

/// The manifest as it is, with the files of both layouts; `None` if there is none.
fn manifest(root: &Path, name: &str) -> Option<Manifest> {
    let text = fs::read(root.join(format!("_fortilake/snapshots/{name}.json"))).ok()?;
    Some(serde_json::from_slice(&text).unwrap())
}

#[tokio::test]
async fn an_interrupted_publication_of_the_first_edition_is_finished() {
    let layouts = Layout::ALL.into_iter();
    for (layout, is_first) in layouts.flat_map(|layout| [(layout, true), (layout, false)]) {
        let root = tempfile::tempdir().unwrap();
        if !is_first {
            publish_old(root.path(), &[layout], "o0", OLDER, true);
        }
        interrupt(root.path(), layout, "o1", OLD, None);
        let sink = open_in(local(root.path()), target(layout), &load("c1", FIRST)).await;
        let latest = latest(root.path());
        assert_eq!(
            (latest.snapshot.as_str(), latest.crawl_id.as_str()),
            (OLD, "o1")
        );
        let pears = root.path().join(old_path(layout, "pears", OLD));
        assert_eq!(fs::read_to_string(pears).unwrap(), "o1\n");
        sink.unwrap().abort().await.unwrap();
        let staged = local(root.path()).list("_fortilake/staging").await.unwrap();
        assert!(staged.is_empty(), "{staged:?}");
    }
}

#[tokio::test]
async fn a_publication_that_is_finished_late_does_not_turn_back_the_clock() {
    for layout in Layout::ALL {
        let root = tempfile::tempdir().unwrap();
        publish_old(root.path(), &[layout], "o2", OLD, true);
        interrupt(root.path(), layout, "o1", OLDER, None);
        if layout == Layout::Latest {
            // The newer crawl replaced its first table.
            write(&root.path().join("apples.txt"), "o2\n");
        }
        // Opening the place would also repair the pointer, but readers must never see it go back.
        local(root.path()).recover().await.unwrap();
        assert_eq!(latest(root.path()).snapshot, OLD);
        recover(root.path(), layout).await.unwrap();
        assert_eq!(latest(root.path()).snapshot, OLD);
        let pears =
            |name| fs::read_to_string(root.path().join(old_path(layout, "pears", name))).unwrap();
        match layout {
            Layout::Snapshots => assert_eq!(pears(OLDER), "o1\n"),
            Layout::Latest => assert_eq!(pears(OLDER), "o2\n"),
        }
        let is_published = manifest(root.path(), OLDER).is_some();
        assert_eq!(is_published, layout == Layout::Snapshots);
    }
}

#[tokio::test]
async fn a_plan_for_the_root_is_dropped_once_there_are_versions() {
    let root = tempfile::tempdir().unwrap();
    publish(&local(root.path()), Layout::Latest, &load("c1", FIRST)).await;
    interrupt_beside(root.path());
    recover(root.path(), Layout::Latest).await.unwrap();
    assert_eq!(manifest(root.path(), THIRD), None);
    let apples = fs::read_to_string(root.path().join("apples.txt")).unwrap();
    assert_eq!(apples, "c1\nc1\nc1\n");
    assert_eq!(
        fs::read_to_string(root.path().join("pears.txt")).unwrap(),
        "c1\n"
    );
    assert_eq!(
        fs::read_dir(root.path().join("_fortilake/staging"))
            .unwrap()
            .count(),
        0
    );
}

/// Leaves a plan for the root that has not moved any file yet.
fn interrupt_beside(root: &Path) {
    let staging = root.join(format!("_fortilake/staging/{THIRD}-txt.71-0"));
    let manifest = old_manifest(
        root,
        "o1",
        THIRD,
        true,
        &[("pears", "pears.txt".to_owned(), Layout::Latest)],
    );
    let moves = json!([{ "from": "pears.txt", "to": "pears.txt" }]);
    let plan = json!({ "layout": "latest", "moves": moves, "manifest": manifest });
    write(&staging.join("pears.txt"), "o1\n");
    write(&staging.join("publish.json"), plan.to_string());
}

#[tokio::test]
async fn what_another_crawl_has_replaced_is_not_brought_back() {
    for (replaces, is_finished) in [(None, false), (Some("o2"), true)] {
        let root = tempfile::tempdir().unwrap();
        publish_old(root.path(), &[Layout::Snapshots], "o2", OLD, true);
        interrupt(root.path(), Layout::Snapshots, "o1", OLD, replaces);
        recover(root.path(), Layout::Snapshots).await.unwrap();
        let id = if is_finished { "o1" } else { "o2" };
        assert_eq!(manifest(root.path(), OLD).unwrap().crawl.id, id);
        assert_eq!(latest(root.path()).crawl_id, id);
    }
}

#[tokio::test]
async fn a_damaged_plan_is_named() {
    let root = tempfile::tempdir().unwrap();
    let staging = root
        .path()
        .join("_fortilake/staging/20260101T000000Z-txt.0");
    write(&staging.join("publish.json"), "{");
    let error = recover(root.path(), Layout::Latest).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Config);
    assert!(
        error.to_string().contains("publish.json` is damaged"),
        "{error}"
    );
    // What cannot be read is not taken for a folder without a plan, which would be removed.
    fs::remove_file(staging.join("publish.json")).unwrap();
    write(&staging.join("publish.json/f"), "");
    recover(root.path(), Layout::Latest).await.unwrap_err();
    assert!(staging.exists());
}

/// The process died after it had put the manifest and before it moved the pointer.
#[tokio::test]
async fn a_plan_whose_manifest_is_published_is_finished() {
    let root = tempfile::tempdir().unwrap();
    publish_old(root.path(), &[Layout::Snapshots], "o0", OLDER, true);
    interrupt(root.path(), Layout::Snapshots, "o1", OLD, None);
    let plan = format!("_fortilake/staging/{OLD}-txt.71-0/publish.json");
    let plan: Value = serde_json::from_slice(&fs::read(root.path().join(plan)).unwrap()).unwrap();
    let path = format!("_fortilake/snapshots/{OLD}.json");
    write(&root.path().join(path), plan["manifest"].to_string());
    local(root.path()).recover().await.unwrap();
    assert_eq!(latest(root.path()).snapshot, OLD);
    let manifest = manifest(root.path(), OLD).unwrap();
    for table in &manifest.tables {
        assert_eq!(table.files.len(), 1, "{table:?}");
    }
    check_files(local(root.path()).as_ref(), Layout::Snapshots, &manifest).await;
}

#[tokio::test]
async fn a_plan_adds_its_files_to_those_of_the_other_layout() {
    let root = tempfile::tempdir().unwrap();
    publish_old(root.path(), &[Layout::Latest], "o1", OLD, true);
    interrupt(root.path(), Layout::Snapshots, "o1", OLD, None);
    local(root.path()).recover().await.unwrap();
    let manifest = manifest(root.path(), OLD).unwrap();
    for layout in Layout::ALL {
        assert_eq!(manifest.files(layout).count(), 2, "{layout}");
        check_files(local(root.path()).as_ref(), layout, &manifest).await;
    }
}

#[tokio::test]
async fn a_plan_changes_nothing_that_this_edition_has_published() {
    let root = tempfile::tempdir().unwrap();
    let crawl = load("o1", OLD).replayed();
    publish(&local(root.path()), Layout::Snapshots, &crawl).await;
    let before = manifest(root.path(), OLD);
    interrupt(root.path(), Layout::Snapshots, "o1", OLD, None);
    recover(root.path(), Layout::Snapshots).await.unwrap();
    assert_eq!(manifest(root.path(), OLD), before);
}

#[tokio::test]
async fn a_plan_whose_files_cannot_be_moved_publishes_nothing() {
    for is_folder in [false, true] {
        let root = tempfile::tempdir().unwrap();
        interrupt(root.path(), Layout::Snapshots, "o1", OLD, None);
        let staged = format!("_fortilake/staging/{OLD}-txt.71-0/pears.txt");
        let staged = root.path().join(staged);
        fs::remove_file(&staged).unwrap();
        if is_folder {
            fs::create_dir(&staged).unwrap();
            let there = root.path().join(old_path(Layout::Snapshots, "pears", OLD));
            write(&there, "o0\n");
        }
        let error = recover(root.path(), Layout::Snapshots).await.unwrap_err();
        assert!(error.to_string().contains("pears"), "{error}");
        assert_eq!(manifest(root.path(), OLD), None);
    }
}
