//! Tests of tokens that expire or are revoked while calls wait for their turn.

use std::collections::HashSet;

use super::*;
use crate::foreign::{Event, Foreign, Habits};

#[tokio::test(start_paused = true)]
async fn nothing_goes_out_with_a_token_that_was_refused() {
    let scenario = "
        latency = \"200ms\"
        latency_spread = \"1s\"
        organization = { products = 17 }
        [[fault]]
        path = \"products/list\"
        nth = 40
        action = { kind = \"revoke-tokens\" }
        [[fault]]
        path = \"products/list\"
        nth = 120
        action = { kind = \"revoke-tokens\" }
    ";
    let simulator = Simulator::new(Scenario::from_toml(scenario).unwrap());
    let habits = Habits {
        delay: Duration::from_secs(1),
        ..Habits::default()
    };
    let server = Foreign::new(&simulator, habits);
    let mut config = config();
    config.errors = None;
    let client = Arc::new(Client::new(config, server.transport(), Jitter::seeded(1)).unwrap());
    let mut workers = JoinSet::new();
    for worker in 0..8_u64 {
        let client = Arc::clone(&client);
        workers.spawn(async move {
            for n in 0..25 {
                products(&client, 710_101 + 11 * ((worker + n) % 17))
                    .await
                    .unwrap();
            }
        });
    }
    workers.join_all().await;

    let mut refused = HashSet::new();
    let mut used = HashSet::new();
    let mut refusals = 0;
    for event in server.log() {
        match event {
            Event::Sent(token) => {
                assert!(!refused.contains(&token), "a refused token is used again");
                used.insert(token);
            }
            Event::Answered(token, status) if status >= 400 => {
                refusals += 1;
                refused.insert(token);
            }
            Event::Answered(..) => {}
        }
    }
    // At most the calls in flight were refused when a token was revoked, and each token led to only
    // one sign-in.
    assert!((2..=16).contains(&refusals), "{refusals}");
    used.remove("");
    assert_eq!((used.len(), refused.len()), (3, 2));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_ends_while_its_call_waits_is_renewed_first() {
    let simulator = Simulator::new(Scenario::production());
    let mut config = config();
    // Tokens live hardly longer than an hour, so each hour includes a sign-in.
    config.waiting = Waiting::Forever;
    config.calls = vec![Window {
        max: 4,
        per: Duration::from_hours(1),
    }];
    let client = Arc::new(Client::new(config, in_process(&simulator), Jitter::seeded(1)).unwrap());
    let mut calls = JoinSet::new();
    for n in 0..12 {
        let client = Arc::clone(&client);
        calls.spawn(async move { products(&client, 710_101 + 11 * n).await });
    }
    let start = Instant::now();
    assert!(calls.join_all().await.iter().all(Result::is_ok));
    assert!(
        statuses(&simulator)
            .iter()
            .all(|status| *status == Some(200))
    );
    assert_eq!(simulator.calls().len(), 16);
    assert!(start.elapsed() < Duration::from_secs(3 * 3600 + 1));
}

#[tokio::test(start_paused = true)]
async fn tokens_that_never_last_until_the_turn_are_no_endless_loop() {
    let simulator = Simulator::new(Scenario::from_toml("expires_in = 600").unwrap());
    let mut config = config();
    config.waiting = Waiting::Forever;
    config.calls = vec![Window {
        max: 1,
        per: Duration::from_hours(1),
    }];
    let client = Client::new(config, in_process(&simulator), Jitter::seeded(1)).unwrap();
    let error = products(&client, 710_101).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unexpected);
    assert_eq!(
        error.to_string(),
        "`products/list` for accountId 710101, serialNumber % was not sent, because the sign-in \
         failed: every token expired while the call waited for its turn"
    );
    assert_eq!(simulator.calls().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_the_api_does_not_know_yet_is_tried_again() {
    let (simulator, client) = simulate("token_lag = \"1500ms\"");
    let start = Instant::now();
    products(&client, 710_101).await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_secs(2));
    assert_eq!(
        statuses(&simulator),
        [Some(200), Some(400), Some(400), Some(200)]
    );
}

#[tokio::test(start_paused = true)]
async fn another_tool_that_ends_the_tokens_costs_time_and_no_call() {
    let scenario = "
        [[fault]]
        path = \"products/list\"
        every = 9
        action = { kind = \"revoke-tokens\" }
    ";
    let simulator = Simulator::new(Scenario::from_toml(scenario).unwrap());
    let client = Client::new(config(), in_process(&simulator), Jitter::seeded(1)).unwrap();
    let mut paused = 0;
    for n in 0..200_u64 {
        while let Err(error) = products(&client, 710_101 + 11 * (n % 17)).await {
            let pause = error.pause().unwrap_or_else(|| panic!("{error}"));
            assert_eq!(pause.reason, fortilake_client::Reason::Errors);
            tokio::time::sleep(Duration::from_mins(10)).await;
            paused += 1;
        }
    }
    assert!(paused > 0);
    let refused = statuses(&simulator)
        .into_iter()
        .filter(|http| *http != Some(200));
    assert!((20..40).contains(&refused.count()));
}
