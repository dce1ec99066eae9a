//! Tests of unencrypted exchanges.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use fortilake_transport::{Kind, Network, NetworkConfig, Redirects, Request, Transport as _};
use tokio::net::TcpListener;

use crate::{chain, config, ping, server::Server};

fn ok(headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n{headers}\r\n");
    [head.as_bytes(), body].concat()
}

fn zipped(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn a_request_travels_whole() {
    let server = Server::start(vec![ok("content-length: 4\r\nx-kept: yes\r\n", b"pong")]).await;
    let answer = ping(config(), &format!("{}a/b/?c=d", server.url))
        .await
        .unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["x-kept"], "yes");
    assert_eq!(answer.body, "pong");
    let request = &server.requests()[0];
    assert!(
        request.starts_with("post /a/b/?c=d http/1.1\r\n"),
        "{request}"
    );
    assert!(request.contains("\r\naccept-encoding: gzip"), "{request}");
    assert!(request.contains(concat!(
        "\r\nuser-agent: fortilake/",
        env!("CARGO_PKG_VERSION")
    )));
}

#[tokio::test]
async fn an_error_status_is_an_answer() {
    let server = Server::start(vec![
        b"HTTP/1.1 503 Busy\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n".to_vec(),
    ]);
    let answer = ping(config(), &server.await.url).await.unwrap();
    assert_eq!(answer.status, 503);
    assert_eq!(answer.headers["retry-after"], "7");
}

#[tokio::test]
async fn gzip_is_undone() {
    let body = zipped(b"pong");
    let headers = format!(
        "content-encoding: gzip\r\ncontent-length: {}\r\n",
        body.len()
    );
    let server = Server::start(vec![ok(&headers, &body)]).await;
    assert_eq!(ping(config(), &server.url).await.unwrap().body, "pong");
}

#[tokio::test]
async fn the_limit_counts_bytes_before_and_after_compression() {
    let limited = || NetworkConfig {
        max_body: 100_000,
        ..config()
    };
    let bomb = zipped(&vec![b'['; 10_000_000]);
    assert!(bomb.len() < 100_000);
    let brackets = vec![b'['; 200_000];
    let chunked = [b"30d40\r\n", &brackets[..], b"\r\n0\r\n\r\n"].concat();
    for (name, answer) in [
        ("announced", ok("content-length: 100001\r\n", b"")),
        ("unannounced", ok("", &brackets)),
        ("chunked", ok("transfer-encoding: chunked\r\n", &chunked)),
        ("compressed", ok("content-encoding: gzip\r\n", &bomb)),
    ] {
        let server = Server::start(vec![answer]).await;
        let error = ping(limited(), &server.url).await.unwrap_err();
        assert_eq!(error.kind(), Kind::TooLarge, "{name}");
    }
    let server = Server::start(vec![ok("", &brackets[..100_000])]).await;
    assert_eq!(
        ping(limited(), &server.url).await.unwrap().body.len(),
        100_000
    );
}

#[tokio::test]
async fn broken_answers_are_interruptions() {
    let half_zipped = zipped(b"a text of which half is missing");
    for (name, answer) in [
        ("nothing", Vec::new()),
        ("half a head", b"HTTP/1.1 200".to_vec()),
        ("no HTTP", b"SSH-2.0-nothing\r\n\r\n".to_vec()),
        ("half a body", ok("content-length: 10\r\n", b"half")),
        (
            "half a chunk",
            ok("transfer-encoding: chunked\r\n", b"a\r\nhalf"),
        ),
        (
            "half a gzip",
            ok("content-encoding: gzip\r\n", &half_zipped[..20]),
        ),
    ] {
        let server = Server::start(vec![answer]).await;
        let error = ping(config(), &server.url).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Interrupted, "{name}: {}", chain(&error));
        assert_eq!(server.requests().len(), 1, "{name}");
    }
}

#[tokio::test]
async fn a_closed_port_is_no_connection() {
    let port = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let url = format!("http://user:hunter2@127.0.0.1:{port}/token/?password=hunter2");
    let error = ping(config(), &url).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Connect);
    let text = chain(&error);
    assert!(text.starts_with(&format!(
        "cannot connect to `http://127.0.0.1:{port}/token/`: "
    )));
    assert!(!text.contains("hunter2"), "{text}");
}

#[tokio::test]
async fn plain_http_is_refused_before_connecting() {
    let error = ping(config(), "http://192.0.2.1/").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Insecure);
}

#[tokio::test]
async fn a_redirected_post_keeps_its_body() {
    for status in [301, 302, 307, 308] {
        let moved = format!(
            "HTTP/1.1 {status} Moved\r\nlocation: /token/\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
        );
        let server = Server::start(vec![moved.into_bytes(), ok("content-length: 2\r\n", b"{}")]);
        let server = server.await;
        let network = Redirects::new(Network::new(config()).unwrap());
        let url = format!("{}token", server.url).parse().unwrap();
        let answer = network.send(Request::post(url, "ping")).await.unwrap();
        assert_eq!(answer.body, "{}");
        let requests = server.requests();
        assert!(requests[0].starts_with("post /token http"), "{requests:?}");
        assert!(requests[1].starts_with("post /token/ http"), "{requests:?}");
        assert!(requests[1].ends_with("\r\n\r\nping"), "{requests:?}");
    }
}

#[tokio::test]
async fn nothing_reaches_another_port() {
    let elsewhere = Server::start(vec![ok("", b"")]).await;
    let moved = format!("HTTP/1.1 307 Moved\r\nlocation: {}\r\n\r\n", elsewhere.url);
    let server = Server::start(vec![moved.into_bytes()]).await;
    let network = Redirects::new(Network::new(config()).unwrap());
    let request = Request::post(server.url.parse().unwrap(), "ping");
    let error = network.send(request).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Redirect);
    assert!(elsewhere.requests().is_empty());
}
