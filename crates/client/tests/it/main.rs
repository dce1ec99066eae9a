//! The client against the simulator, in process with virtual time and on a port.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod appliances;
mod budget;
mod foreign;
mod port;
mod tokens;
mod unreached;
mod windows;

use std::{sync::Arc, time::Duration};

use fortilake_auth::Credentials;
use fortilake_client::{Client, Config, Error, Jitter, Kind, Page, Waiting, Window};
use fortilake_models as models;
use fortilake_simulator::{Scenario, Simulator};
use fortilake_transport::{InProcess, Network, NetworkConfig, Transport};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::oneshot, task::JoinSet, time::Instant};

fn config() -> Config {
    Config::new(Credentials {
        username: "simulated".to_owned(),
        username_origin: "the test".to_owned(),
        password: "simulated".into(),
        password_origin: "the test".to_owned(),
    })
}

fn in_process(simulator: &Simulator) -> Arc<dyn Transport> {
    let simulator = simulator.clone();
    Arc::new(InProcess::new(move |request| {
        let simulator = simulator.clone();
        async move { simulator.handle(request).await }
    }))
}

/// Creates a simulator of this scenario and a client for it.
fn simulate(scenario: &str) -> (Simulator, Client) {
    let simulator = Simulator::new(Scenario::from_toml(scenario).unwrap());
    let client = Client::new(config(), in_process(&simulator), Jitter::seeded(1)).unwrap();
    (simulator, client)
}

async fn fetch(client: &Client, endpoint: &str, arguments: Value) -> Result<Page, Error> {
    client
        .fetch(
            models::endpoint(endpoint).unwrap(),
            arguments.as_object().unwrap(),
        )
        .await
}

async fn products(client: &Client, account: u64) -> Result<Page, Error> {
    let arguments = json!({"serialNumber": "%", "status": "Registered", "accountId": account});
    fetch(client, "products/list", arguments).await
}

/// Returns the HTTP statuses of all responses, in the order of the calls.
fn statuses(simulator: &Simulator) -> Vec<Option<u16>> {
    simulator
        .calls()
        .iter()
        .map(|call| call.http_status)
        .collect()
}

#[tokio::test(start_paused = true)]
async fn every_api_opens_with_its_own_token() {
    let (simulator, client) = simulate("");
    let units = fetch(&client, "units/list", json!({})).await.unwrap();
    let units: Value = serde_json::from_str(&units.body).unwrap();
    assert_eq!(
        units["organizationUnits"]["orgUnits"]
            .as_array()
            .unwrap()
            .len(),
        17
    );
    let accounts = fetch(&client, "accounts/list", json!({"parentId": 2_100_001}))
        .await
        .unwrap();
    assert!(!accounts.is_empty_result());
    let page = products(&client, 710_101).await.unwrap();
    let body: Value = serde_json::from_str(&page.body).unwrap();
    assert!(body.get("token").is_none() && !page.body.contains("\"token\""));
    assert_eq!(statuses(&simulator), [Some(200); 6]);
    assert_eq!(client.usage().await.unwrap().calls, 6);
}

#[tokio::test(start_paused = true)]
async fn the_sign_in_survives_every_redirect() {
    for code in [301, 302, 307, 308] {
        let simulator =
            Simulator::new(Scenario::from_toml(&format!("token_redirect = {code}")).unwrap());
        let mut config = config();
        let slashless = config.auth_url.as_str().trim_end_matches('/').parse();
        config.auth_url = slashless.unwrap();
        let client = Client::new(config, in_process(&simulator), Jitter::seeded(1)).unwrap();
        products(&client, 710_101).await.unwrap();
        assert_eq!(statuses(&simulator), [Some(code), Some(200), Some(200)]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_counts_never_has_to_refuse() {
    for kind in ["sliding", "fixed"] {
        let scenario = format!(
            r#"
            latency = "400ms"
            latency_spread = "3s"
            organization = {{ products = 17 }}
            [quota]
            calls = [
                {{ max = 10, per = "1m", kind = "{kind}" }},
                {{ max = 100, per = "1h", kind = "{kind}" }},
            ]
            "#
        );
        let simulator = Simulator::new(Scenario::from_toml(&scenario).unwrap());
        let mut config = config();
        config.waiting = Waiting::Forever;
        config.calls = vec![
            Window {
                max: 10,
                per: Duration::from_mins(1),
            },
            Window {
                max: 100,
                per: Duration::from_hours(1),
            },
        ];
        let client = Client::new(config, in_process(&simulator), Jitter::seeded(1)).unwrap();
        let client = Arc::new(client);
        let start = Instant::now();
        let mut workers = JoinSet::new();
        for worker in 0..8_u64 {
            let client = Arc::clone(&client);
            workers.spawn(async move {
                for n in 0..28 {
                    products(&client, 710_101 + 11 * ((worker + n) % 17))
                        .await
                        .unwrap();
                }
            });
        }
        workers.join_all().await;
        assert!(
            statuses(&simulator)
                .iter()
                .all(|status| *status == Some(200)),
            "{kind}"
        );
        // Two full hours, then the last calls in a burst and the minute that holds some of them
        // back.
        let spent = start.elapsed();
        assert!(
            spent > Duration::from_hours(2) && spent < Duration::from_mins(124),
            "{spent:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_throttling_server_is_obeyed() {
    let (simulator, client) = simulate(
        r#"
        [[fault]]
        path = "products/list"
        times = 1
        action = { kind = "http", status = 429, retry_after = "17" }
        [[fault]]
        path = "products/list"
        times = 1
        action = { kind = "status", status = -10, message = "Exceeded" }
        "#,
    );
    let start = Instant::now();
    products(&client, 710_101).await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_secs(17 + 60));
    assert_eq!(simulator.calls().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn faults_heal_by_trying_again() {
    for action in [
        r#"{ kind = "http", status = 500 }"#,
        r#"{ kind = "html" }"#,
        r#"{ kind = "reset" }"#,
        r#"{ kind = "cut-body" }"#,
        r#"{ kind = "silence" }"#,
        r#"{ kind = "revoke-tokens" }"#,
    ] {
        let faults = format!("[[fault]]\npath = \"products/list\"\ntimes = 1\naction = {action}");
        let (_, client) = simulate(&faults);
        assert!(products(&client, 710_101).await.is_ok(), "{action}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_expired_token_is_renewed_before_the_server_minds() {
    let (simulator, client) = simulate("expires_in = 600");
    for _ in 0..100 {
        products(&client, 710_101).await.unwrap();
        tokio::time::advance(Duration::from_mins(1)).await;
    }
    assert!(
        statuses(&simulator)
            .iter()
            .all(|status| *status == Some(200))
    );
    let sign_ins = simulator
        .calls()
        .iter()
        .filter(|call| call.path.contains("oauth"))
        .count();
    assert!((10..=12).contains(&sign_ins), "{sign_ins}");
}

#[tokio::test(start_paused = true)]
async fn refusals_and_mistakes_are_told_apart() {
    let (simulator, client) = simulate(
        r#"
        [[fault]]
        account = 710101
        action = { kind = "refuse" }
        "#,
    );
    assert_eq!(
        products(&client, 710_101).await.unwrap_err().kind(),
        Kind::Refused
    );
    let no_account = fetch(&client, "products/list", json!({"serialNumber": "%"})).await;
    assert_eq!(no_account.unwrap_err().kind(), Kind::BadRequest);
    assert!(products(&client, 710_112).await.is_ok());
    assert_eq!(simulator.calls().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn empty_results_are_pages_in_every_form() {
    for empty in ["error-301", "null", "status-1008", "http-404"] {
        for extra in ["", "error_as_text = true", "bare_envelope = true"] {
            // Without its number, this error is the same as the one for a wrong path.
            if empty == "http-404" && !extra.is_empty() {
                continue;
            }
            let (_, client) = simulate(&format!("[quirks]\nempty = \"{empty}\"\n{extra}"));
            let arguments = json!({"serialNumber": "NOSUCH", "accountId": 710_101});
            let page = fetch(&client, "products/list", arguments).await;
            assert!(page.is_ok(), "{empty} {extra}: {page:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn wrong_credentials_cost_one_call() {
    let simulator = Simulator::new(Scenario::production());
    let mut config = config();
    config.credentials.password = "wrong".into();
    let client = Client::new(config, in_process(&simulator), Jitter::seeded(1)).unwrap();
    assert_eq!(
        products(&client, 710_101).await.unwrap_err().kind(),
        Kind::Credentials
    );
    let units = fetch(&client, "units/list", json!({})).await;
    assert_eq!(units.unwrap_err().kind(), Kind::Credentials);
    assert_eq!(simulator.calls().len(), 1);
}
