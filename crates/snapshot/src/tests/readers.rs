//! Readers that read in a loop while crawls are published.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::faults::Faulty;

const CRAWLS: u32 = 30;

/// Publishes crawls one after another while `read` runs in a loop. Returns how often `read` found a snapshot.
async fn read_while_publishing(
    layout: Layout,
    read: impl Fn(&Path) -> Option<Vec<String>> + Send + 'static,
) -> usize {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().to_owned();
    let is_over = Arc::new(AtomicBool::new(false));
    let over = Arc::clone(&is_over);
    let reader = std::thread::spawn(move || {
        let mut count = 0;
        while !over.load(Ordering::Relaxed) {
            // A reader that takes longer than two publications finds its version gone. It never sees a mixture.
            let Some(tables) = read(&path) else { continue };
            assert!(
                tables.windows(2).all(|pair| pair[0] == pair[1]),
                "{tables:?}"
            );
            count += 1;
        }
        count
    });
    for number in 0..CRAWLS {
        let name = format!("20260901T1200{number:02}Z");
        publish(
            &local(root.path()),
            layout,
            &load(&format!("c{number}"), &name),
        )
        .await;
    }
    is_over.store(true, Ordering::Relaxed);
    reader.join().unwrap()
}

fn first_line(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    text.lines().next().map(str::to_owned)
}

#[cfg(unix)]
#[tokio::test]
async fn whoever_resolves_current_once_sees_one_snapshot() {
    let read = |root: &Path| {
        let folder = fs::canonicalize(root.join("_fortilake/current")).ok()?;
        let tables = ["apples.txt", "pears.txt", "apples.txt"];
        tables
            .into_iter()
            .map(|name| first_line(&folder.join(name)))
            .collect()
    };
    assert!(read_while_publishing(Layout::Latest, read).await > 0);
}

#[tokio::test]
async fn whoever_begins_at_the_pointer_sees_one_snapshot() {
    let read = |root: &Path| {
        let json = |path: &str| -> Option<Value> {
            let text = fs::read(root.join(path)).ok()?;
            Some(serde_json::from_slice(&text).unwrap())
        };
        let latest = json("_fortilake/latest.json")?;
        let manifest = json(latest["manifest"].as_str().unwrap()).unwrap();
        let tables = manifest["tables"].as_array().unwrap().iter();
        let paths = tables.map(|table| root.join(table["files"][0]["path"].as_str().unwrap()));
        // Nothing is pruned here, so every file exists.
        Some(paths.map(|path| first_line(&path).unwrap()).collect())
    };
    assert!(read_while_publishing(Layout::Snapshots, read).await > 0);
}

#[tokio::test]
async fn whoever_lists_files_sees_those_of_a_snapshot_once_or_not_at_all() {
    let read = |root: &Path| {
        let folder = |path: &Path| fs::read_dir(path).into_iter().flatten().flatten();
        for snapshot in folder(&root.join("apples")) {
            assert!(folder(&snapshot.path()).count() <= 1);
        }
        Some(Vec::new())
    };
    assert!(read_while_publishing(Layout::Snapshots, read).await > 0);
}

#[tokio::test]
async fn a_version_that_is_pruned_after_its_name_was_read_is_passed_over() {
    let place: Arc<dyn Place> = Arc::new(MemoryPlace::default());
    publish(&place, Layout::Latest, &load("c1", FIRST)).await;
    // Stops between the pointer, which takes two calls without links, and the manifest.
    let slow = Faulty::stopping(Arc::clone(&place), 2);
    let publishing = async {
        slow.control.stopped.notified().await;
        publish(&place, Layout::Latest, &load("c2", SECOND)).await;
        publish(&place, Layout::Latest, &load("c3", THIRD)).await;
        slow.go_on();
    };
    let (latest, ()) = tokio::join!(pointer::read(&slow, Layout::Latest), publishing);
    assert_eq!(latest.unwrap().unwrap().snapshot, THIRD);
    // A manifest that stays away is not waited for.
    let manifest = Layout::Latest.manifest(THIRD);
    place.delete(&manifest).await.unwrap();
    let latest = pointer::read(place.as_ref(), Layout::Latest).await;
    assert_eq!(latest.unwrap(), None);
}

#[tokio::test]
async fn a_reader_lists_resolves_and_verifies() {
    let root = tempfile::tempdir().unwrap();
    let place = local(root.path());
    publish(&place, Layout::Snapshots, &load("c1", FIRST)).await;
    publish(
        &place,
        Layout::Snapshots,
        &load("c2", SECOND).failing(&["account=2"]),
    )
    .await;
    let reader = Reader::local(root.path());
    let list = reader.list(Layout::Snapshots).await.unwrap();
    let names: Vec<_> = list.iter().map(|found| found.snapshot.as_str()).collect();
    assert_eq!(names, [FIRST, SECOND]);
    assert_eq!(
        (list[0].is_latest, list[0].is_latest_complete),
        (false, true)
    );
    assert_eq!(
        (list[1].is_latest, list[1].is_latest_complete),
        (true, false)
    );
    assert_eq!(
        (list[1].rows, list[1].files, list[1].failed_scopes),
        (4, 2, 1)
    );
    assert_eq!(list[1].formats, ["txt"]);

    let resolve = async |which: Which| {
        let manifest = reader.resolve(Layout::Snapshots, &which).await.unwrap();
        manifest.map(|manifest| manifest.crawl.id)
    };
    assert_eq!(resolve(Which::Latest).await.unwrap(), "c2");
    assert_eq!(resolve(Which::LatestComplete).await.unwrap(), "c1");
    assert_eq!(resolve(Which::Named(FIRST.to_owned())).await.unwrap(), "c1");
    assert_eq!(resolve(Which::Named(THIRD.to_owned())).await, None);
    assert_eq!(
        reader
            .resolve(Layout::Latest, &Which::Latest)
            .await
            .unwrap(),
        None
    );

    let newest = reader
        .resolve(Layout::Snapshots, &Which::Latest)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(reader.verify(Layout::Snapshots, &newest).await.unwrap(), []);
    let files: Vec<_> = newest
        .files(Layout::Snapshots)
        .map(|file| root.path().join(&file.path))
        .collect();
    fs::write(&files[0], "c2\nc2\nc1\n").unwrap();
    fs::remove_file(&files[1]).unwrap();
    let damages = reader.verify(Layout::Snapshots, &newest).await.unwrap();
    assert!(
        damages[0].problem.starts_with("its SHA-256 is "),
        "{damages:?}"
    );
    assert_eq!(damages[1].problem, "the file is missing");
}

/// What [`Reader::read`] passes on, and its error.
async fn read(reader: &Reader, file: &File) -> (Vec<u8>, Option<Error>) {
    let mut content = Vec::new();
    let mut take = |piece: &[u8]| {
        content.extend_from_slice(piece);
        Ok(())
    };
    let error = reader.read(file, &mut take).await.err();
    (content, error)
}

#[tokio::test]
async fn a_file_is_read_in_pieces_and_compared_with_its_manifest() {
    let place = MemoryPlace::default();
    let reader = Reader::new(Arc::new(place.clone()));
    // Two whole pieces, and a part of one.
    let bytes = (0..16_777_221_u32).map(|at| u8::try_from(at % 251).unwrap());
    let content: Vec<u8> = bytes.collect();
    place.put_new("t/part", content.clone()).await.unwrap();
    let digest = place.digest("t/part").await.unwrap().unwrap();
    let mut file = File {
        path: "t/part".to_owned(),
        format: "txt".to_owned(),
        layout: Layout::Snapshots,
        rows: 1,
        bytes: digest.bytes,
        sha256: digest.sha256,
    };
    let (found, error) = read(&reader, &file).await;
    assert!(error.is_none() && found == content);

    let problem = async |file: &File| {
        let (_, error) = read(&reader, file).await;
        let error = error.unwrap();
        assert_eq!(error.kind(), Kind::Config);
        assert_eq!(
            error.to_string(),
            format!("cannot read `memory/{}`", file.path)
        );
        std::error::Error::source(&error).unwrap().to_string()
    };
    file.bytes += 1;
    assert_eq!(
        problem(&file).await,
        "the file has 16777221 bytes, expected 16777222"
    );
    file.bytes -= 2;
    assert!(problem(&file).await.starts_with("its SHA-256 is "));
    file.path = "t/other".to_owned();
    assert_eq!(
        problem(&file).await,
        "the file is missing; its snapshot may have been pruned"
    );
}

#[tokio::test]
async fn a_manifest_cannot_lead_out_of_the_place() {
    let root = tempfile::tempdir().unwrap();
    let place = local(root.path());
    publish(&place, Layout::Snapshots, &load("c1", FIRST)).await;
    let reader = Reader::local(root.path());
    let mut manifest = reader
        .resolve(Layout::Snapshots, &Which::Latest)
        .await
        .unwrap()
        .unwrap();
    for path in ["../secret", "/etc/hostname", "apples/../../secret", ""] {
        manifest.tables[0].files[0].path = path.to_owned();
        let error = reader
            .verify(Layout::Snapshots, &manifest)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), Kind::Config, "{path}");
    }
}
