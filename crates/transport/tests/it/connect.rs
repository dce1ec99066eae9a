//! Tests of failures before a request is sent, and of connections that break.

use fortilake_transport::{
    Error, Kind, Network, NetworkConfig, Request, Response, Result, Transport as _,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::{chain, config, ping};

/// Fetches an https URL that can only be reached through this proxy.
async fn through(proxy: &str) -> Error {
    let config = NetworkConfig {
        proxy: Some(proxy.to_owned()),
        ..config()
    };
    let result = ping(config, "https://api.invalid/ES/api").await;
    result.map(|answer| answer.status).unwrap_err()
}

/// Listens for a while, and answers every request with these bytes.
async fn answering(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            read_head(&mut stream).await;
            drop(stream.write_all(answer).await);
        }
    });
    address
}

async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if stream.read_buf(&mut head).await.unwrap_or_default() == 0 {
            break;
        }
    }
    String::from_utf8_lossy(&head).into_owned()
}

#[tokio::test]
async fn a_name_that_is_not_known_is_no_connection() {
    let error = ping(config(), "https://api.invalid/").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Connect, "{}", chain(&error));
    let text = error.to_string();
    assert_eq!(text, "cannot resolve the name `api.invalid`");
}

#[tokio::test]
async fn a_refusal_of_the_proxy_names_proxy_and_status() {
    for (answer, kind, said) in [
        (
            &b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n"[..],
            Kind::Proxy,
            "(HTTP 403); ask the proxy's administrator to allow this host",
        ),
        (
            b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n",
            Kind::Proxy,
            "(HTTP 407); add a user and a password to the proxy's URL",
        ),
        (
            b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n",
            Kind::Connect,
            "(HTTP 503)",
        ),
    ] {
        let address = answering(answer).await;
        let error = through(&format!("http://user:hunter2@{address}")).await;
        assert_eq!(
            error.to_string(),
            format!("the proxy `http://{address}` refused to connect to `api.invalid` {said}")
        );
        assert_eq!(error.kind(), kind);
        assert!(!chain(&error).contains("hunter2"));
    }
}

#[tokio::test]
async fn a_proxy_that_cannot_be_used_is_named() {
    let error = through("socks5://127.0.0.1:9").await;
    assert_eq!(error.kind(), Kind::Proxy, "{}", chain(&error));
    assert_eq!(
        error.to_string(),
        "the proxy `socks5://127.0.0.1:9` cannot be used: `socks5` proxies are not supported; \
         use an http or https proxy"
    );
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = through(&format!("http://{address}")).await;
    assert_eq!(error.kind(), Kind::Connect, "{}", chain(&error));
    assert_eq!(
        error.to_string(),
        format!("cannot connect to the proxy `http://{address}`")
    );
}

#[tokio::test]
async fn a_proxy_that_hangs_up_is_named() {
    let address = answering(b"").await;
    let error = through(&format!("http://{address}")).await;
    assert_eq!(error.kind(), Kind::Connect, "{}", chain(&error));
    assert_eq!(
        error.to_string(),
        format!(
            "the proxy `http://{address}` closed the connection before it reached `api.invalid`"
        )
    );
}

#[tokio::test]
async fn a_host_that_speaks_no_tls_is_no_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let answer = b"HTTP/1.1 400 Bad Request\r\n\r\n";
        stream.write_all(answer).await.unwrap();
    });
    let error = ping(config(), &url).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Tls, "{}", chain(&error));
}

/// Answers one request on each connection, then closes it when the next one arrives.
async fn one_each() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                read_head(&mut stream).await;
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\npong";
                stream.write_all(answer).await.unwrap();
                read_head(&mut stream).await;
            });
        }
    });
    url
}

/// Answers one request on each connection, and the next one with something else than HTTP.
async fn then_garbled(garbled: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                read_head(&mut stream).await;
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\npong";
                stream.write_all(answer).await.unwrap();
                read_head(&mut stream).await;
                stream.write_all(garbled).await.unwrap();
            });
        }
    });
    url
}

#[tokio::test]
async fn a_response_that_is_no_http_is_not_a_stale_connection() {
    for garbled in [
        &b"HTTP/1.1 500 Internal \x1b[31m Error\r\n\r\n"[..],
        b"<html>Sorry</html>\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\npong",
    ] {
        let url = then_garbled(garbled).await;
        let network = Network::new(config()).unwrap();
        get(&network, &url, false).await.unwrap();
        let error = get(&network, &url, false).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Interrupted, "{}", chain(&error));
        assert!(error.to_string().ends_with("is not valid HTTP"), "{error}");
    }
}

#[tokio::test]
async fn a_body_that_ends_early_is_not_called_compressed() {
    for answer in [
        &b"HTTP/1.1 200 OK\r\ncontent-length: 40\r\n\r\npong"[..],
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\npong\r\nxx",
    ] {
        let address = answering(answer).await;
        let error = ping(config(), &format!("http://{address}/")).await;
        let text = error.unwrap_err().to_string();
        assert!(
            text.contains("broke before the response was complete"),
            "{text}"
        );
    }
}

async fn get(network: &Network, url: &str, new_connection: bool) -> Result<Response> {
    let mut request = Request::post(url.parse().unwrap(), "");
    request.new_connection = new_connection;
    network.send(request).await
}

#[tokio::test]
async fn a_kept_connection_that_breaks_is_stale_and_a_new_one_is_not() {
    let url = one_each().await;
    let network = Network::new(config()).unwrap();
    for _ in 0..3 {
        get(&network, &url, false).await.unwrap();
        let error = get(&network, &url, false).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Stale, "{}", chain(&error));
        get(&network, &url, true).await.unwrap();
        get(&network, &url, true).await.unwrap();
    }
}

#[tokio::test]
async fn a_new_connection_that_breaks_is_an_interruption() {
    let address = answering(b"").await;
    let error = ping(config(), &format!("http://{address}/")).await;
    assert_eq!(error.unwrap_err().kind(), Kind::Interrupted);
}
