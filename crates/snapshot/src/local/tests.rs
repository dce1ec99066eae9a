//! Tests of the local place: whole files, conditional writes, links and lock deadlines.

use super::*;

fn places(root: &Path) -> [LocalPlace; 2] {
    [
        LocalPlace::new(root.join("linked")),
        LocalPlace::without_links(root.join("linkless")),
    ]
}

#[tokio::test]
async fn a_new_file_is_put_once() {
    let root = tempfile::tempdir().unwrap();
    for place in places(root.path()) {
        let path = "a/b/c.json";
        assert_eq!(place.get(path).await.unwrap(), None);
        assert_eq!(
            place.put_new(path, b"one".to_vec()).await.unwrap(),
            Put::Done
        );
        assert_eq!(
            place.put_new(path, b"two".to_vec()).await.unwrap(),
            Put::Taken
        );
        assert_eq!(place.get(path).await.unwrap().unwrap().content, b"one");
        assert_eq!(place.list("a").await.unwrap(), [path]);
        place.delete(path).await.unwrap();
        place.delete(path).await.unwrap();
        assert!(place.list("a").await.unwrap().is_empty());
        assert!(!place.path("a").unwrap().exists(), "empty folders go too");
    }
}

#[tokio::test]
async fn a_swap_compares() {
    let root = tempfile::tempdir().unwrap();
    let place = LocalPlace::new(root.path());
    let path = "p.json";
    let swap = async |tag: Option<&Tag>, content: &[u8]| {
        place.swap(path, tag, content.to_vec()).await.unwrap()
    };
    assert_eq!(swap(None, b"one").await, Put::Done);
    assert_eq!(swap(None, b"two").await, Put::Taken);
    let one = place.get(path).await.unwrap().unwrap().tag;
    assert_eq!(swap(Some(&one), b"two").await, Put::Done);
    assert_eq!(swap(Some(&one), b"three").await, Put::Taken);
    assert_eq!(place.get(path).await.unwrap().unwrap().content, b"two");
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_is_swapped_like_a_file() {
    let root = tempfile::tempdir().unwrap();
    let place = LocalPlace::new(root.path());
    fs::write(root.path().join("l"), "a file").unwrap();
    let absent = Link::Absent;
    assert_eq!(
        place.swap_link("l", &absent, "a").await.unwrap(),
        Put::Taken
    );
    assert_eq!(
        place.swap_link("l", &Link::File, "a").await.unwrap(),
        Put::Done
    );
    let link = place.read_link("l").await.unwrap();
    assert_eq!(link, Link::To("a".to_owned()));
    assert_eq!(place.swap_link("l", &link, "b").await.unwrap(), Put::Done);
    assert_eq!(place.swap_link("l", &link, "c").await.unwrap(), Put::Taken);
    place.delete("l").await.unwrap();
    assert_eq!(place.read_link("l").await.unwrap(), Link::Absent);
}

#[tokio::test]
async fn an_upload_is_seen_when_it_is_complete() {
    let root = tempfile::tempdir().unwrap();
    let place = LocalPlace::new(root.path());
    let mut upload = place.begin("t/f").await.unwrap();
    assert_eq!(upload.id(), None, "nothing to record");
    upload.write(b"one ".to_vec()).await.unwrap();
    upload.write(b"two".to_vec()).await.unwrap();
    assert!(place.list("t").await.unwrap().is_empty());
    upload.complete().await.unwrap();
    assert_eq!(place.get("t/f").await.unwrap().unwrap().content, b"one two");

    let other = place.begin("t/g").await.unwrap();
    other.discard().await.unwrap();
    assert_eq!(place.list("t").await.unwrap(), ["t/f"]);
    drop(place);
    let staging = root.path().join("_fortilake/staging");
    assert_eq!(fs::read_dir(staging).unwrap().count(), 0);
}

#[tokio::test]
async fn the_staging_folder_of_the_living_stays_and_that_of_the_dead_goes() {
    let root = tempfile::tempdir().unwrap();
    let (living, dead) = (LocalPlace::new(root.path()), LocalPlace::new(root.path()));
    let upload = living.begin("t/f").await.unwrap();
    let lost = dead.begin("t/g").await.unwrap();
    dead.die();
    drop((dead, lost));
    let staged = || {
        fs::read_dir(root.path().join("_fortilake/staging"))
            .unwrap()
            .count()
    };
    assert_eq!(staged(), 2);
    LocalPlace::new(root.path()).recover().await.unwrap();
    assert_eq!(staged(), 1);
    upload.complete().await.unwrap();
    assert!(root.path().join("t/f").exists());
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_nobody_lets_go_of_is_an_error_in_the_end() {
    let root = tempfile::tempdir().unwrap();
    let place = LocalPlace::new(root.path());
    let held = place.lock().await.unwrap();
    assert!(place.try_lock().await.unwrap().is_none());
    let begun = tokio::time::Instant::now();
    let error = place.lock().await.unwrap_err();
    assert_eq!(begun.elapsed(), PUBLISHING);
    assert_eq!(error.kind(), Kind::Unavailable);
    assert!(
        error.to_string().ends_with(
            "lock`: another process has held it for 300 s; check whether that process is suspended"
        ),
        "{error}"
    );
    drop(held);
    assert!(place.try_lock().await.unwrap().is_some());
}

#[tokio::test]
async fn parts_of_a_file_end_where_it_ends() {
    let root = tempfile::tempdir().unwrap();
    let place = LocalPlace::new(root.path());
    fs::write(root.path().join("f"), "0123456789").unwrap();
    let tail = async |count| place.tail("f", count).await.unwrap().unwrap();
    assert_eq!(tail(3).await, b"789");
    assert_eq!(tail(10).await, b"0123456789");
    assert_eq!(tail(99).await, b"0123456789");
    assert_eq!(tail(0).await, b"");
    let read = async |range| place.read("f", range).await.unwrap().unwrap();
    assert_eq!(read(2..5).await, b"234");
    assert_eq!(read(8..20).await, b"89");
    let digest = place.digest("f").await.unwrap().unwrap();
    assert_eq!(digest.bytes, 10);
    let sha256 = "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882";
    assert_eq!(digest.sha256, sha256);
}

#[tokio::test]
async fn what_is_absent_is_no_error_and_what_is_no_file_is_one() {
    let root = tempfile::tempdir().unwrap();
    let place = LocalPlace::new(root.path());
    fs::write(root.path().join("f"), "").unwrap();
    fs::create_dir(root.path().join("folder")).unwrap();
    // A file has no files below it.
    for path in ["absent", "absent/f", "f/below"] {
        assert_eq!(place.get(path).await.unwrap(), None, "{path}");
        assert_eq!(place.tail(path, 1).await.unwrap(), None, "{path}");
        assert_eq!(place.read(path, 0..1).await.unwrap(), None, "{path}");
        assert_eq!(place.digest(path).await.unwrap(), None, "{path}");
        assert_eq!(place.read_link(path).await.unwrap(), Link::Absent, "{path}");
        assert!(place.list(path).await.unwrap().is_empty(), "{path}");
    }
    place.get("folder").await.unwrap_err();
    place.tail("folder", 1).await.unwrap_err();
    place.read("folder", 0..1).await.unwrap_err();
    place.digest("folder").await.unwrap_err();
    place.delete("folder").await.unwrap_err();
    // No system has names of this length.
    let long = "a".repeat(5_000);
    place.get(&long).await.unwrap_err();
    place.tail(&long, 1).await.unwrap_err();
    place.read(&long, 0..1).await.unwrap_err();
    place.digest(&long).await.unwrap_err();
    place.read_link(&long).await.unwrap_err();
    place.list(&long).await.unwrap_err();
}

#[tokio::test]
async fn paths_that_lead_out_of_the_place_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let place = LocalPlace::new(root.path());
    for path in ["", "/f", "../f", "a/../../f", "."] {
        assert_eq!(place.path(path).unwrap_err().kind(), Kind::Config, "{path}");
        let put = place.put_new(path, Vec::new()).await;
        assert_eq!(put.unwrap_err().kind(), Kind::Config, "{path}");
    }
    assert_eq!(place.path("a/f").unwrap(), root.path().join("a/f"));
}

#[tokio::test]
async fn deleting_a_file_keeps_folders_with_files_and_our_own() {
    let root = tempfile::tempdir().unwrap();
    let place = LocalPlace::new(root.path());
    for path in ["a/b/f", "a/g", "_fortilake/claims/f"] {
        place.put_new(path, Vec::new()).await.unwrap();
    }
    let is_there = |path: &str| root.path().join(path).exists();
    place.delete("a/b/f").await.unwrap();
    assert!(!is_there("a/b") && is_there("a"));
    fs::remove_dir_all(root.path().join("_fortilake/staging")).unwrap();
    fs::remove_file(root.path().join("_fortilake/change.lock")).unwrap();
    place.delete("_fortilake/claims/f").await.unwrap();
    assert!(!is_there("_fortilake/claims") && is_there("_fortilake"));
    place.delete("a/g").await.unwrap();
    assert!(!is_there("a") && is_there(""));
}

#[tokio::test]
async fn the_folder_that_was_given_stays_although_it_is_empty() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("f"), "").unwrap();
    let place = LocalPlace::new(root.path());
    place.delete("f").await.unwrap();
    assert!(root.path().exists());
}

#[tokio::test]
async fn recovering_what_does_not_exist_creates_nothing() {
    let root = tempfile::tempdir().unwrap();
    let absent = root.path().join("absent");
    LocalPlace::new(&absent).recover().await.unwrap();
    assert!(!absent.exists());
}

/// No user can create files in this folder, not even root.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_folder_that_takes_no_files_is_found_by_a_probe() {
    let place = LocalPlace::new("/proc/self");
    let error = place.probe(&[String::new()]).await.unwrap_err();
    let wanted = "cannot write `/proc/self/_probe-";
    assert!(error.to_string().starts_with(wanted), "{error}");
}

#[tokio::test]
async fn what_dead_probes_left_is_removed_where_they_had_been() {
    let root = tempfile::tempdir().unwrap();
    let place = LocalPlace::new(root.path());
    let elsewhere = tempfile::tempdir().unwrap();
    let there = |path: &str| root.path().join(path);
    let left = [
        "_probe-1",
        "t/_probe-2",
        "_fortilake/claims/latest/_probe-3.put",
    ];
    let others = ["t/f", "a/b/c/d/_probe-5"];
    for path in left.iter().chain(&others) {
        fs::create_dir_all(there(path).parent().unwrap()).unwrap();
        fs::write(there(path), "").unwrap();
    }
    let behind = elsewhere.path().join("_probe-4");
    fs::write(&behind, "").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(elsewhere.path(), there("link")).unwrap();
    fs::create_dir_all(there("_fortilake/staging")).unwrap();
    place.recover().await.unwrap();
    assert!(left.iter().all(|path| !there(path).exists()));
    assert!(others.iter().all(|path| there(path).exists()));
    assert!(behind.exists(), "behind a link");
}

#[tokio::test]
async fn a_staged_file_is_gone_after_a_conditional_change() {
    let root = tempfile::tempdir().unwrap();
    for place in places(root.path()) {
        for content in ["one", "two"] {
            place.put_new("f", content.into()).await.unwrap();
            place.swap("f", None, content.into()).await.unwrap();
        }
        let staged = place.list("_fortilake/staging").await.unwrap();
        assert!(
            staged.iter().all(|path| path.ends_with("/lock")),
            "{staged:?}"
        );
    }
}
