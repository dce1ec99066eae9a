//! Tests of which redirects are followed and how.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;

use super::*;
use crate::InProcess;

/// Answers `/start` once with `status` and `location`, and every other path with a description of
/// the request.
async fn follow(status: u16, from: &str, location: &str) -> Result<String> {
    let location = location.to_owned();
    let server = InProcess::new(move |request: http::Request<Bytes>| {
        let location = location.clone();
        async move {
            if request.uri().path() == "/start" {
                let answer = http::Response::builder()
                    .status(status)
                    .header("location", location);
                return Ok(answer.body(Bytes::new()).unwrap());
            }
            let body = String::from_utf8_lossy(request.body()).into_owned();
            let seen = format!(
                "{} {} {} {body}",
                request.method(),
                request.headers()["host"].to_str().unwrap(),
                request.uri()
            );
            Ok(http::Response::new(seen.into()))
        }
    });
    let request = Request::post(from.parse().unwrap(), "the body");
    let answer = Redirects::new(server).send(request).await?;
    Ok(String::from_utf8_lossy(&answer.body).into_owned())
}

#[tokio::test]
async fn a_call_that_must_not_be_repeated_is_not_redirected() {
    for status in [301, 302, 303, 307, 308] {
        let sent = Arc::new(AtomicUsize::new(0));
        let seen = sent.clone();
        let server = InProcess::new(move |_: http::Request<Bytes>| {
            seen.fetch_add(1, Ordering::Relaxed);
            async move {
                let answer = http::Response::builder()
                    .status(status)
                    .header("location", "/start");
                Ok(answer.body(Bytes::new()).unwrap())
            }
        });
        let request = Request::post("https://api.example/start".parse().unwrap(), "the body");
        let error = Redirects::rejected(server).send(request).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Redirect, "{status}");
        assert!(
            error.to_string().contains("may have been carried out"),
            "{error}"
        );
        assert_eq!(sent.load(Ordering::Relaxed), 1, "{status}");
    }
}

#[tokio::test]
async fn method_and_body_survive_every_redirect() {
    for status in [301, 302, 307, 308] {
        for location in [
            "/token/",
            "token/",
            "https://auth.example/token/",
            "//auth.example:443/token/",
        ] {
            let seen = follow(status, "https://auth.example/start", location)
                .await
                .unwrap();
            assert_eq!(
                seen, "POST auth.example /token/ the body",
                "{status} {location}"
            );
        }
    }
}

#[tokio::test]
async fn http_may_become_https_on_the_same_host() {
    let seen = follow(
        308,
        "http://127.0.0.1:8080/start",
        "https://127.0.0.1:8443/",
    )
    .await;
    assert_eq!(seen.unwrap(), "POST 127.0.0.1:8443 / the body");
}

#[tokio::test]
async fn nothing_follows_elsewhere() {
    for (from, to) in [
        ("https://auth.example/start", "https://evil.example/token/"),
        (
            "https://auth.example/start",
            "https://auth.example:8443/token/",
        ),
        (
            "https://auth.example/start",
            "https://auth.example.evil.example/",
        ),
        ("https://127.0.0.1/start", "http://127.0.0.1/token/"),
        ("http://127.0.0.1:1/start", "http://127.0.0.1:2/"),
        (
            "https://auth.example/start",
            "https://auth.example@evil.example/",
        ),
        ("https://auth.example/start", "javascript:alert(1)"),
        ("https://auth.example/start", "https://["),
    ] {
        let error = follow(302, from, to).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Redirect, "{to}");
    }
    let error = follow(303, "https://auth.example/start", "/token/")
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Redirect);
}

#[tokio::test]
async fn the_error_names_both_hosts() {
    let to = "https://evil.example/token/?secret";
    let error = follow(302, "https://auth.example/start?secret", to)
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "`https://auth.example/start` responded with a redirect \
         from `https://auth.example` to `https://evil.example`, which is not followed"
    );
}

#[tokio::test]
async fn a_circle_ends() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&calls);
    let server = InProcess::new(move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
        async {
            let answer = http::Response::builder()
                .status(301)
                .header("location", "/again");
            Ok(answer.body(Bytes::new()).unwrap())
        }
    });
    let request = Request::post("https://auth.example/".parse().unwrap(), "");
    let error = Redirects::new(server).send(request).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Redirect);
    assert_eq!(calls.load(Ordering::Relaxed), MAX_REDIRECTS + 1);
}
