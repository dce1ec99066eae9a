//! Catalogs follow what is published, and what they show is not pruned.

use std::sync::Mutex;

use async_trait::async_trait;

use super::*;
use crate::faults::{Fault, Faulty};

const RECORD: &str = "_fortilake/catalogs/names.json";

/// A catalog that writes a file for each snapshot, and remembers what it has forgotten.
#[derive(Clone, Debug, Default)]
struct Names {
    forgotten: Arc<Mutex<Vec<String>>>,
}

#[async_trait]
impl Catalog for Names {
    fn name(&self) -> String {
        "names".to_owned()
    }

    fn folders(&self, _tables: &[String]) -> Vec<String> {
        vec!["names".to_owned()]
    }

    async fn check(&self, _place: &dyn Place, tables: &[Arc<TableSpec>]) -> Result<()> {
        if tables.iter().any(|table| table.name == "plums") {
            return Err(Error::new(Kind::Config, "table `plums` cannot be listed"));
        }
        Ok(())
    }

    async fn register(
        &self,
        place: &dyn Place,
        snapshots: &[Manifest],
    ) -> Result<Map<String, Value>> {
        for manifest in snapshots {
            let path = format!("names/{}", manifest.snapshot);
            // "Taken" can also mean that nothing was written.
            while place.get(&path).await?.is_none() {
                place.put_new(&path, b"listed".to_vec()).await?;
            }
        }
        let count = place.list("names").await?.len();
        Ok(Map::from_iter([("count".to_owned(), count.into())]))
    }

    async fn forget(&self, snapshots: &[String]) -> Result<()> {
        self.forgotten.lock().unwrap().extend_from_slice(snapshots);
        Ok(())
    }
}

fn listed_by(catalog: &Names) -> FileTarget {
    FileTarget {
        catalog: Some(Arc::new(catalog.clone())),
        ..target(Layout::Snapshots)
    }
}

async fn listed(place: &dyn Place) -> Vec<String> {
    let paths = place.list("names").await.unwrap();
    let names = paths.iter();
    names
        .map(|path| path["names/".len()..].to_owned())
        .collect()
}

async fn record(place: &dyn Place) -> Value {
    let record = place.get(RECORD).await.unwrap().unwrap();
    serde_json::from_slice(&record.content).unwrap()
}

fn places(root: &Path) -> [Arc<dyn Place>; 2] {
    [Arc::new(MemoryPlace::default()), local(root)]
}

#[tokio::test]
async fn a_catalog_gets_what_was_published_without_it() {
    let root = tempfile::tempdir().unwrap();
    for place in places(root.path()) {
        publish(&place, Layout::Snapshots, &load("c1", FIRST)).await;
        let catalog = Names::default();
        let second = load("c2", SECOND);
        // When the sink opens, before any row arrives.
        let target = listed_by(&catalog);
        let sink = open_in(Arc::clone(&place), target.clone(), &second).await;
        assert_eq!(listed(place.as_ref()).await, [FIRST]);
        sink.unwrap().abort().await.unwrap();
        deliver(Arc::clone(&place), target, &second).await.unwrap();
        assert_eq!(listed(place.as_ref()).await, [FIRST, SECOND]);
        let expected = json!({"snapshot": SECOND, "count": 2});
        assert_eq!(record(place.as_ref()).await, expected);
    }
}

#[tokio::test]
async fn an_older_crawl_is_not_registered() {
    let root = tempfile::tempdir().unwrap();
    for place in places(root.path()) {
        let target = listed_by(&Names::default());
        for (id, name) in [("c2", SECOND), ("c1", FIRST)] {
            let crawl = load(id, name).replayed();
            deliver(Arc::clone(&place), target.clone(), &crawl)
                .await
                .unwrap();
        }
        assert_eq!(listed(place.as_ref()).await, [SECOND]);
        assert_eq!(record(place.as_ref()).await["snapshot"], SECOND);
    }
}

#[tokio::test]
async fn a_fault_at_any_step_is_healed_by_the_next_run() {
    for fault in [Fault::Death, Fault::LostAnswer, Fault::FalseTaken] {
        for at in 0.. {
            let place: Arc<dyn Place> = Arc::new(MemoryPlace::default());
            let target = listed_by(&Names::default());
            let (first, second) = (load("c1", FIRST), load("c2", SECOND));
            deliver(Arc::clone(&place), target.clone(), &first)
                .await
                .unwrap();
            let faulty = Faulty::new(Arc::clone(&place), fault, at);
            let delivered = deliver(Arc::new(faulty.clone()), target.clone(), &second).await;
            if faulty.calls() <= at {
                assert!(at > 30, "only {at} calls");
                break;
            }
            // The catalog is registered before the pointer moves.
            if seen(place.as_ref(), Layout::Snapshots).await.unwrap() == "c2" {
                assert_eq!(listed(place.as_ref()).await, [FIRST, SECOND]);
            }
            if delivered.is_err() {
                deliver(Arc::clone(&place), target, &second).await.unwrap();
            }
            assert_eq!(listed(place.as_ref()).await, [FIRST, SECOND]);
            assert_eq!(record(place.as_ref()).await["snapshot"], SECOND);
        }
    }
}

#[tokio::test]
async fn what_a_catalog_shows_is_not_pruned_and_what_is_pruned_is_forgotten() {
    let root = tempfile::tempdir().unwrap();
    for place in places(root.path()) {
        let catalog = Names::default();
        let first = load("c1", FIRST);
        deliver(Arc::clone(&place), listed_by(&catalog), &first)
            .await
            .unwrap();
        // Another sink publishes to the same place, and prunes.
        let keep = Some(Keep {
            last: Some(1),
            days: None,
        });
        for (id, name) in [("c2", SECOND), ("c3", THIRD)] {
            let without = FileTarget {
                keep,
                ..target(Layout::Snapshots)
            };
            deliver(Arc::clone(&place), without, &load(id, name))
                .await
                .unwrap();
        }
        let kept = names::published(place.as_ref(), Layout::Snapshots).await;
        assert!(kept.unwrap().iter().eq([FIRST, THIRD]));
        assert_eq!(*catalog.forgotten.lock().unwrap(), [] as [&str; 0]);

        let fourth = load("c4", "20260904T120000Z");
        let pruning = FileTarget {
            keep,
            ..listed_by(&catalog)
        };
        deliver(Arc::clone(&place), pruning, &fourth).await.unwrap();
        assert_eq!(*catalog.forgotten.lock().unwrap(), [THIRD, FIRST]);
        let kept = names::published(place.as_ref(), Layout::Snapshots).await;
        assert!(kept.unwrap().iter().eq([&fourth.crawl.name]));
    }
}

#[tokio::test]
async fn a_table_that_a_catalog_cannot_list_is_refused_before_a_name_is_claimed() {
    let place: Arc<dyn Place> = Arc::new(MemoryPlace::default());
    let crawl = load("c1", FIRST).with_tables(&["plums"]);
    let opened = open_in(Arc::clone(&place), listed_by(&Names::default()), &crawl).await;
    assert_eq!(opened.err().map(|error| error.kind()), Some(Kind::Config));
    assert!(tree(place.as_ref()).await.is_empty());
}
