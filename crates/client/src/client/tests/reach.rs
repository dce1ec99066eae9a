//! Tests of calls that do not reach the API, and of repeated responses.

use super::*;

/// Returns how many errors have been counted.
async fn errors(client: &Client) -> u32 {
    8 - client.usage().await.unwrap().errors_left.unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_does_not_reach_the_api_costs_nothing() {
    let server = Server::new([Reply::Refused, Reply::Refused, Reply::Refused]);
    let client = server.client();
    client.sign_in("assets").await.unwrap();
    let error = list(&client).await.unwrap_err();
    assert_eq!(
        chain(&error),
        "`products/list` for accountId 710112 could not be sent (3 tries): \
         cannot connect to `https://api.example/ES/api/products/list`: connection refused"
    );
    assert_eq!(error.kind(), Kind::Transient);
    assert!(error.is_unsent());
    assert_eq!((client.calls(), errors(&client).await), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_sign_in_that_does_not_reach_the_api_costs_nothing() {
    let server = Server::new([]).sign_ins([Reply::Refused, Reply::Refused, Reply::Refused]);
    let client = server.client();
    let error = list(&client).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Transient);
    assert_eq!((client.calls(), errors(&client).await), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn writes_that_do_not_reach_the_api_are_sent_again() {
    let server = Server::new([Reply::Refused, Reply::products(1)]);
    let client = server.client();
    assert!(fetch(&client, &REGISTER).await.is_ok());
    assert_eq!(errors(&client).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_read_on_a_stale_connection_is_repeated_without_an_error() {
    let server = Server::new([Reply::products(1), Reply::Stale, Reply::products(2)]);
    let client = server.client();
    list(&client).await.unwrap();
    let start = Instant::now();
    list(&client).await.unwrap();
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!((client.calls(), errors(&client).await), (4, 0));
}

#[tokio::test(start_paused = true)]
async fn a_write_on_a_stale_connection_is_not_repeated() {
    let server = Server::new([Reply::Stale]);
    let client = server.client();
    let error = fetch(&client, &REGISTER).await.unwrap_err();
    assert!(!error.is_unsent());
    assert_eq!((server.calls(), errors(&client).await), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn the_same_answer_twice_is_final() {
    for answer in [
        Reply::Html(200),
        Reply::Html(500),
        Reply::Json(500, r#"{"status":-1}"#),
        Reply::Json(200, r#"{"assets":[{"cut":"#),
    ] {
        let server = Server::new([answer.clone(), answer.clone()]);
        let error = list(&server.client()).await.unwrap_err();
        assert!(error.is_repeated(), "{answer:?}");
        let text = error.to_string();
        assert!(text.contains("the same response twice)"), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_of_a_proxy_is_no_refusal_of_the_api() {
    let server = Server::new([Reply::Html(403)]);
    let error = list(&server.client()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unexpected);
    assert_eq!(
        chain(&error),
        "`products/list` for accountId 710112 got a response that did not come from the API: the \
         response is an HTML page (HTTP 403)"
    );
}

#[tokio::test(start_paused = true)]
async fn answers_that_come_again_do_not_stop_other_calls() {
    let broken = || [Reply::Html(500), Reply::Html(500)];
    let answers = [broken(), broken(), broken()].into_iter().flatten();
    let server = Server::new(answers.chain([Reply::products(1)]));
    let client = server.client();
    for _ in 0..3 {
        assert_eq!(list(&client).await.unwrap_err().kind(), Kind::Transient);
    }
    list(&client).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_service_that_says_when_it_is_back_is_believed() {
    let server = Server::new([Reply::Unavailable("40"), Reply::products(1)]);
    let start = Instant::now();
    list(&server.client()).await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_secs(40));
}

#[tokio::test(start_paused = true)]
async fn what_takes_too_long_names_the_setting() {
    let server = Server::new([Reply::Silence, Reply::Silence, Reply::Silence]);
    let start = Instant::now();
    let error = list(&server.client()).await.unwrap_err();
    assert_eq!(
        chain(&error),
        "`products/list` for accountId 710112 got no usable response (3 tries): \
         `https://api.example/ES/api/products/list` did not respond within 300s; \
         raise `timeout` to wait longer"
    );
    let spent = start.elapsed();
    assert!(
        spent >= Duration::from_mins(15) && spent < Duration::from_secs(904),
        "{spent:?}"
    );
}
