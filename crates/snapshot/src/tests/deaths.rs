//! A process dies, or a response is lost, at every step: readers see one whole snapshot, and the next run repairs it.

use super::*;
use crate::faults::{Fault, Faulty};

/// A kind of place, and how to simulate the death of a process that uses it.
struct Kit {
    place: Arc<dyn Place>,
    /// Opens the place as a new process would.
    fresh: Box<dyn Fn() -> Arc<dyn Place>>,
    die: Box<dyn Fn()>,
    _root: Option<tempfile::TempDir>,
}

type MakeKit = fn() -> Kit;

/// The kinds of places, and the step between the calls that fail. Local places sync, so not every call is tried.
const KITS: &[(MakeKit, usize)] = &[
    (memory_kit, 1),
    (local_kit, 3),
    (linkless_kit, 7),
    #[cfg(feature = "cloud")]
    (cloud_kit, 1),
];

#[cfg(feature = "cloud")]
fn cloud_kit() -> Kit {
    let store = crate::cloud::tests::Memory::default();
    let open = store.clone();
    Kit {
        place: Arc::new(store.place()),
        fresh: Box::new(move || Arc::new(open.place())),
        die: Box::new(|| ()),
        _root: None,
    }
}

fn local_kit() -> Kit {
    kit_of(|root| LocalPlace::new(root))
}

fn linkless_kit() -> Kit {
    kit_of(|root| LocalPlace::without_links(root))
}

fn kit_of(make: fn(&Path) -> LocalPlace) -> Kit {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().to_owned();
    let place = make(&path);
    let dying = place.clone();
    Kit {
        place: Arc::new(place),
        fresh: Box::new(move || Arc::new(make(&path))),
        die: Box::new(move || dying.die()),
        _root: Some(root),
    }
}

fn memory_kit() -> Kit {
    let place = MemoryPlace::default();
    let fresh = place.clone();
    Kit {
        place: Arc::new(place.clone()),
        fresh: Box::new(move || Arc::new(fresh.clone())),
        die: Box::new(|| ()),
        _root: None,
    }
}

/// Publishes two crawls, the second with a fault at call `at`. Returns `false` if there are fewer calls.
async fn publish_with(kit: Kit, layout: Layout, fault: Fault, at: usize) -> bool {
    let first = load("c1", FIRST);
    publish(&(kit.fresh)(), layout, &first).await;

    let second = load("c2", SECOND);
    let Kit {
        place,
        fresh,
        die,
        _root,
    } = kit;
    let faulty = Faulty::new(place, fault, at);
    let delivered = deliver(Arc::new(faulty.clone()), target(layout), &second).await;
    let is_met = faulty.calls() > at;
    if is_met && fault == Fault::Death {
        die();
    }
    drop(faulty);
    drop(die);
    if let Err(error) = &delivered {
        assert!(error.is_transient(), "{fault:?} at {at}: {error:?}");
    }
    let now = fresh();
    let seen_now = seen(now.as_ref(), layout).await.unwrap();
    match delivered {
        Ok(_) => assert_eq!(seen_now, "c2", "{fault:?} at {at}"),
        Err(_) => assert!(["c1", "c2"].contains(&seen_now.as_str())),
    }

    let receipt = publish(&now, layout, &second).await;
    assert_eq!(receipt.standing, Standing::Latest, "{fault:?} at {at}");
    assert_eq!((receipt.rows, receipt.files), (4, 2));
    assert_eq!(receipt.snapshot.as_deref(), Some(SECOND));
    assert_eq!(seen(now.as_ref(), layout).await.unwrap(), "c2");
    assert_eq!(now.uploads().await.unwrap(), [], "{fault:?} at {at}");
    drop(now);
    check_clean(fresh().as_ref(), layout).await;
    is_met
}

#[tokio::test]
async fn a_death_at_any_step_shows_one_snapshot_and_is_healed() {
    at_every_call(Fault::Death).await;
}

#[tokio::test]
async fn a_lost_answer_at_any_step_shows_one_snapshot_and_is_healed() {
    at_every_call(Fault::LostAnswer).await;
}

#[tokio::test]
async fn a_false_conflict_at_any_step_is_tried_again() {
    at_every_call(Fault::FalseTaken).await;
}

async fn at_every_call(fault: Fault) {
    for &(kit, step) in KITS {
        for layout in Layout::ALL {
            let mut at = 0;
            while publish_with(kit(), layout, fault, at).await {
                at += step;
            }
            assert!(at > 20, "{layout}: only {at} calls");
        }
    }
}

/// With a lock, no other process can still use them. Without one, another attempt of the crawl may be about to commit.
#[tokio::test]
async fn files_of_a_failed_attempt_are_deleted_at_once_under_a_lock_only() {
    let layout = Layout::Snapshots;
    for kit in [memory_kit as MakeKit, local_kit] {
        let mut is_left = false;
        let mut is_locked = false;
        for at in 0.. {
            let Kit { place, _root, .. } = kit();
            is_locked = place.has_locks();
            let faulty = Faulty::new(Arc::clone(&place), Fault::LostAnswer, at);
            let crawl = load("c1", FIRST);
            let delivered = deliver(Arc::new(faulty.clone()), target(layout), &crawl).await;
            if faulty.calls() <= at {
                break;
            }
            let published = names::published(place.as_ref(), layout).await.unwrap();
            if delivered.is_err() && published.is_empty() {
                for table in ["apples", "pears"] {
                    is_left |= !place.list(table).await.unwrap().is_empty();
                }
            }
        }
        assert_eq!(is_left, !is_locked);
    }
}

#[tokio::test]
async fn an_upload_whose_id_was_not_recorded_is_found_when_the_crawl_is_published() {
    let place: Arc<dyn Place> = Arc::new(MemoryPlace::default());
    let path = Layout::Snapshots.file("apples", FIRST, "0123456789ab", "txt");
    let other = Layout::Snapshots.file("apples", SECOND, "0123456789ab", "txt");
    for path in [&path, &other] {
        let mut upload = place.begin(path).await.unwrap();
        upload.write(b"c1\n".to_vec()).await.unwrap();
    }
    let receipt = publish(&place, Layout::Snapshots, &load("c1", FIRST)).await;
    assert_eq!(receipt.snapshot.as_deref(), Some(FIRST));
    // The other one may belong to a crawl that is running.
    let left = place.uploads().await.unwrap();
    let left: Vec<_> = left.iter().map(|upload| &upload.path).collect();
    assert_eq!(left, [&other]);
}

#[tokio::test]
async fn what_a_dead_process_left_is_ended_without_its_crawl() {
    for &(kit, step) in KITS {
        for layout in Layout::ALL {
            for at in (0..).step_by(step) {
                let Kit {
                    place,
                    fresh,
                    die,
                    _root,
                } = kit();
                publish(&fresh(), layout, &load("c1", FIRST)).await;
                let faulty = Faulty::new(place, Fault::Death, at);
                let second = load("c2", SECOND);
                let delivered = deliver(Arc::new(faulty.clone()), target(layout), &second).await;
                if delivered.is_ok() {
                    break;
                }
                die();
                drop((faulty, die));
                let now = fresh();
                open::recover(now.as_ref(), &target(layout), second.store.as_ref())
                    .await
                    .unwrap();
                let published = names::published(now.as_ref(), layout).await.unwrap();
                let newest = published.last().cloned().unwrap();
                assert_eq!(super::newest(now.as_ref(), layout).await, newest, "at {at}");
                seen(now.as_ref(), layout).await.unwrap();

                let receipt = publish(&now, layout, &load("c3", THIRD)).await;
                assert_eq!(receipt.snapshot.as_deref(), Some(THIRD));
                assert_eq!(seen(now.as_ref(), layout).await.unwrap(), "c3");
            }
        }
    }
}
