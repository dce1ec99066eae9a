//! Random crawls in virtual time: no window is ever exceeded, and no call is sent later than
//! necessary.

use proptest::prelude::*;
use tokio::runtime::Builder;

use super::*;
use crate::Jitter;

fn forever() -> Rules {
    Rules {
        waiting: Waiting::Forever,
        ..Rules::default()
    }
}

/// The largest delay of a tokio timer.
const TICK: Duration = Duration::from_millis(2);

/// A call: when it asked for its turn, when it was sent, when the server counted it, when it was
/// answered, and whether the response was an error.
#[derive(Debug, Clone, Copy)]
struct Sent {
    asked: Micros,
    out: Micros,
    counted: Micros,
    answered: Micros,
    outcome: CallOutcome,
}

/// A crawl by several clients that share a ledger.
#[derive(Debug, Clone)]
struct Plan {
    windows: Vec<(u32, u64)>,
    errors: Option<(u32, u32)>,
    /// How long a worker does something else before each call, in milliseconds.
    idle: u64,
    /// The shortest and longest duration of a call, in milliseconds.
    latency: (u64, u64),
    /// One call out of this many is an error; 0 means none.
    error_every: u64,
    concurrency: u64,
    /// How many clients share the work, and whether they share a queue.
    clients: (usize, Queues),
    calls: usize,
    seed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Queues {
    /// All clients share one, as in a single process.
    One,
    /// Each client has its own, as in separate processes.
    Each,
}

impl Plan {
    fn limits(&self) -> Limits {
        Limits {
            errors: self.errors.map(|(max, reserve)| ErrorLimit {
                max,
                per: seconds(3600),
                reserve,
            }),
            ..limits(&self.windows)
        }
    }

    /// Runs the crawl in virtual time. Returns the calls in the order in which they were sent.
    fn run(&self) -> Vec<Sent> {
        let runtime = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build();
        runtime.unwrap().block_on(async {
            let limiters = self.limiters();
            let left = Arc::new(AtomicU64::new(self.calls as u64));
            let mut workers = JoinSet::new();
            for (worker, limiter) in (0..self.concurrency).zip(limiters.iter().cycle()) {
                let left = Arc::clone(&left);
                workers.spawn(self.clone().work(Arc::clone(limiter), worker, left));
            }
            let mut sent = workers.join_all().await.concat();
            sent.sort_by_key(|call| call.out);
            sent
        })
    }

    fn limiters(&self) -> Vec<Arc<CallLimiter>> {
        let (clients, queues) = self.clients;
        let first = gate_with(self.limits(), forever(), real_time());
        let mut limiters = vec![Arc::clone(&first)];
        while limiters.len() < clients {
            let queue = match queues {
                Queues::One => Arc::clone(&first.queue),
                Queues::Each => Arc::default(),
            };
            limiters.push(sibling(&first, queue));
        }
        limiters
    }

    async fn work(self, limiter: Arc<CallLimiter>, worker: u64, left: Arc<AtomicU64>) -> Vec<Sent> {
        let jitter = Jitter::seeded(self.seed.wrapping_mul(1009).wrapping_add(worker));
        let up_to = |most: u64| jitter.up_to(Duration::from_millis(most));
        let mut sent = Vec::new();
        let take = |left: u64| left.checked_sub(1);
        while left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .is_ok()
        {
            time::sleep(up_to(self.idle)).await;
            let asked = (limiter.clock)();
            let permit = limiter.admit().await.unwrap();
            let out = (limiter.clock)();
            let (least, most) = self.latency;
            let half = || Duration::from_millis(least / 2) + up_to((most - least) / 2);
            time::sleep(half()).await;
            let counted = (limiter.clock)();
            time::sleep(half()).await;
            let answered = (limiter.clock)();
            let error = self.error_every > 0 && up_to(self.error_every) < Duration::from_millis(1);
            let outcome = if error {
                permit.settle(Class::Token, Some(400), reason()).await;
                CallOutcome::Error
            } else {
                succeed(permit).await;
                CallOutcome::Good
            };
            sent.push(Sent {
                asked,
                out,
                counted,
                answered,
                outcome,
            });
        }
        sent
    }
}

/// Checks that no period as long as the window contains more of these times than allowed.
fn check_window(what: &str, mut instants: Vec<Micros>, max: u32, per: Duration) {
    instants.sort_unstable();
    for (first, beyond) in instants.iter().zip(instants.iter().skip(max as usize)) {
        let apart = until(*first, *beyond);
        assert!(
            apart >= per,
            "{} {what} in {apart:?}, {max} in {per:?}",
            max + 1
        );
    }
}

fn check_never_too_many(plan: &Plan, sent: &[Sent]) {
    for &(max, per) in &plan.windows {
        // This must hold whenever between request and response the server counts a call, even
        // if that differs from call to call.
        for counted in [
            |call: &Sent| call.out,
            |call: &Sent| call.counted,
            |call: &Sent| call.answered,
        ] {
            check_window(
                "calls",
                sent.iter().map(counted).collect(),
                max,
                seconds(per),
            );
        }
    }
    if let Some((max, reserve)) = plan.errors {
        let errors = sent
            .iter()
            .filter(|call| call.outcome == CallOutcome::Error);
        let errors = errors.map(|call| call.counted).collect();
        check_window("errors", errors, max - reserve, seconds(3600));
    }
}

/// Checks that every call that was sent later than it was ready was held back by a limit until just
/// before.
fn check_never_too_late(plan: &Plan, sent: &[Sent]) {
    let mut before = Micros::MIN;
    for (n, call) in sent.iter().enumerate() {
        // Earlier callers go first, and waiting callers are woken by responses.
        let ready = later(call.asked.max(before), TICK);
        before = call.out;
        if call.out <= ready {
            continue;
        }
        let moment = call.out - later(0, TICK);
        let count = |per: Duration, counts: &dyn Fn(&Sent) -> bool| {
            let holds = |call: &&Sent| {
                let in_flight = call.answered > moment;
                in_flight || (counts(call) && later(call.answered, per + MARGIN) > moment)
            };
            u32::try_from(sent[..n].iter().filter(holds).count()).unwrap()
        };
        let full = plan
            .windows
            .iter()
            .any(|&(max, per)| count(seconds(per), &|_| true) >= max);
        let used_up = plan.errors.is_some_and(|(max, reserve)| {
            count(seconds(3600), &|call| call.outcome == CallOutcome::Error) >= max - reserve
        });
        assert!(
            full || used_up,
            "call {n} could have gone out earlier: {call:?}"
        );
    }
}

fn windows() -> impl Strategy<Value = Vec<(u32, u64)>> {
    prop::collection::vec((1..20_u32, prop::sample::select(vec![1, 7, 60, 600])), 1..4)
}

fn plans() -> impl Strategy<Value = Plan> {
    let errors = prop::option::of((3..12_u32, 0..3_u32));
    let load = (0..5_000_u64, 0..20_000_u64, 0..12_u64, 1..12_u64);
    let queues = prop::sample::select(vec![Queues::One, Queues::Each]);
    (windows(), errors, load, (1..4_usize, queues), any::<u64>()).prop_map(
        |(windows, errors, (idle, latency, error_every, concurrency), clients, seed)| Plan {
            windows,
            errors,
            idle,
            latency: (0, latency),
            error_every,
            concurrency,
            clients,
            calls: 150,
            seed,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn calls_go_as_early_as_they_may_and_no_earlier(plan in plans()) {
        let sent = plan.run();
        prop_assert_eq!(sent.len(), plan.calls);
        check_never_too_many(&plan, &sent);
        // Processes that share no queue notice each other's responses only when they check again,
        // once a second.
        if plan.clients.1 == Queues::One {
            check_never_too_late(&plan, &sent);
        }
    }
}

/// Makes this many calls of one second each, eight at a time, within the documented limits. Returns
/// how long it takes.
fn makespan(calls: usize) -> Duration {
    let plan = Plan {
        windows: vec![(100, 60), (1000, 3600)],
        errors: Some((10, 2)),
        idle: 0,
        latency: (1_000, 1_000),
        error_every: 0,
        concurrency: 8,
        clients: (1, Queues::One),
        calls,
        seed: 1,
    };
    let sent = plan.run();
    assert_eq!(sent.len(), calls);
    check_never_too_many(&plan, &sent);
    let end = sent.iter().map(|call| call.answered).max().unwrap();
    until(sent[0].out, end)
}

/// The shortest possible time for this many calls, whenever the server counts them.
fn lower_bound(calls: u64) -> Duration {
    let hours = (calls - 1) / 1000;
    let minutes = (calls - 1) % 1000 / 100;
    let last = (calls - 1) % 100 + 1;
    seconds(hours * 3600 + minutes * 60 + last.div_ceil(8))
}

#[test]
fn a_crawl_takes_hardly_longer_than_the_limits_make_it() {
    for (accounts, calls) in [(17, 55), (1_000, 2_040), (20_000, 40_400)] {
        let bound = lower_bound(calls);
        let took = makespan(usize::try_from(calls).unwrap());
        let over = took.as_secs_f64() / bound.as_secs_f64() - 1.0;
        assert!(
            over < 0.01,
            "{accounts} accounts: {took:?}, {bound:?} at least"
        );
    }
}
