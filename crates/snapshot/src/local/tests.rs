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
    let error = place.lock().await.unwrap_err();
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
