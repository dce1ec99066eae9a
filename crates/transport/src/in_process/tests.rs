//! Tests of the transport in process.

use super::*;

fn request(url: &str) -> Request {
    Request::post(url.parse().unwrap(), "{}")
}

#[tokio::test]
async fn the_handler_sees_what_a_server_would_see() {
    let server = InProcess::new(async |request: http::Request<Bytes>| {
        assert_eq!(request.method(), http::Method::POST);
        assert_eq!(request.uri(), "/ES/api?page=2");
        assert_eq!(request.headers()["host"], "support.example:8443");
        assert_eq!(request.headers()["content-type"], "application/json");
        Ok(http::Response::builder()
            .status(201)
            .header("x", "y")
            .body("done".into())
            .unwrap())
    });
    let answer = server
        .send(request("https://u:p@support.example:8443/ES/api?page=2"))
        .await;
    let answer = answer.unwrap();
    assert_eq!(answer.status, 201);
    assert_eq!(answer.headers["x"], "y");
    assert_eq!(answer.body, "done");
}

#[tokio::test]
async fn broken_connections_are_told_apart() {
    for (from, to) in [
        (io::ErrorKind::ConnectionRefused, Kind::Connect),
        (io::ErrorKind::TimedOut, Kind::Timeout),
        (io::ErrorKind::ConnectionReset, Kind::Interrupted),
        (io::ErrorKind::UnexpectedEof, Kind::Interrupted),
    ] {
        let server = InProcess::new(move |_| async move { Err(from.into()) });
        let error = server
            .send(request("https://support.example/"))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), to);
        assert!(to.is_transient());
    }
}

#[tokio::test]
async fn the_rules_of_the_network_hold() {
    let server = InProcess::new(async |_| Ok(http::Response::new("12345678".into())));
    let error = server
        .send(request("http://support.example/"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Insecure);

    let url = "https://support.example/";
    assert!(server.clone().max_body(8).send(request(url)).await.is_ok());
    let error = server.max_body(7).send(request(url)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::TooLarge);
}

#[test]
fn debug_shows_neither_headers_nor_bodies() {
    let request = Request::post(
        "https://u:hunter2@h.example/?q=hunter2".parse().unwrap(),
        "hunter2",
    );
    assert_eq!(
        format!("{request:?}"),
        r#"Request { method: POST, url: "https://h.example/", body: 7, .. }"#
    );
}
