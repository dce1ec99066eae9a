//! Which snapshots are pruned, and that each is pruned as a whole.

use super::*;
use crate::faults::{Fault, Faulty};

fn day(day: u32) -> String {
    format!("202009{day:02}T120000Z")
}

async fn publish_days(place: &Arc<dyn Place>, days: std::ops::RangeInclusive<u32>) {
    for number in days {
        let crawl = load(&format!("c{number}"), &day(number));
        publish(place, Layout::Snapshots, &crawl).await;
    }
}

fn keeping(last: Option<u32>, days: Option<u32>) -> FileTarget {
    FileTarget {
        keep: Some(Keep { last, days }),
        ..target(Layout::Snapshots)
    }
}

#[tokio::test]
async fn publishing_prunes_what_no_rule_keeps() {
    let root = tempfile::tempdir().unwrap();
    for place in [
        Arc::new(MemoryPlace::default()) as Arc<dyn Place>,
        local(root.path()),
    ] {
        publish_days(&place, 1..=5).await;
        let crawl = load("c6", &day(6));
        deliver(Arc::clone(&place), keeping(Some(2), None), &crawl)
            .await
            .unwrap();
        let kept = names::published(place.as_ref(), Layout::Snapshots)
            .await
            .unwrap();
        assert!(kept.iter().eq([&day(5), &day(6)]));
        assert_eq!(
            names::claimed(place.as_ref(), Layout::Snapshots)
                .await
                .unwrap(),
            kept
        );
        check_clean(place.as_ref(), Layout::Snapshots).await;

        // Days are counted back from the newest name, because it is older than the current time.
        publish_days(&place, 7..=9).await;
        let crawl = load("c10", &day(10));
        deliver(Arc::clone(&place), keeping(Some(1), Some(2)), &crawl)
            .await
            .unwrap();
        let kept = names::published(place.as_ref(), Layout::Snapshots)
            .await
            .unwrap();
        assert!(kept.iter().eq([&day(8), &day(9), &day(10)]));
        check_clean(place.as_ref(), Layout::Snapshots).await;
    }
}

#[tokio::test]
async fn the_newest_complete_snapshot_stays() {
    let root = tempfile::tempdir().unwrap();
    let place = local(root.path());
    publish_days(&place, 1..=2).await;
    for number in 3..=5 {
        let partial = load(&format!("c{number}"), &day(number)).failing(&["account=2"]);
        deliver(Arc::clone(&place), keeping(Some(1), None), &partial)
            .await
            .unwrap();
    }
    let kept = names::published(place.as_ref(), Layout::Snapshots)
        .await
        .unwrap();
    assert!(kept.iter().eq([&day(2), &day(5)]));
}

#[tokio::test]
async fn pruning_by_hand_tells_first_and_then_does_the_same() {
    let root = tempfile::tempdir().unwrap();
    let place = local(root.path());
    publish_days(&place, 1..=4).await;
    let reader = Reader::local(root.path());
    let keep = Keep {
        last: Some(1),
        days: None,
    };
    let told = reader.surplus(Layout::Snapshots, keep).await.unwrap();
    assert_eq!(told, [day(3), day(2), day(1)]);
    assert_eq!(reader.list(Layout::Snapshots).await.unwrap().len(), 4);
    assert_eq!(reader.prune(Layout::Snapshots, keep).await.unwrap(), told);
    assert_eq!(reader.list(Layout::Snapshots).await.unwrap().len(), 1);
    assert!(
        !root
            .path()
            .join("apples")
            .join(format!("snapshot={}", day(1)))
            .exists()
    );

    let error = reader.prune(Layout::Latest, keep).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Config);
    let error = reader
        .prune(Layout::Snapshots, Keep::default())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Config);
}

#[tokio::test]
async fn a_death_while_pruning_is_healed_by_recovery() {
    for at in 0.. {
        let place: Arc<dyn Place> = Arc::new(MemoryPlace::default());
        publish_days(&place, 1..=3).await;
        let faulty = Faulty::new(Arc::clone(&place), Fault::Death, at);
        let pruned = prune::prune(&faulty, Layout::Snapshots, &day(1)).await;
        if pruned.is_ok() {
            assert!(at > 5);
            break;
        }
        let store = MemoryStore::default();
        open::recover(place.as_ref(), &target(Layout::Snapshots), &store)
            .await
            .unwrap();
        check_pruned_or_whole(place.as_ref(), &day(1)).await;
        prune::prune(place.as_ref(), Layout::Snapshots, &day(1))
            .await
            .unwrap();
        assert!(
            !names::claimed(place.as_ref(), Layout::Snapshots)
                .await
                .unwrap()
                .contains(&day(1))
        );
        check_clean(place.as_ref(), Layout::Snapshots).await;
    }
}

async fn check_pruned_or_whole(place: &dyn Place, name: &str) {
    let folder = format!("apples/snapshot={name}");
    let files = place.list(&folder).await.unwrap().len();
    let published = names::published(place, Layout::Snapshots).await.unwrap();
    assert_eq!(files == 1, published.contains(name));
}

#[tokio::test]
async fn a_pruned_crawl_that_is_replayed_is_published_anew() {
    let root = tempfile::tempdir().unwrap();
    let place = local(root.path());
    publish_days(&place, 1..=3).await;
    prune::prune(place.as_ref(), Layout::Snapshots, &day(1))
        .await
        .unwrap();
    let receipt = publish(&place, Layout::Snapshots, &load("c1", &day(1)).replayed()).await;
    assert_eq!(receipt.standing, Standing::Behind);
    assert_eq!(
        names::published(place.as_ref(), Layout::Snapshots)
            .await
            .unwrap()
            .len(),
        3
    );
    check_clean(place.as_ref(), Layout::Snapshots).await;
}

#[tokio::test]
async fn the_newest_complete_snapshot_stays_even_if_the_pointer_does_not_name_it() {
    let root = tempfile::tempdir().unwrap();
    let place = local(root.path());
    let pointer = root.path().join("_fortilake/latest.json");
    publish_days(&place, 1..=1).await;
    let before = fs::read(&pointer).unwrap();
    publish_days(&place, 2..=2).await;
    let partial = load("c3", &day(3)).failing(&["account=1"]);
    publish(&place, Layout::Snapshots, &partial).await;
    // As if the process that published the second day had died before it moved the pointer.
    fs::write(&pointer, before).unwrap();
    let keep = Keep {
        last: Some(1),
        days: None,
    };
    let plan = prune::plan(
        place.as_ref(),
        Layout::Snapshots,
        keep,
        jiff::Timestamp::MAX,
    )
    .await;
    assert_eq!(plan.unwrap(), Vec::<String>::new());
}

/// Claims a name for a crawl that does not publish.
async fn claim(place: &Arc<dyn Place>, layout: Layout, crawl: &Load) {
    let sink = open_in(Arc::clone(place), target(layout), crawl).await;
    sink.unwrap().abort().await.unwrap();
}

async fn claims(place: &Arc<dyn Place>, layout: Layout) -> Vec<String> {
    let claims = names::claimed(place.as_ref(), layout).await.unwrap();
    claims.into_iter().collect()
}

#[tokio::test]
async fn publishing_removes_claims_that_were_not_used_for_thirty_days() {
    const OCTOBER: [&str; 2] = ["20201001T120000Z", "20201001T120001Z"];
    for layout in Layout::ALL {
        let root = tempfile::tempdir().unwrap();
        let place = local(root.path());
        let (old, recent) = (load("c1", &day(1)), load("c2", &day(2)));
        claim(&place, layout, &old).await;
        claim(&place, layout, &recent).await;
        publish(&place, layout, &load("c3", OCTOBER[0])).await;
        assert_eq!(claims(&place, layout).await, [&day(1), &day(2), OCTOBER[0]]);
        publish(&place, layout, &load("c4", OCTOBER[1])).await;
        assert_eq!(
            claims(&place, layout).await,
            [&day(2), OCTOBER[0], OCTOBER[1]]
        );
        // A crawl publishes although its claim was removed.
        let receipt = publish(&place, layout, &old).await;
        assert_eq!(receipt.standing, Standing::Latest);
        let receipt = publish(&place, layout, &recent).await;
        assert_eq!(receipt.snapshot, Some(day(2)));
    }
}

#[tokio::test]
async fn a_running_crawl_publishes_although_its_claim_was_removed() {
    let root = tempfile::tempdir().unwrap();
    let place = local(root.path());
    let crawl = load("c1", &day(1));
    let target = target(Layout::Snapshots);
    let mut sink = open_in(Arc::clone(&place), target, &crawl).await.unwrap();
    publish(&place, Layout::Snapshots, &load("c2", "20201201T120000Z")).await;
    assert!(!claims(&place, Layout::Snapshots).await.contains(&day(1)));
    for batch in crawl.batches() {
        sink.write(&batch).await.unwrap();
    }
    let receipt = sink.finish(&crawl.outcome()).await.unwrap();
    assert_eq!(receipt.snapshot, Some(day(1)));
    assert!(claims(&place, Layout::Snapshots).await.contains(&day(1)));
    check_clean(place.as_ref(), Layout::Snapshots).await;
}

#[tokio::test]
async fn claims_can_be_removed_where_nothing_is_published() {
    let root = tempfile::tempdir().unwrap();
    let place = local(root.path());
    claim(&place, Layout::Snapshots, &load("c1", &day(1))).await;
    claim(&place, Layout::Snapshots, &load("c2", "20990901T120000Z")).await;
    let reader = Reader::local(root.path());
    let told = reader.forgotten(Layout::Snapshots).await.unwrap();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].crawl_id, "c1");
    assert_eq!(claims(&place, Layout::Snapshots).await.len(), 2);
    let removed = reader.withdraw(Layout::Snapshots).await.unwrap();
    assert_eq!(removed, told);
    assert_eq!(
        claims(&place, Layout::Snapshots).await,
        ["20990901T120000Z"]
    );
}
