//! Tests of failures before anything reaches the API: they cost neither a call nor an error.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

/// Accepts connections for as long as the test runs, and answers each with these bytes.
async fn answering(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            drop(stream.read(&mut [0; 4096]).await);
            drop(stream.write_all(answer.as_bytes()).await);
        }
    });
    address
}

/// Returns an address where nothing listens.
async fn closed() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().to_string()
}

/// Returns the error of a call to this host, and checks that nothing was counted.
async fn fails(host: &str, proxy: Option<String>) -> Error {
    let mut config = config();
    config.api_url = format!("https://{host}").parse().unwrap();
    config.auth_url = format!("https://{host}/api/v1/oauth/token/")
        .parse()
        .unwrap();
    config.retries.first_pause = Duration::from_millis(1);
    let network = NetworkConfig {
        proxy,
        ..NetworkConfig::default()
    };
    let network = Network::new(network).unwrap();
    let client = Client::new(config, Arc::new(network), Jitter::seeded(1)).unwrap();
    let error = products(&client, 710_101).await.unwrap_err();
    assert!(error.is_unsent(), "{error}");
    let usage = client.usage().await.unwrap();
    let counted: Vec<u32> = usage.windows.iter().map(|(_, calls)| *calls).collect();
    assert_eq!((usage.calls, counted), (0, vec![0, 0]), "{error}");
    assert_eq!(usage.errors_left, Some(8), "{error}");
    error
}

/// Returns the error and its causes on one line.
fn chain(error: &Error) -> String {
    let mut line = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        line = format!("{line}: {error}");
        cause = error.source();
    }
    line
}

#[tokio::test]
async fn a_name_that_cannot_be_resolved_costs_nothing() {
    let error = fails("api.invalid", None).await;
    assert_eq!(error.kind(), Kind::Transient);
    let text = chain(&error);
    assert!(
        text.contains("cannot resolve the name `api.invalid`"),
        "{text}"
    );
}

#[tokio::test]
async fn a_refused_connection_costs_nothing() {
    let host = closed().await;
    let error = fails(&host, None).await;
    assert_eq!(error.kind(), Kind::Transient);
}

#[tokio::test]
async fn a_failed_handshake_costs_nothing() {
    let host = answering("HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let error = fails(&host, None).await;
    assert_eq!(error.kind(), Kind::Config, "{}", chain(&error));
}

#[tokio::test]
async fn a_proxy_that_refuses_costs_nothing_and_is_named() {
    for (answer, kind, status) in [
        ("HTTP/1.1 403 Forbidden\r\n\r\n", Kind::Config, "HTTP 403"),
        (
            "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
            Kind::Config,
            "HTTP 407",
        ),
        (
            "HTTP/1.1 503 Service Unavailable\r\n\r\n",
            Kind::Transient,
            "HTTP 503",
        ),
    ] {
        let proxy = format!("http://{}", answering(answer).await);
        let error = fails("api.invalid", Some(proxy.clone())).await;
        assert_eq!(error.kind(), kind);
        let text = chain(&error);
        assert!(text.contains(&proxy) && text.contains(status), "{text}");
        assert!(!text.contains("FortiCloud"), "{text}");
    }
}

#[tokio::test]
async fn a_proxy_that_is_not_there_or_not_supported_costs_nothing() {
    let proxy = format!("http://{}", closed().await);
    let error = fails("api.invalid", Some(proxy)).await;
    assert_eq!(error.kind(), Kind::Transient);
    let error = fails("api.invalid", Some("socks5://127.0.0.1:9".to_owned())).await;
    assert_eq!(error.kind(), Kind::Config);
    let text = chain(&error);
    assert!(
        text.contains("`socks5` proxies are not supported"),
        "{text}"
    );
}
