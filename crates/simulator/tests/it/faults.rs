//! Tests of scripted faults: what they do, and which calls they affect.

use std::io::ErrorKind;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use crate::client::{ASSETS, Client, FIRST};
use crate::crawl::check_client;

const LIST: &str = "/ES/api/registration/v3/products/list";

fn client(fault: &str) -> Client {
    Client::new(&format!(
        "page_size = 50\n[organization]\naccounts = 1\nproducts = 180\n[[fault]]\npath = 'products/list'\n{fault}"
    ))
}

fn page(number: i64) -> Value {
    json!({ "accountId": FIRST, "serialNumber": "%", "pageNumber": number })
}

async fn answer(action: &str) -> (u16, Value) {
    client(&format!("action = {action}"))
        .call(LIST, page(1))
        .await
}

async fn serials(client: &Client, number: i64) -> Vec<String> {
    let body = client.asset("products/list", page(number)).await;
    let rows = body["assets"].as_array().cloned().unwrap_or_default();
    rows.iter()
        .map(|row| row["serialNumber"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn answers_are_scripted() {
    assert_eq!(
        answer("{ kind = 'http', status = 503, body = 'busy' }").await,
        (503, Value::Null)
    );
    assert_eq!(answer("{ kind = 'html' }").await, (200, Value::Null));
    let (status, body) =
        answer("{ kind = 'status', status = -12, message = 'again', http = 200 }").await;
    assert_eq!(
        (status, &body["status"], &body["error"]),
        (200, &json!(-12), &json!("again"))
    );
    let (status, body) = answer("{ kind = 'status', status = -1, code = 101 }").await;
    assert_eq!((status, &body["error"]["errorCode"]), (400, &json!(101)));
    let (status, body) = answer("{ kind = 'refuse' }").await;
    assert_eq!((status, &body["error"]["errorCode"]), (400, &json!(202)));
    let (status, body) = answer("{ kind = 'revoke-tokens' }").await;
    assert_eq!((status, &body["error"]["errorCode"]), (400, &json!(201)));
    assert_eq!(
        answer("{ kind = 'flood', bytes = 100000 }").await,
        (200, Value::Null)
    );
}

#[tokio::test]
async fn broken_connections_are_errors_in_process() {
    for (kind, expected) in [
        ("reset", ErrorKind::ConnectionReset),
        ("cut-body", ErrorKind::UnexpectedEof),
    ] {
        let client = client(&format!("action = {{ kind = '{kind}' }}"));
        let error = client.try_call(LIST, &page(1)).await.unwrap_err();
        assert_eq!(error.kind(), expected);
        assert_eq!(client.simulator.calls()[1].http_status, None);
    }
}

#[tokio::test(start_paused = true)]
async fn slow_answers_take_virtual_time() {
    let slow = client("action = { kind = 'delay', by = '90s' }");
    let start = Instant::now();
    assert_eq!(slow.call(LIST, page(1)).await.0, 200);
    assert_eq!(start.elapsed().as_secs(), 90);
    let silent = client("action = { kind = 'silence' }");
    silent.token("assetmanagement").await;
    let arguments = page(1);
    let answered = timeout(Duration::from_hours(1), silent.try_call(LIST, &arguments)).await;
    assert!(answered.is_err());
    let late = Client::new("latency = '2s'\nlatency_spread = '1s'");
    let start = Instant::now();
    late.token("iam").await;
    assert!(
        (2..=3).contains(&start.elapsed().as_secs()),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn faults_hit_the_calls_that_they_match() {
    let reset = "action = { kind = 'http', status = 500 }";
    let statuses = |matcher: &'static str| async move {
        let client = client(&format!("{matcher}\n{reset}"));
        let mut statuses = Vec::new();
        for number in [1, 2, 3, 1, 2, 3] {
            statuses.push(client.call(LIST, page(number)).await.0);
        }
        statuses
    };
    assert_eq!(statuses("page = 2").await, [200, 500, 200, 200, 500, 200]);
    assert_eq!(
        statuses("page = 2\ntimes = 1").await,
        [200, 500, 200, 200, 200, 200]
    );
    assert_eq!(statuses("nth = 3").await, [200, 200, 500, 200, 200, 200]);
    assert_eq!(statuses("every = 2").await, [200, 500, 200, 500, 200, 500]);
    assert_eq!(
        statuses("times_per_call = 1").await,
        [500, 500, 500, 200, 200, 200]
    );
    assert_eq!(statuses("probability = 0.0").await, [200; 6]);
    assert_eq!(statuses("probability = 1.0").await, [500; 6]);
    assert_eq!(statuses("account = 5").await, [200; 6]);
    assert_eq!(statuses("account = 710101\nevery = 6").await[5], 500);
}

#[tokio::test]
async fn chance_follows_from_the_seed_and_the_call() {
    let hits = |order: Vec<i64>| async move {
        let client = client("probability = 0.5\naction = { kind = 'http', status = 500 }");
        let mut hit = Vec::new();
        for number in order {
            if client.call(LIST, page(number)).await.0 == 500 {
                hit.push(number);
            }
        }
        hit.sort_unstable();
        hit
    };
    let forward = hits((1..60).collect()).await;
    assert_eq!(forward, hits((1..60).rev().collect()).await);
    assert!((15..45).contains(&forward.len()), "{forward:?}");
}

#[tokio::test]
async fn pages_repeat_shrink_and_disagree() {
    let repeating = client("page = 2\naction = { kind = 'repeat-page' }");
    assert_eq!(serials(&repeating, 2).await, serials(&repeating, 1).await);
    let body = repeating.asset("products/list", page(2)).await;
    assert_eq!(body["pageNumber"], 2);
    let short = client("action = { kind = 'drop-rows', rows = 3 }");
    assert_eq!(serials(&short, 1).await.len(), 47);
    let odd = client("page = 3\naction = { kind = 'total-pages', total_pages = 9 }");
    assert_eq!(odd.asset("products/list", page(3)).await["totalPages"], 9);
}

#[tokio::test]
async fn the_list_moves_under_the_crawl() {
    let shrinking = client("page = 2\ntimes = 1\naction = { kind = 'vanish' }");
    let first = serials(&shrinking, 1).await;
    let second = serials(&shrinking, 2).await;
    let truth = check_client(&shrinking).await;
    assert_eq!(truth["products"].len(), 179);
    assert_eq!(serials(&shrinking, 1).await[..49], first[1..]);
    assert!(!second.contains(&first[0]));

    let growing = client("page = 2\ntimes = 1\naction = { kind = 'appear' }");
    let first = serials(&growing, 1).await;
    assert_eq!(
        serials(&growing, 2).await[0],
        first[49],
        "a row is seen twice"
    );
    let truth = check_client(&growing).await;
    assert_eq!(truth["products"].len(), 181);
}

#[tokio::test]
async fn redirects_lead_elsewhere() {
    let client = client(
        "action = { kind = 'redirect', status = 307, location = 'https://elsewhere.example/' }",
    );
    let token = client.token("assetmanagement").await;
    let request = crate::client::post(&format!("{ASSETS}products/list"), Some(&token), "{}");
    let response = client.simulator.handle(request).await.unwrap();
    assert_eq!(response.headers()["location"], "https://elsewhere.example/");
}
