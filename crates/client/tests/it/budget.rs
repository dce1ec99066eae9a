//! Tests of the error budget, with servers and networks that fail.

use fortilake_auth::{later, real_time, until};
use fortilake_client::{
    Pause, Reason, Waiting,
    ledger::{ErrorLimit, Ledger, MemoryLedger},
};
use tokio::time;

use super::*;
use crate::foreign::{Foreign, Habits};

fn flaky(failures: u64) -> Foreign {
    let scenario = Scenario::from_toml("organization = { products = 17 }").unwrap();
    let habits = Habits {
        failures,
        delay: Duration::from_millis(500),
        seed: 7,
    };
    Foreign::new(&Simulator::new(scenario), habits)
}

fn client(config: Config, server: &Foreign) -> Arc<Client> {
    Arc::new(Client::new(config, server.transport(), Jitter::seeded(1)).unwrap())
}

/// Makes different calls, eight at a time, and returns their results.
async fn make(client: &Arc<Client>, calls: std::ops::Range<u32>) -> Vec<Result<Page, Error>> {
    let mut workers = JoinSet::new();
    for worker in 0..8 {
        let client = Arc::clone(client);
        let mine: Vec<u32> = calls.clone().skip(worker).step_by(8).collect();
        workers.spawn(async move {
            let mut results = Vec::new();
            for n in mine {
                let arguments = json!({"serialNumber": format!("F{n}"), "accountId": 710_101});
                results.push(fetch(&client, "products/list", arguments).await);
            }
            results
        });
    }
    workers.join_all().await.into_iter().flatten().collect()
}

/// Returns the pauses among the results. There must be no other failures.
fn pauses(results: Vec<Result<Page, Error>>) -> Vec<Pause> {
    let failed = results.into_iter().filter_map(Result::err);
    failed
        .map(|error| {
            assert_eq!(error.kind(), Kind::Paused, "{error}");
            error.pause().unwrap()
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_wide_budget_brings_every_call_through() {
    let server = flaky(15);
    let mut config = config();
    config.errors = Some(ErrorLimit {
        max: 10_000,
        per: Duration::from_hours(1),
        reserve: 2,
    });
    let client = client(config, &server);
    let results = make(&client, 0..600).await;
    assert!(results.iter().all(Result::is_ok));
    assert!((60..200).contains(&server.errors()), "{}", server.errors());
    assert_eq!(server.most_tries(), 3);
    // Everything that went wrong was counted, and nothing else.
    let left = client.usage().await.unwrap().errors_left.unwrap();
    assert_eq!(usize::try_from(left).unwrap() + server.errors(), 9_998);
}

#[tokio::test(start_paused = true)]
async fn the_tenth_error_never_happens_however_often_it_is_run() {
    let server = flaky(15);
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let clock = real_time();
    let mut ended_early = 0;
    for run in 0..40 {
        let mut config = config();
        config.ledger = Arc::clone(&ledger);
        config.clock = Arc::clone(&clock);
        let client = client(config, &server);
        let results = make(&client, run * 100..run * 100 + 100).await;
        let pauses = pauses(results);
        ended_early += u32::from(!pauses.is_empty());
        for pause in pauses {
            assert_eq!(pause.reason, Reason::Errors);
        }
        time::advance(Duration::from_mins(u64::from(run % 11))).await;
    }
    assert!(ended_early > 20, "{ended_early}");
    let most = server.most_errors_in_an_hour();
    assert!(most <= 8, "{most}");
}

#[tokio::test(start_paused = true)]
async fn a_pause_says_when_it_goes_on() {
    let server = flaky(90);
    let mut config = config();
    let clock = real_time();
    config.clock = Arc::clone(&clock);
    let client = client(config, &server);
    let pauses = pauses(make(&client, 0..40).await);
    let resume_at = pauses.iter().map(|pause| pause.resume_at).max().unwrap();
    assert!(until(clock(), resume_at) > Duration::from_mins(30));
    let before = server.log().len();
    let nearly = later(clock(), Duration::from_mins(3));
    time::advance(until(nearly, resume_at)).await;
    assert_eq!(
        products(&client, 710_101).await.unwrap_err().kind(),
        Kind::Paused
    );
    assert_eq!(server.log().len(), before);
    time::advance(Duration::from_mins(3)).await;
    assert!(products(&client, 710_101).await.is_ok() || server.log().len() > before);
}

#[tokio::test(start_paused = true)]
async fn who_waits_forever_gets_everything_within_the_budget() {
    let server = flaky(15);
    let mut config = config();
    config.waiting = Waiting::Forever;
    let client = client(config, &server);
    let start = Instant::now();
    let results = make(&client, 0..200).await;
    assert!(results.iter().all(Result::is_ok));
    assert!(
        start.elapsed() > Duration::from_hours(2),
        "{:?}",
        start.elapsed()
    );
    assert!(server.most_errors_in_an_hour() <= 8);
}

#[tokio::test(start_paused = true)]
async fn what_one_user_may_not_costs_one_error() {
    let (simulator, client) =
        simulate("[[fault]]\naccount = 710101\naction = { kind = \"refuse\" }");
    assert_eq!(
        products(&client, 710_101).await.unwrap_err().kind(),
        Kind::Refused
    );
    assert_eq!(client.usage().await.unwrap().errors_left, Some(7));
    assert_eq!(simulator.calls().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_costs_one_error() {
    let simulator = Simulator::new(Scenario::production());
    let mut config = config();
    config.credentials.password = "wrong".into();
    let client = Client::new(config, in_process(&simulator), Jitter::seeded(1)).unwrap();
    for _ in 0..3 {
        let error = products(&client, 710_101).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Credentials);
    }
    assert_eq!(client.usage().await.unwrap().errors_left, Some(7));
    assert_eq!(simulator.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_dead_service_is_left_alone() {
    let faults = "[[fault]]\npath = \"products/list\"\ntimes = 9\naction = { kind = \"reset\" }";
    let simulator = Simulator::new(Scenario::from_toml(faults).unwrap());
    let mut config = config();
    config.errors = None;
    let client = Client::new(config, in_process(&simulator), Jitter::seeded(1)).unwrap();
    for _ in 0..2 {
        let error = products(&client, 710_101).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Transient);
    }
    for _ in 0..3 {
        let error = products(&client, 710_101).await.unwrap_err();
        assert_eq!(error.pause().unwrap().reason, Reason::Failures, "{error}");
    }
    assert_eq!(simulator.calls().len(), 10, "nothing is sent in a pause");
    time::advance(Duration::from_mins(5)).await;
    assert!(products(&client, 710_101).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn limits_of_the_run_are_pauses() {
    let simulator = Simulator::new(Scenario::production());
    let mut config = config();
    config.max_calls = Some(3);
    let client = Client::new(config, in_process(&simulator), Jitter::seeded(1)).unwrap();
    let results = [
        products(&client, 710_101).await,
        products(&client, 710_112).await,
        products(&client, 710_123).await,
    ];
    let [_, _, Err(error)] = results else {
        panic!("the third call exceeds the maximum, because the sign-in counts too")
    };
    assert_eq!(error.pause().unwrap().reason, Reason::MaxCalls);
    assert_eq!(
        error.to_string(),
        "`products/list` for accountId 710123, serialNumber % has to wait: \
         reached `--max-calls`"
    );
    assert_eq!(simulator.calls().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_stops_the_sign_in_is_told_as_well() {
    let simulator = Simulator::new(Scenario::production());
    let mut config = config();
    config.deadline = Some((config.clock)());
    let client = Client::new(config, in_process(&simulator), Jitter::seeded(1)).unwrap();
    let error = products(&client, 710_101).await.unwrap_err();
    assert_eq!(error.pause().unwrap().reason, Reason::Deadline);
    assert!(simulator.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_limits_of_the_server_are_waited_out_where_that_is_wanted() {
    for status in [-11, -30] {
        let fault = format!(
            "[[fault]]\npath = \"products/list\"\ntimes = 2\n\
             action = {{ kind = \"status\", status = {status} }}"
        );
        let simulator = Simulator::new(Scenario::from_toml(&fault).unwrap());
        let mut config = config();
        config.waiting = Waiting::Forever;
        let client = Client::new(config, in_process(&simulator), Jitter::seeded(1)).unwrap();
        let start = Instant::now();
        assert!(products(&client, 710_101).await.is_ok());
        assert!(start.elapsed() >= Duration::from_hours(2), "{status}");
        // During each hour's wait, the token expires as well.
        assert_eq!(simulator.calls().len(), 6);
    }
}
