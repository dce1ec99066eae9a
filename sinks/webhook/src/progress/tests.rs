//! Tests of what is recorded, and when it is deleted.

use fortilake_sink::MemoryStore;

use super::*;
use crate::config::Envelope;

const SHAPE: Shape = Shape {
    rows: 500,
    bytes: 1 << 20,
    envelope: Envelope::Plain,
};

fn crawl(id: &str, hour: u8) -> Crawl {
    Crawl {
        id: id.to_owned(),
        snapshot: "20260901T120000Z".to_owned(),
        started_at: format!("2026-09-01T{hour:02}:00:00Z"),
        generator: "fortilake 0.1.0".to_owned(),
    }
}

fn id(crawl: &str, sequence: u64, number: u64) -> Id {
    Id {
        crawl: crawl.to_owned(),
        place: Place::Rows(Piece {
            table: "t".to_owned(),
            sequence,
            number,
        }),
    }
}

fn has(progress: &Progress, id: &Id) -> bool {
    match &id.place {
        Place::Rows(piece) => progress.has(&id.crawl, piece).unwrap(),
        Place::Summary => panic!("a summary is told by `begin`"),
    }
}

fn progress(store: &Arc<MemoryStore>, destination: &str) -> Progress {
    let store: Arc<dyn Store> = Arc::<MemoryStore>::clone(store);
    Progress::new(store, destination.to_owned())
}

#[test]
fn deliveries_outlast_the_process_and_belong_to_one_destination() {
    let store = Arc::new(MemoryStore::default());
    let first = progress(&store, "d1");
    first.begin(&crawl("c", 1), SHAPE).unwrap();
    first.delivered(&id("c", 0, 0)).unwrap();
    first.delivered(&id("c", 0, 2)).unwrap();

    let second = progress(&store, "d1");
    assert!(!second.begin(&crawl("c", 1), SHAPE).unwrap().finished);
    assert!(has(&second, &id("c", 0, 0)) && has(&second, &id("c", 0, 2)));
    assert!(!has(&second, &id("c", 0, 1)) && !has(&second, &id("c", 1, 0)));
    assert!(!has(&progress(&store, "d2"), &id("c", 0, 0)));
}

#[test]
fn a_crawl_keeps_the_shape_it_began_with() {
    let store = Arc::new(MemoryStore::default());
    progress(&store, "d").begin(&crawl("c", 1), SHAPE).unwrap();
    let other = Shape { rows: 7, ..SHAPE };
    assert_eq!(
        progress(&store, "d")
            .begin(&crawl("c", 1), other)
            .unwrap()
            .shape,
        SHAPE
    );
    assert_eq!(
        progress(&store, "d")
            .begin(&crawl("e", 1), other)
            .unwrap()
            .shape,
        other
    );
}

#[test]
fn with_the_summary_only_the_crawl_is_remembered() {
    let store = Arc::new(MemoryStore::default());
    let progress = progress(&store, "d");
    progress.begin(&crawl("c", 1), SHAPE).unwrap();
    for sequence in 0..5 {
        progress.delivered(&id("c", sequence, 0)).unwrap();
    }
    let place = Place::Summary;
    progress
        .delivered(&Id {
            crawl: "c".to_owned(),
            place,
        })
        .unwrap();
    assert_eq!(store.keys("").unwrap(), ["crawl/d/c"]);
    assert!(progress.begin(&crawl("c", 1), SHAPE).unwrap().finished);
    progress.forget("c").unwrap();
    assert!(store.keys("").unwrap().is_empty());
}

#[test]
fn older_crawls_are_forgotten_and_later_ones_are_not() {
    let store = Arc::new(MemoryStore::default());
    for (destination, name, hour) in [
        ("d1", "old", 1),
        ("d2", "older", 0),
        ("d1", "now", 2),
        ("d1", "later", 3),
    ] {
        let progress = progress(&store, destination);
        progress.begin(&crawl(name, hour), SHAPE).unwrap();
        progress.delivered(&id(name, 0, 0)).unwrap();
    }
    progress(&store, "d1")
        .forget_older(&crawl("now", 2))
        .unwrap();
    assert_eq!(
        store.keys("").unwrap(),
        [
            "batch/d1/later/t/0",
            "batch/d1/now/t/0",
            "crawl/d1/later",
            "crawl/d1/now"
        ]
    );
    // A letter of a forgotten crawl that is delivered later leaves nothing behind.
    progress(&store, "d1").delivered(&id("old", 0, 0)).unwrap();
    assert_eq!(store.keys("batch/d1/old").unwrap(), Vec::<String>::new());
}

#[test]
fn what_cannot_be_read_is_told_by_its_key() {
    let store = Arc::new(MemoryStore::default());
    store.put("crawl/d/c", b"?").unwrap();
    let error = progress(&store, "d")
        .begin(&crawl("c", 1), SHAPE)
        .unwrap_err();
    assert!(error.to_string().contains("`crawl/d/c`"), "{error}");
}

#[test]
fn pieces_are_kept_as_ranges() {
    let mut pieces = Pieces::default();
    for piece in [3, 0, 1, 7, 3, 5, 4, 2] {
        pieces.insert(piece);
    }
    assert_eq!(pieces.0, [(0, 5), (7, 7)]);
    assert!(pieces.contains(5) && !pieces.contains(6) && pieces.contains(7));
}
