//! Several processes that publish at the same time.

use super::*;
use crate::faults::Faulty;

#[tokio::test]
async fn two_processes_of_one_crawl_stopped_at_many_points_publish_one_snapshot() {
    stop_two(10).await;
}

#[tokio::test]
#[ignore = "slow; `cargo xtask soak` runs it"]
async fn two_processes_of_one_crawl_stopped_at_most_points_publish_one_snapshot() {
    stop_two(3).await;
}

/// Two processes publish the same crawl without locks. Each one is suspended after some calls and then continued: the
/// first one after any number of calls, the second one after each `stride`th number.
async fn stop_two(stride: usize) {
    for layout in Layout::ALL {
        for first_stop in 0.. {
            let mut is_stopped = false;
            // Where the second process begins depends on the first one, so that all its points are tried.
            for second_stop in (first_stop % stride..60).step_by(stride) {
                is_stopped = interleave(layout, first_stop, second_stop).await;
                if !is_stopped {
                    break;
                }
            }
            if !is_stopped {
                break;
            }
        }
    }
}

/// Returns `false` if the first process makes fewer than `first_stop` calls.
async fn interleave(layout: Layout, first_stop: usize, second_stop: usize) -> bool {
    let memory = MemoryPlace::default();
    let place: Arc<dyn Place> = Arc::new(memory.clone());
    publish(&place, layout, &load("c1", FIRST)).await;
    let crawl = load("c2", SECOND);
    let one = Faulty::stopping(Arc::clone(&place), first_stop);
    let two = Faulty::stopping(Arc::clone(&place), second_stop);
    let (mut first, is_stopped) = run_until_stopped(&one, layout, &crawl).await;
    // The second process may use another store, so it does not know of the first one's uploads.
    let crawl = Load {
        store: Arc::new(MemoryStore::default()),
        ..crawl
    };
    let (second, _) = run_until_stopped(&two, layout, &crawl).await;
    assert!(["c1", "c2"].contains(&seen(place.as_ref(), layout).await.unwrap().as_str()));
    one.go_on();
    let ended = (&mut first).await.unwrap();
    let now = seen(place.as_ref(), layout).await.unwrap();
    assert!(["c1", "c2"].contains(&now.as_str()));
    two.go_on();
    let also_ended = second.await.unwrap();
    for ended in [ended, also_ended] {
        if let Err(error) = ended {
            assert!(
                error.is_transient(),
                "{first_stop}, {second_stop}: {error:?}"
            );
        }
    }
    publish(&place, layout, &crawl).await;
    assert_eq!(seen(place.as_ref(), layout).await.unwrap(), "c2");
    check_clean(place.as_ref(), layout).await;
    assert_eq!(
        names::published(place.as_ref(), layout)
            .await
            .unwrap()
            .len(),
        2
    );
    is_stopped
}

type Running = tokio::task::JoinHandle<Result<Receipt>>;

async fn run_until_stopped(place: &Faulty, layout: Layout, load: &Load) -> (Running, bool) {
    let (run, load) = (place.clone(), load.clone());
    let running = tokio::spawn(async move { deliver(Arc::new(run), target(layout), &load).await });
    until_stopped(place, running).await
}

async fn until_stopped(place: &Faulty, mut running: Running) -> (Running, bool) {
    tokio::select! {
        biased;
        () = place.control.stopped.notified() => (running, true),
        ended = &mut running => (tokio::spawn(async move { ended.unwrap() }), false),
    }
}

/// The claim of a running crawl was removed as forgotten, and another crawl takes the name at any moment.
#[tokio::test]
async fn a_crawl_that_claims_its_name_again_takes_it_from_no_other() {
    let layout = Layout::Snapshots;
    let crawl = load("c1", FIRST);
    let claim = Claim {
        snapshot: FIRST.to_owned(),
        crawl_id: "c2".to_owned(),
        format: "txt".to_owned(),
        selection: Selection::default(),
        pruned: None,
    };
    let before = {
        let counted = Faulty::stopping(Arc::new(MemoryPlace::default()), 1_000_000);
        drop(written(&counted, layout, &crawl).await);
        counted.calls()
    };
    let mut was_taken = false;
    for further in 0.. {
        let place: Arc<dyn Place> = Arc::new(MemoryPlace::default());
        let slow = Faulty::stopping(Arc::clone(&place), before + further);
        let sink = written(&slow, layout, &crawl).await;
        place.delete(&layout.claim(FIRST)).await.unwrap();
        let outcome = crawl.outcome();
        let running = tokio::spawn(async move { sink.finish(&outcome).await });
        let (running, is_stopped) = until_stopped(&slow, running).await;
        let content = place::to_json(&claim).unwrap();
        let put = place.put_new(&layout.claim(FIRST), content).await.unwrap();
        slow.go_on();
        let ended = running.await.unwrap();
        if !is_stopped {
            break;
        }
        if put == Put::Done {
            was_taken = true;
            assert_eq!(ended.unwrap_err().kind(), Kind::Rejected, "{further}");
        } else {
            assert_eq!(ended.unwrap().snapshot.as_deref(), Some(FIRST), "{further}");
        }
        let published = names::published(place.as_ref(), layout).await.unwrap();
        assert_eq!(published.is_empty(), put == Put::Done, "{further}");
    }
    assert!(was_taken);
}

/// A sink with all rows of a crawl, so that only `finish` is left.
async fn written(place: &Faulty, layout: Layout, load: &Load) -> Box<dyn Sink> {
    let opened = open_in(Arc::new(place.clone()), target(layout), load).await;
    let mut sink = opened.unwrap();
    for batch in load.batches() {
        sink.write(&batch).await.unwrap();
    }
    sink
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_crawls_of_one_second_are_eight_snapshots() {
    for layout in Layout::ALL {
        let root = tempfile::tempdir().unwrap();
        let mut running = Vec::new();
        for number in 0..8 {
            let place = local(root.path());
            let load = load(&format!("c{number}"), FIRST);
            running.push(tokio::spawn(async move {
                deliver(place, target(layout), &load).await.unwrap()
            }));
        }
        let mut names = std::collections::BTreeSet::new();
        for running in running {
            let receipt = running.await.unwrap();
            assert_eq!(receipt.rows, 4);
            names.insert(receipt.snapshot.unwrap());
        }
        assert_eq!(names.len(), 8);
        let place = local(root.path());
        let kept = names::published(place.as_ref(), layout).await.unwrap();
        assert_eq!(newest(place.as_ref(), layout).await, *names.last().unwrap());
        match layout {
            Layout::Snapshots => assert_eq!(kept, names),
            Layout::Latest => assert!(kept.is_subset(&names) && kept.len() >= 2),
        }
        check_clean(place.as_ref(), layout).await;
        assert!(place.list("_fortilake/staging").await.unwrap().is_empty());
    }
}

/// The layout `latest` keeps two versions, so a name can be published and pruned while a slow crawl claims one.
#[tokio::test]
async fn a_name_that_was_pruned_is_not_used_again() {
    let layout = Layout::Latest;
    for stop in 0.. {
        let place: Arc<dyn Place> = Arc::new(MemoryPlace::default());
        let slow = Faulty::stopping(Arc::clone(&place), stop);
        let (running, is_stopped) = run_until_stopped(&slow, layout, &load("slow", FIRST)).await;
        let claims = names::claimed(place.as_ref(), layout).await.unwrap();
        let mut names = std::collections::BTreeSet::new();
        for number in 0..4 {
            let load = load(&format!("c{number}"), FIRST);
            let receipt = deliver(Arc::clone(&place), target(layout), &load).await;
            names.insert(receipt.unwrap().snapshot.unwrap());
        }
        slow.go_on();
        let receipt = running.await.unwrap().unwrap();
        let name = receipt.snapshot.unwrap();
        assert!(!names.contains(&name), "stopped after {stop} calls: {name}");
        // Once it has a claim, others do not take its name.
        if !is_stopped || !claims.is_empty() {
            break;
        }
    }
}

#[tokio::test]
async fn a_slow_crawl_that_started_first_stays_behind() {
    for layout in Layout::ALL {
        let root = tempfile::tempdir().unwrap();
        let place = local(root.path());
        let slow = load("c1", FIRST);
        let mut sink = open_in(local(root.path()), target(layout), &slow)
            .await
            .unwrap();
        for batch in slow.batches() {
            sink.write(&batch).await.unwrap();
        }
        publish(&place, layout, &load("c2", SECOND)).await;
        let receipt = sink.finish(&slow.outcome()).await.unwrap();
        assert_eq!(receipt.standing, Standing::Behind);
        assert_eq!(seen(place.as_ref(), layout).await.unwrap(), "c2");
        check_clean(place.as_ref(), layout).await;
    }
}
