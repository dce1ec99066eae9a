//! Tests of the limits, in virtual time.

mod property;
mod rules;
mod slow_ledger;

use fortilake_auth::real_time;
use tokio::{
    task::{self, JoinSet},
    time::Instant,
};

use super::*;
use crate::{
    Queue, Window,
    ledger::{ErrorLimit, ErrorReason, MARGIN, MemoryLedger},
};

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn limits(windows: &[(u32, u64)]) -> Limits {
    let window = |&(max, per): &(u32, u64)| Window {
        max,
        per: seconds(per),
    };
    Limits {
        calls: windows.iter().map(window).collect(),
        errors: None,
    }
}

fn with_errors(max: u32, reserve: u32) -> Limits {
    Limits {
        calls: Vec::new(),
        errors: Some(ErrorLimit {
            max,
            per: seconds(3600),
            reserve,
        }),
    }
}

fn gate_with(limits: Limits, rules: Rules, clock: Clock) -> Arc<CallLimiter> {
    let user = "user".to_owned();
    Arc::new(CallLimiter {
        ledger: Arc::new(MemoryLedger::new()),
        queue: Queue::new().of_user(&user),
        user,
        limits,
        clock,
        rules,
        state: State::default(),
    })
}

fn limiter(windows: &[(u32, u64)]) -> Arc<CallLimiter> {
    gate_with(limits(windows), Rules::default(), real_time())
}

/// A limiter that waits as long as necessary.
fn patient(windows: &[(u32, u64)]) -> Arc<CallLimiter> {
    let rules = Rules {
        waiting: Waiting::Forever,
        ..Rules::default()
    };
    gate_with(limits(windows), rules, real_time())
}

/// The limiter of another client of the same user.
fn sibling(limiter: &CallLimiter, queue: Arc<UserQueue>) -> Arc<CallLimiter> {
    Arc::new(CallLimiter {
        ledger: Arc::clone(&limiter.ledger),
        queue,
        user: limiter.user.clone(),
        limits: limiter.limits.clone(),
        clock: Arc::clone(&limiter.clock),
        rules: Rules {
            waiting: limiter.rules.waiting,
            ..Rules::default()
        },
        state: State::default(),
    })
}

/// An error reason, where its content doesn't matter.
fn reason() -> ErrorReason {
    ErrorReason {
        call: "`units/list`".to_owned(),
        http: None,
        message: String::new(),
    }
}

async fn succeed(permit: Permit<'_>) {
    permit.settle(Class::Success, Some(200), reason()).await;
}

async fn fail(permit: Permit<'_>) {
    permit.settle(Class::Transient, None, reason()).await;
}

async fn call(limiter: &CallLimiter) {
    succeed(limiter.admit().await.unwrap()).await;
}

fn paused<T>(result: Result<T, Stop>) -> Pause {
    match result {
        Err(Stop::Pause(pause)) => pause,
        Err(Stop::Ledger(error)) => panic!("{error}"),
        Ok(_) => panic!("a call was let through"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_burst_goes_at_once_and_the_rest_as_soon_as_it_may() {
    let limiter = patient(&[(3, 60), (5, 3600)]);
    let start = Instant::now();
    let mut starts = Vec::new();
    for _ in 0..6 {
        let permit = limiter.admit().await.unwrap();
        starts.push(start.elapsed());
        time::sleep(seconds(1)).await;
        succeed(permit).await;
    }
    let at = |answer: u64, margins: u32| seconds(answer) + MARGIN * margins;
    // The minute is full after three calls, the hour after five. It is free again an hour after the
    // first response.
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
    let limiter = limiter(&[(2, 60)]);
    let first = limiter.admit().await.unwrap();
    let _second = limiter.admit().await.unwrap();
    time::sleep(seconds(1000)).await;
    assert!(time::timeout(seconds(1000), limiter.admit()).await.is_err());
    succeed(first).await;
    let answered = Instant::now();
    call(&limiter).await;
    assert_eq!(answered.elapsed(), seconds(60) + MARGIN);
}

#[tokio::test(start_paused = true)]
async fn calls_go_in_the_order_in_which_they_ask_whoever_asks() {
    let limiter = limiter(&[(1, 10)]);
    let other = sibling(&limiter, Arc::clone(&limiter.queue));
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = JoinSet::new();
    for n in 0..6 {
        let limiter = Arc::clone(if n % 3 == 0 { &other } else { &limiter });
        let order = Arc::clone(&order);
        tasks.spawn(async move {
            time::sleep(seconds(n)).await;
            call(&limiter).await;
            order.lock().unwrap().push(n);
        });
    }
    tasks.join_all().await;
    assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3, 4, 5]);
    assert_eq!((limiter.calls(), other.calls()), (4, 2));
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_takes_no_place() {
    let limiter = limiter(&[(1, 60)]);
    call(&limiter).await;
    assert!(time::timeout(seconds(1), limiter.admit()).await.is_err());
    assert_eq!(limiter.queue.waiting(), (0, None));
    let start = Instant::now();
    call(&limiter).await;
    assert_eq!(start.elapsed(), seconds(59) + MARGIN);
    assert_eq!(limiter.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_place_that_is_given_back_is_free_at_once() {
    let limiter = limiter(&[(1, 60)]);
    limiter.admit().await.unwrap().give_back().await;
    let start = Instant::now();
    call(&limiter).await;
    assert_eq!((start.elapsed(), limiter.calls()), (Duration::ZERO, 1));
}

#[tokio::test(start_paused = true)]
async fn a_closed_gate_opens_by_itself() {
    let limiter = limiter(&[(100, 60)]);
    limiter.close(seconds(30)).await.unwrap();
    limiter.close(seconds(5)).await.unwrap();
    let start = Instant::now();
    call(&limiter).await;
    assert_eq!(start.elapsed(), seconds(30));
}

#[tokio::test(start_paused = true)]
async fn a_gate_that_closes_for_long_ends_waiting() {
    let limiter = limiter(&[(1, 100)]);
    call(&limiter).await;
    let start = Instant::now();
    let waiting = [
        Arc::clone(&limiter),
        Arc::clone(&limiter),
        Arc::clone(&limiter),
    ]
    .map(|limiter| tokio::spawn(async move { paused(limiter.admit().await) }));
    time::sleep(seconds(1)).await;
    assert_eq!(limiter.queue.waiting().0, 3);
    let opens = later((limiter.clock)(), seconds(7200));
    limiter.close(seconds(7200)).await.unwrap();
    let pause = Pause {
        resume_at: opens,
        reason: Reason::Closed,
    };
    for task in waiting {
        assert_eq!(task.await.unwrap(), pause);
    }
    assert_eq!(start.elapsed(), seconds(1));
    assert_eq!(limiter.last_pause(), Some(pause));
    time::sleep(seconds(7200)).await;
    call(&limiter).await;
}

#[tokio::test(start_paused = true)]
async fn usage_counts_what_each_window_holds() {
    let limiter = limiter(&[(5, 10), (50, 100)]);
    call(&limiter).await;
    time::sleep(seconds(11)).await;
    let _in_flight = limiter.admit().await.unwrap();
    let usage = limiter.usage().await.unwrap();
    assert_eq!((usage.calls, usage.in_flight), (vec![1, 2], 1));
}

#[tokio::test(start_paused = true)]
async fn errors_are_spent_down_to_the_reserve_and_never_beyond() {
    let limiter = gate_with(with_errors(10, 2), Rules::default(), real_time());
    let start = (limiter.clock)();
    let mut in_flight = Vec::new();
    for _ in 0..8 {
        in_flight.push(limiter.admit().await.unwrap());
    }
    // Each of the eight may turn out to be an error, so a ninth call has to wait.
    assert!(time::timeout(seconds(1), limiter.admit()).await.is_err());
    for permit in in_flight {
        fail(permit).await;
    }
    let pause = paused(limiter.admit().await);
    assert_eq!(pause.reason, Reason::Errors);
    let expected = later(start, seconds(3601) + MARGIN);
    assert_eq!(until(pause.resume_at, expected), Duration::ZERO);
    assert!(pause.resume_at >= later(start, seconds(3600)));
    assert_eq!(limiter.usage().await.unwrap().errors, 8);
}

#[tokio::test(start_paused = true)]
async fn concurrency_falls_as_errors_are_spent() {
    let limiter = gate_with(with_errors(10, 2), Rules::default(), real_time());
    for spent in 0..8 {
        let mut in_flight = Vec::new();
        while let Ok(permit) = time::timeout(seconds(2), limiter.admit()).await {
            in_flight.push(permit.unwrap());
        }
        assert_eq!(in_flight.len(), 8 - spent);
        fail(in_flight.pop().unwrap()).await;
        for permit in in_flight {
            succeed(permit).await;
        }
    }
    assert_eq!(paused(limiter.admit().await).reason, Reason::Errors);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_nobody_waits_for_any_more_counts_as_an_error() {
    let limiter = gate_with(with_errors(10, 2), Rules::default(), real_time());
    drop(limiter.admit().await.unwrap());
    task::yield_now().await;
    assert_eq!(limiter.usage().await.unwrap().errors, 1);
}
