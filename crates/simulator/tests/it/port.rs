//! Tests of the simulator on a port, with raw connections and real network faults.

use std::io::Read;

use flate2::read::GzDecoder;
use fortilake_simulator::{Scenario, Simulator};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

const TOKEN_BODY: &str =
    "username=simulated&password=simulated&client_id=assetmanagement&grant_type=password";

/// Sends one request and reads until the server closes the connection.
async fn exchange(scenario: &str, path: &str, headers: &str, body: &str) -> Vec<u8> {
    let simulator = Simulator::new(Scenario::from_toml(scenario).unwrap());
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(async move {
        let shutdown = async { stopped.await.unwrap_or_default() };
        simulator.serve(listener, shutdown).await
    });
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    stop.send(()).unwrap();
    server.await.unwrap().unwrap();
    answer
}

async fn sign_in(scenario: &str) -> Vec<u8> {
    let headers = "content-type: application/x-www-form-urlencoded\r\n";
    exchange(scenario, "/api/v1/oauth/token/", headers, TOKEN_BODY).await
}

fn split(answer: &[u8]) -> (String, &[u8]) {
    let end = answer
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .unwrap();
    (
        String::from_utf8(answer[..end].to_vec()).unwrap(),
        &answer[end + 4..],
    )
}

fn announced(head: &str) -> usize {
    let line = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    line.unwrap().parse().unwrap()
}

#[tokio::test]
async fn it_answers() {
    let answer = sign_in("").await;
    let (head, body) = split(&answer);
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    assert_eq!(announced(&head), body.len());
    assert!(body.starts_with(b"{\"access_token\":\""));
    let answer = exchange("", "/api/v1/oauth/token", "", TOKEN_BODY).await;
    let (head, _) = split(&answer);
    assert!(head.starts_with("HTTP/1.1 301"), "{head}");
    assert!(head.contains("location: /api/v1/oauth/token/"), "{head}");
}

#[tokio::test]
async fn a_reset_closes_without_an_answer() {
    assert_eq!(sign_in("[[fault]]\naction = { kind = 'reset' }").await, b"");
}

#[tokio::test]
async fn a_cut_body_is_shorter_than_announced() {
    let answer = sign_in("[[fault]]\naction = { kind = 'cut-body' }").await;
    let (head, body) = split(&answer);
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    assert!(!body.is_empty());
    assert!(announced(&head) > body.len(), "{head} {}", body.len());
}

#[tokio::test]
async fn a_flood_is_as_long_as_asked() {
    let answer = sign_in("[[fault]]\naction = { kind = 'flood', bytes = 3000000 }").await;
    let flood = answer.split(|byte| *byte != b'[').map(<[u8]>::len);
    assert_eq!(flood.sum::<usize>(), 3_000_000);
}

#[tokio::test]
async fn large_answers_are_compressed_for_those_who_accept_it() {
    let fault = format!(
        "[[fault]]\naction = {{ kind = 'http', status = 200, body = '{}' }}",
        "x".repeat(5000)
    );
    let plain = exchange(&fault, "/", "accept-encoding: gzip;q=0, br\r\n", "{}").await;
    assert_eq!(split(&plain).1.len(), 5000);
    let packed = exchange(&fault, "/", "accept-encoding: br, gzip\r\n", "{}").await;
    let (head, body) = split(&packed);
    assert!(head.contains("content-encoding: gzip"), "{head}");
    let mut text = String::new();
    GzDecoder::new(body).read_to_string(&mut text).unwrap();
    assert_eq!(text.len(), 5000);
}

#[tokio::test]
async fn a_router_answers_too() {
    use tower::ServiceExt;

    let simulator = Simulator::new(Scenario::production());
    let request = http::Request::post("/nowhere")
        .body(axum::body::Body::empty())
        .unwrap();
    let response = simulator.router().oneshot(request).await.unwrap();
    assert_eq!(response.status(), 404);
    assert_eq!(simulator.calls().len(), 1);
}
