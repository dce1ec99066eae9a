//! Tests of the windows, against a server that counts.

use std::collections::VecDeque;

use fortilake_auth::real_time;
use fortilake_client::{
    Queue,
    ledger::{Ledger, MemoryLedger},
};
use proptest::prelude::*;
use tokio::{runtime::Builder, time};

use super::*;
use crate::foreign::{Foreign, Habits};

/// Several clients of one user that restart from time to time.
#[derive(Debug, Clone)]
struct Plan {
    windows: Vec<(u32, u64)>,
    fixed: bool,
    /// The client's share of the limits, in percent.
    share: u32,
    clients: usize,
    concurrency: usize,
    delay: Duration,
    /// How long each client lives before it is stopped in the middle of its calls.
    life: Duration,
    seed: u64,
}

impl Plan {
    fn part(&self, max: u32) -> usize {
        usize::try_from(max * self.share / 100).unwrap().max(1)
    }

    fn simulator(&self) -> Simulator {
        let kind = if self.fixed { "fixed" } else { "sliding" };
        let limit = |(max, per): &(u32, u64)| {
            format!("{{ max = {max}, per = \"{per}s\", kind = \"{kind}\" }}")
        };
        let limits: Vec<_> = self.windows.iter().map(limit).collect();
        let scenario = format!(
            "expires_in = 86400\norganization = {{ products = 17 }}\n[quota]\ncalls = [{}]",
            limits.join(", ")
        );
        Simulator::new(Scenario::from_toml(&scenario).unwrap())
    }

    fn config(&self, ledger: &Arc<MemoryLedger>) -> Config {
        let ledger: Arc<dyn Ledger> = Arc::<MemoryLedger>::clone(ledger);
        let window = |&(max, per): &(u32, u64)| Window {
            max,
            per: Duration::from_secs(per),
        };
        Config {
            calls: self.windows.iter().map(window).collect(),
            errors: None,
            waiting: Waiting::Forever,
            share: f64::from(self.share) / 100.0,
            ledger,
            ..config()
        }
    }

    async fn run(&self) -> Simulator {
        let simulator = self.simulator();
        let habits = Habits {
            delay: self.delay,
            seed: self.seed,
            failures: 0,
        };
        let server = Foreign::new(&simulator, habits);
        let (ledger, clock) = (Arc::default(), real_time());
        for _ in 0..3 {
            let mut workers = JoinSet::new();
            for _ in 0..self.clients {
                let config = Config {
                    clock: Arc::clone(&clock),
                    ..self.config(&ledger)
                };
                let client = Client::new(config, server.transport(), Jitter::seeded(1)).unwrap();
                let client = Arc::new(client);
                for worker in 0..self.concurrency as u64 {
                    let client = Arc::clone(&client);
                    workers.spawn(async move {
                        for n in 0..30 {
                            products(&client, 710_101 + 11 * ((worker + n) % 17))
                                .await
                                .unwrap();
                        }
                    });
                }
            }
            // Calls that are not finished by then are cut off, as if the process were killed.
            drop(
                time::timeout(self.life, async {
                    while let Some(worker) = workers.join_next().await {
                        worker.unwrap();
                    }
                })
                .await,
            );
        }
        simulator
    }
}

fn plans() -> impl Strategy<Value = Plan> {
    let window = (1..25_u32, prop::sample::select(vec![1_u64, 10, 60, 3600]));
    let windows = prop::collection::vec(window, 1..3);
    let share = prop::sample::select(vec![100, 50, 29]);
    let times = (0..3_000_u64, 1..7_200_u64);
    (
        windows,
        any::<bool>(),
        share,
        (1..4_usize, 1..6_usize),
        times,
        any::<u64>(),
    )
        .prop_map(
            |(windows, fixed, share, (clients, concurrency), (delay, life), seed)| Plan {
                windows,
                fixed,
                share,
                clients,
                concurrency,
                delay: Duration::from_millis(delay),
                life: Duration::from_secs(life),
                seed,
            },
        )
}

/// Checks that no period as long as a window has more calls than the client's share.
fn check_share(plan: &Plan, simulator: &Simulator) {
    for &(max, per) in &plan.windows {
        let most = plan.part(max);
        let mut recent = VecDeque::new();
        for call in simulator.calls() {
            recent.push_back(call.at);
            while recent[0] + Duration::from_secs(per) <= call.at {
                recent.pop_front();
            }
            assert!(recent.len() <= most, "{} calls in {per} s", recent.len());
        }
    }
}

/// Runs the plan, and checks that the server never had to refuse a call.
fn check(plan: &Plan) -> Result<(), TestCaseError> {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    let simulator = runtime.unwrap().block_on(plan.run());
    let statuses = statuses(&simulator);
    prop_assert!(
        statuses.iter().all(|status| *status == Some(200)),
        "{:?}",
        statuses
    );
    check_share(plan, &simulator);
    Ok(())
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(cases(20))]

    #[test]
    fn no_window_is_ever_exceeded_as_the_server_sees_it(plan in plans()) {
        check(&plan)?;
    }
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    #[ignore = "slow; `cargo xtask soak` runs it"]
    fn no_window_is_exceeded_by_any_of_a_hundred_plans(plan in plans()) {
        check(&plan)?;
    }
}

#[tokio::test(start_paused = true)]
async fn sources_of_one_user_take_turns() {
    let simulator = Simulator::new(Scenario::production());
    let (ledger, queue, clock) = (Arc::new(MemoryLedger::new()), Queue::new(), real_time());
    let mut done = JoinSet::new();
    for source in ["greedy", "modest"] {
        let config = Config {
            calls: vec![Window {
                max: 10,
                per: Duration::from_mins(1),
            }],
            ledger: Arc::<MemoryLedger>::clone(&ledger),
            queue: queue.clone(),
            clock: Arc::clone(&clock),
            ..config()
        };
        let client = Client::new(config, in_process(&simulator), Jitter::seeded(1)).unwrap();
        let client = Arc::new(client);
        let workers = if source == "greedy" { 6 } else { 2 };
        for _ in 0..workers {
            let client = Arc::clone(&client);
            done.spawn(async move {
                let mut made = 0_u32;
                while products(&client, 710_101).await.is_ok() {
                    made += 1;
                }
                made
            });
        }
        let client = Arc::clone(&client);
        done.spawn(async move {
            time::sleep(Duration::from_mins(30)).await;
            u32::try_from(client.usage().await.unwrap().calls).unwrap()
        });
    }
    let counts = [done.join_next().await, done.join_next().await];
    let counts = counts.map(|count| count.unwrap().unwrap());
    // The queue serves callers evenly, and the modest source has a quarter of the workers.
    let share = f64::from(counts[0].min(counts[1])) / f64::from(counts[0] + counts[1]);
    assert!((0.22..0.28).contains(&share), "{counts:?}");
}
