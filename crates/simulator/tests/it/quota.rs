//! Tests of quotas from a client's point of view.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::advance;

use crate::client::{ASSETS, Client, FIRST, UNITS, post};

const WINDOWS: &str = "calls = [{ max = 3, per = '1m' }, { max = 4, per = '1h' }]";

async fn call(client: &Client) -> (u16, i64) {
    let (status, body) = client.call(&format!("{UNITS}list"), json!({})).await;
    (status, body["status"].as_i64().unwrap())
}

#[tokio::test(start_paused = true)]
async fn windows_are_answered_in_the_body() {
    let client = Client::new(&format!(
        "expires_in = 99999\n[quota]\nanswer = 'body'\n{WINDOWS}"
    ));
    // The sign-in counts as a call too.
    assert_eq!(call(&client).await, (200, 0));
    assert_eq!(call(&client).await, (200, 0));
    assert_eq!(call(&client).await, (200, -10));
    advance(Duration::from_mins(1)).await;
    assert_eq!(call(&client).await, (200, 0));
    assert_eq!(call(&client).await, (200, -11));
    advance(Duration::from_hours(1)).await;
    assert_eq!(call(&client).await, (200, 0));
}

#[tokio::test(start_paused = true)]
async fn windows_are_answered_as_429() {
    let client = Client::new(&format!("[quota]\nretry_after = true\n{WINDOWS}"));
    let token = client.token("organization").await;
    advance(Duration::from_millis(9_500)).await;
    let mut last = None;
    for _ in 0..3 {
        let request = post(&format!("{UNITS}list"), Some(&token), "{}");
        last = Some(client.simulator.handle(request).await.unwrap());
    }
    let refused = last.unwrap();
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["retry-after"], "51", "rounded up");
    let body: Value = serde_json::from_slice(refused.body()).unwrap();
    assert_eq!(
        body["error"],
        "Exceeded the allowed number of requests per minute"
    );

    let silent = Client::new("[quota]\nstatus = -12\ncalls = [{ max = 1, per = '1m' }]");
    let token = silent.token("organization").await;
    let request = post(&format!("{UNITS}list"), Some(&token), "{}");
    let refused = silent.simulator.handle(request).await.unwrap();
    assert!(!refused.headers().contains_key("retry-after"));
    assert_eq!(silent.simulator.calls()[1].body_status, Some(-12));
}

#[tokio::test(start_paused = true)]
async fn errors_have_a_window_of_their_own() {
    let client = Client::new("[quota]\nanswer = 'body'\nerrors = { max = 2, per = '1h' }");
    let list = format!("{ASSETS}products/list");
    let nothing = json!({ "accountId": FIRST, "serialNumber": "XX" });
    for _ in 0..3 {
        assert_eq!(
            client.call(&list, nothing.clone()).await.0,
            200,
            "an empty search is no error"
        );
    }
    for _ in 0..2 {
        assert_eq!(client.call(&list, json!({})).await.0, 400);
    }
    assert_eq!(client.call(&list, nothing.clone()).await.1["status"], -30);
    advance(Duration::from_hours(1)).await;
    client.token("assetmanagement").await;
    assert_eq!(client.call(&list, nothing).await.1["status"], 0);
}
