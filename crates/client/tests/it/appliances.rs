//! Tests of `FortiPortal` and `FortiAuthenticator`.

use std::sync::Mutex;

use fortilake_auth::{FORTIPORTAL, StoredToken, TokenStore};
use fortilake_client::{Jitter, SignIn};
use fortilake_transport::url::Url;

use super::*;

/// Keeps the token between clients.
#[derive(Default)]
struct Store(Mutex<Option<StoredToken>>);

#[async_trait::async_trait]
impl TokenStore for Store {
    async fn load(&self, _: &str, client_id: &str) -> Option<StoredToken> {
        assert_eq!(client_id, FORTIPORTAL);
        self.0.lock().unwrap().clone()
    }

    async fn save(&self, _: &str, _: &str, token: &StoredToken) {
        *self.0.lock().unwrap() = Some(token.clone());
    }

    async fn remove(&self, _: &str, _: &str) {
        *self.0.lock().unwrap() = None;
    }
}

fn url() -> Url {
    "https://appliance.example".parse().unwrap()
}

fn credentials() -> Credentials {
    config().credentials
}

fn client(simulator: &Simulator, config: Config) -> Client {
    Client::new(config, in_process(simulator), Jitter::seeded(1)).unwrap()
}

fn simulator(scenario: &str) -> Simulator {
    Simulator::new(Scenario::from_toml(scenario).unwrap())
}

async fn organizations(client: &Client) -> Result<Page, Error> {
    fetch(client, "portal/account/organizations", json!({})).await
}

#[tokio::test(start_paused = true)]
async fn a_portal_is_read_and_left() {
    let simulator = simulator("");
    let client = client(&simulator, Config::portal(url(), credentials()));
    let page = organizations(&client).await.unwrap();
    let body: Value = serde_json::from_str(&page.body).unwrap();
    let organizations = body["data"]["results"].as_array().unwrap();
    for (endpoint, argument) in [
        ("portal/account/organization/general", "org"),
        ("portal/device/site/customer", "org"),
    ] {
        let arguments = json!({argument: organizations[0]["id"]});
        fetch(&client, endpoint, arguments).await.unwrap();
    }
    fetch(&client, "portal/account/organization/users", json!({}))
        .await
        .unwrap();
    client.sign_out().await.unwrap();
    assert_eq!(
        statuses(&simulator),
        [
            Some(200),
            Some(200),
            Some(200),
            Some(200),
            Some(200),
            Some(204)
        ]
    );
    assert_eq!(client.calls(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_crash_locks_nobody_out_who_kept_the_token() {
    for refusal in [401, 403] {
        let simulator = simulator(&format!("[portal]\nrefusal = {refusal}"));
        let store = Arc::new(Store::default());
        let kept = || {
            let tokens: Arc<dyn TokenStore> = store.clone();
            let config = Config::portal(url(), credentials());
            client(
                &simulator,
                Config {
                    tokens: Some(tokens),
                    ..config
                },
            )
        };
        organizations(&kept()).await.unwrap();
        let second = kept();
        organizations(&second).await.unwrap();
        // A client without our store has to wait.
        let stranger = client(&simulator, Config::portal(url(), credentials()));
        let error = organizations(&stranger).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Credentials);
        assert_eq!(simulator.calls().len(), 4);
        // A token that somebody else has given back is replaced.
        let third = kept();
        second.sign_out().await.unwrap();
        let token = store.0.lock().unwrap().is_some();
        assert!(!token);
        organizations(&third).await.unwrap();
        third.sign_out().await.unwrap();
        organizations(&stranger).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_gone_is_replaced_in_the_next_run() {
    for refusal in [401, 403] {
        let simulator = simulator(&format!("[portal]\nrefusal = {refusal}"));
        let store = Arc::new(Store::default());
        let now = fortilake_auth::real_time()();
        let token = StoredToken {
            access_token: "0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9".into(),
            refresh_token: None,
            issued_at: now,
            expires_at: now + 1_000_000_000,
        };
        store.save("", FORTIPORTAL, &token).await;
        let config = Config {
            tokens: Some(store),
            ..Config::portal(url(), credentials())
        };
        organizations(&client(&simulator, config)).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_crawl_outlives_its_tokens() {
    let simulator = simulator("");
    let config = Config {
        sign_in: SignIn::Portal {
            life: Duration::from_mins(10),
        },
        ..Config::portal(url(), credentials())
    };
    let client = client(&simulator, config);
    for _ in 0..60 {
        organizations(&client).await.unwrap();
        tokio::time::advance(Duration::from_mins(1)).await;
    }
    let good = |status: &Option<u16>| matches!(status, Some(200 | 204));
    assert!(statuses(&simulator).iter().all(good));
}

#[tokio::test(start_paused = true)]
async fn a_key_of_a_portal_is_never_given_back() {
    let simulator = simulator("[portal]\nrefusal = 401\ngui_key = \"made-in-the-gui-0001\"");
    let key = |key: &str| Config::portal_key(url(), key.into(), "the test".to_owned());
    let client_of = |text: &str| client(&simulator, key(text));
    let good = client_of("made-in-the-gui-0001");
    organizations(&good).await.unwrap();
    good.sign_out().await.unwrap();
    organizations(&good).await.unwrap();
    let wrong = organizations(&client_of("another")).await.unwrap_err();
    assert_eq!(wrong.kind(), Kind::Credentials);
    assert_eq!(simulator.calls().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn licenses_are_activated_and_kept_by_nobody() {
    let simulator = simulator("");
    let scenario = Scenario::production();
    let credentials = Credentials {
        username: scenario.authenticator.username.clone(),
        password: scenario.authenticator.api_key.as_str().into(),
        ..credentials()
    };
    let client = client(&simulator, Config::authenticator(url(), credentials));
    let license = "1234-5678-9012-3456-7890";
    let of_method = |method: &str| {
        let licenses = |endpoint: &&&models::Endpoint| {
            endpoint.path.ends_with("/fortitokenmobilelicenses/") && endpoint.method == method
        };
        models::generated::ENDPOINTS
            .iter()
            .find(licenses)
            .unwrap()
            .id
    };
    let page = fetch(&client, of_method("GET"), json!({})).await.unwrap();
    assert!(page.body.contains("total_ftm"));
    let activated = fetch(&client, of_method("POST"), json!({"license": license})).await;
    let body = activated.unwrap().body;
    assert!(
        body.contains("messages") && !body.contains(license),
        "{body}"
    );
}
