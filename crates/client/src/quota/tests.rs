//! Tests of the limits, in virtual time.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::task::JoinSet;

use super::*;
use crate::retry::Jitter;

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn gate(windows: &[(u32, u64)]) -> Arc<Gate> {
    let window = |&(max, per): &(u32, u64)| Window {
        max,
        per: seconds(per),
    };
    Arc::new(Gate::new(windows.iter().map(window).collect()))
}

/// Calls as the server sees them: each at a random instant between request and answer.
async fn crawl(gate: &Arc<Gate>, calls: usize, concurrency: usize) -> Vec<Duration> {
    let start = Instant::now();
    let next = Arc::new(AtomicUsize::new(0));
    let mut workers = JoinSet::new();
    for worker in 0..concurrency {
        let (gate, next) = (Arc::clone(gate), Arc::clone(&next));
        workers.spawn(async move {
            let jitter = Jitter::seeded(worker as u64);
            let mut seen = Vec::new();
            while next.fetch_add(1, Ordering::Relaxed) < calls {
                let permit = gate.admit().await.unwrap();
                time::sleep(jitter.up_to(seconds(2))).await;
                seen.push(start.elapsed());
                time::sleep(jitter.up_to(seconds(2))).await;
                drop(permit);
            }
            seen
        });
    }
    let mut seen = workers.join_all().await.concat();
    seen.sort_unstable();
    seen
}

#[tokio::test(start_paused = true)]
async fn no_window_of_the_server_is_ever_exceeded() {
    for windows in [
        &[(10, 60)][..],
        &[(10, 60), (35, 600)],
        &[(3, 1), (10, 60), (35, 600)],
        &[(1, 5)],
    ] {
        let seen = crawl(&gate(windows), 120, 8).await;
        assert_eq!(seen.len(), 120);
        for &(max, per) in windows {
            for (first, last) in seen.iter().zip(&seen[max as usize..]) {
                assert!(
                    *last > *first + seconds(per),
                    "{windows:?}: {first:?} to {last:?}"
                );
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_burst_goes_at_once_and_the_rest_as_soon_as_it_may() {
    let gate = gate(&[(3, 60), (5, 3600)]);
    let start = Instant::now();
    let mut starts = Vec::new();
    for _ in 0..6 {
        let permit = gate.admit().await.unwrap();
        starts.push(start.elapsed());
        time::sleep(seconds(1)).await;
        drop(permit);
    }
    let at = |s: u64, margins: u32| seconds(s) + MARGIN * margins;
    // The hour is full after five, and free again an hour after the first answer.
    assert_eq!(
        starts,
        [
            at(0, 0),
            at(1, 0),
            at(2, 0),
            at(61, 1),
            at(62, 1),
            at(3601, 1)
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn calls_in_flight_hold_their_places() {
    let gate = gate(&[(2, 60)]);
    let first = gate.admit().await.unwrap();
    let _second = gate.admit().await.unwrap();
    time::sleep(seconds(1000)).await;
    assert!(time::timeout(seconds(1000), gate.admit()).await.is_err());
    drop(first);
    let answered = Instant::now();
    drop(gate.admit().await.unwrap());
    assert_eq!(answered.elapsed(), seconds(60) + MARGIN);
}

#[tokio::test(start_paused = true)]
async fn calls_go_in_the_order_in_which_they_ask() {
    let gate = gate(&[(1, 10)]);
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = JoinSet::new();
    for n in 0..5 {
        let (gate, order) = (Arc::clone(&gate), Arc::clone(&order));
        tasks.spawn(async move {
            time::sleep(seconds(n)).await;
            drop(gate.admit().await.unwrap());
            order.lock().unwrap().push(n);
        });
    }
    tasks.join_all().await;
    assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3, 4]);
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_takes_no_place() {
    let gate = gate(&[(1, 60)]);
    drop(gate.admit().await.unwrap());
    assert!(time::timeout(seconds(1), gate.admit()).await.is_err());
    let start = Instant::now();
    drop(gate.admit().await.unwrap());
    assert_eq!(start.elapsed(), seconds(59) + MARGIN);
    assert_eq!(gate.usage().0, 2);
}

#[tokio::test(start_paused = true)]
async fn a_closed_gate_opens_by_itself() {
    let gate = gate(&[(100, 60)]);
    gate.close(seconds(30));
    gate.close(seconds(5));
    let start = Instant::now();
    drop(gate.admit().await.unwrap());
    assert_eq!(start.elapsed(), seconds(30));
}

#[tokio::test(start_paused = true)]
async fn a_suspension_ends_waiting() {
    let gate = gate(&[(1, 3600)]);
    drop(gate.admit().await.unwrap());
    let start = Instant::now();
    let waiting = [Arc::clone(&gate), Arc::clone(&gate), Arc::clone(&gate)]
        .map(|gate| tokio::spawn(async move { gate.admit().await.map(drop) }));
    time::sleep(seconds(1)).await;
    gate.suspend(seconds(100));
    for task in waiting {
        assert_eq!(task.await.unwrap(), Err(Suspended));
    }
    assert_eq!(start.elapsed(), seconds(1));
    assert_eq!(gate.suspension(), Some(seconds(100)));
    time::sleep(seconds(100)).await;
    assert_eq!(gate.suspension(), None);
    assert!(gate.admit().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn usage_counts_what_each_window_holds() {
    let gate = gate(&[(5, 10), (50, 100)]);
    drop(gate.admit().await.unwrap());
    time::sleep(seconds(11)).await;
    let _in_flight = gate.admit().await.unwrap();
    let (total, windows) = gate.usage();
    assert_eq!(total, 2);
    assert_eq!(
        windows.iter().map(|(_, held)| *held).collect::<Vec<_>>(),
        [1, 2]
    );
}
