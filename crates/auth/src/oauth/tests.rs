//! Tests of signing in, in virtual time.

mod kept;

use std::{error::Error as _, io, sync::Mutex, time::Duration};

use fortilake_transport::{
    InProcess,
    bytes::Bytes,
    http::{self, Response as HttpResponse},
};
use tokio::{task::JoinSet, time};

use super::*;
use crate::{
    real_time,
    testing::{PASSWORD, credentials},
    tokens::lock,
};

/// A scripted status that stands for a broken connection.
const RESET: u16 = 0;

/// Records the sign-ins and answers each after one second.
#[derive(Clone, Default)]
struct Server(Arc<Mutex<Vec<String>>>);

impl Server {
    fn count(&self) -> usize {
        lock(&self.0).len()
    }

    /// An [`OAuth`] whose nth sign-in for a client (counted from 1) gets this response.
    fn oauth<A>(&self, answer: A) -> Arc<OAuth>
    where
        A: Fn(usize, &str) -> (u16, String) + Send + Sync + 'static,
    {
        let requests = Arc::clone(&self.0);
        let server = InProcess::new(move |request: http::Request<Bytes>| {
            let body = String::from_utf8(request.body().to_vec()).unwrap();
            let sent: serde_json::Value = serde_json::from_str(&body).unwrap();
            let mut requests = lock(&requests);
            requests.push(format!("{} {} {body}", request.method(), request.uri()));
            let answer = answer(requests.len(), sent["client_id"].as_str().unwrap());
            async move {
                time::sleep(Duration::from_secs(1)).await;
                let (status, body) = answer;
                if status == RESET {
                    return Err(io::ErrorKind::ConnectionReset.into());
                }
                Ok(HttpResponse::builder()
                    .status(status)
                    .body(body.into())
                    .unwrap())
            }
        });
        let url = "https://auth.example/api/v1/oauth/token/".parse().unwrap();
        Arc::new(OAuth::new(Arc::new(server), url, credentials()))
    }
}

fn granted(n: usize, life: u64) -> (u16, String) {
    let token = format!("EXAMPLEtoken{n}");
    (
        200,
        format!(r#"{{"access_token":"{token}","expires_in":{life},"status":"success"}}"#),
    )
}

fn wrong() -> (u16, String) {
    let body = format!(r#"{{"error":"invalid_grant","message":"bad password {PASSWORD}"}}"#);
    (400, body)
}

/// Requests these tokens concurrently.
async fn together(oauth: &Arc<OAuth>, client_ids: &[&'static str]) -> Vec<Result<Token>> {
    let mut tasks = JoinSet::new();
    for &client_id in client_ids {
        let oauth = Arc::clone(oauth);
        tasks.spawn(async move { oauth.token(client_id).await });
    }
    tasks.join_all().await
}

#[tokio::test(start_paused = true)]
async fn the_password_grant_is_sent_as_json_with_the_slash() {
    let server = Server::default();
    let oauth = server.oauth(|n, _| granted(n, 3660));
    let token = oauth.token("iam").await.unwrap();
    assert_eq!(token.expose(), "EXAMPLEtoken1");
    assert_eq!(token.header(), "Bearer EXAMPLEtoken1");
    assert!(token.header().is_sensitive());
    let expected = r#"POST /api/v1/oauth/token/ {"username":"EXAMPLE-USER-0001","password":"0123456789ABCDEF@hunter2","client_id":"iam","grant_type":"password"}"#;
    assert_eq!(lock(&server.0).as_slice(), [expected]);
}

#[tokio::test(start_paused = true)]
async fn tokens_are_renewed_shortly_before_their_end() {
    // The lifetime counts from when the token was requested, one second before the response came.
    for (life, last_use) in [(3660, 3598), (14400, 14338), (100, 88), (10, 7)] {
        let server = Server::default();
        let oauth = server.oauth(move |n, _| granted(n, life));
        let first = oauth.token("iam").await.unwrap();
        time::advance(Duration::from_secs(last_use)).await;
        assert!(oauth.token("iam").await.unwrap().is(&first), "{life}");
        time::advance(Duration::from_secs(1)).await;
        assert!(!oauth.token("iam").await.unwrap().is(&first), "{life}");
        assert_eq!(server.count(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn each_client_has_its_own_token() {
    let server = Server::default();
    let oauth = server.oauth(|n, _| granted(n, 3660));
    let iam = oauth.token("iam").await.unwrap();
    let organization = oauth.token("organization").await.unwrap();
    assert_ne!(iam.expose(), organization.expose());
    assert!(oauth.token("iam").await.unwrap().is(&iam));
}

#[tokio::test(start_paused = true)]
async fn twenty_callers_share_one_sign_in() {
    let server = Server::default();
    let oauth = server.oauth(|n, _| granted(n, 3660));
    let tokens = together(&oauth, &["iam"; 20]).await;
    assert!(
        tokens
            .iter()
            .all(|token| token.as_ref().unwrap().expose() == "EXAMPLEtoken1")
    );
    assert_eq!(server.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn twenty_callers_share_one_failure_and_the_next_tries_again() {
    let server = Server::default();
    let oauth = server.oauth(|n, _| {
        if n == 1 {
            (RESET, String::new())
        } else {
            granted(n, 3660)
        }
    });
    for result in together(&oauth, &["iam"; 20]).await {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), Kind::Transient);
        assert!(error.source().is_some());
    }
    assert_eq!(server.count(), 1);
    assert!(oauth.token("iam").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_gives_up_leaves_the_sign_in_to_the_next() {
    let server = Server::default();
    let oauth = server.oauth(|n, _| granted(n, 3660));
    let second = async {
        time::sleep(Duration::from_millis(100)).await;
        oauth.token("iam").await
    };
    let first = time::timeout(Duration::from_millis(500), oauth.token("iam"));
    let (first, second) = tokio::join!(first, second);
    assert!(first.is_err());
    assert_eq!(second.unwrap().expose(), "EXAMPLEtoken2");
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_costs_one_call() {
    let server = Server::default();
    let oauth = server.oauth(|_, _| wrong());
    for result in together(&oauth, &["organization", "iam", "assetmanagement", "iam"]).await {
        assert_eq!(result.unwrap_err().kind(), Kind::Credentials);
    }
    assert!(oauth.token("iam").await.is_err());
    assert_eq!(server.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_error_names_the_origins_and_no_value() {
    let error = Server::default()
        .oauth(|_, _| wrong())
        .token("iam")
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "FortiCloud issued no token to this API user (`iam`, HTTP 400: bad password [redacted]): \
         the user may be locked out after too many sign-ins (a lockout ends by itself after 15 to \
         30 minutes); if not, the user or its password is wrong: the user comes from variable \
         `FORTICLOUD_USERNAME`, the password from file `/run/password`"
    );
    assert!(!format!("{error:?}").contains("hunter2"));
}

/// Returns the error of a sign-in that gets this response.
async fn said(http: u16, body: &str) -> (Kind, String) {
    let body = body.to_owned();
    let oauth = Server::default().oauth(move |_, _| (http, body.clone()));
    let error = oauth.token("iam").await.unwrap_err();
    (error.kind(), error.to_string())
}

#[tokio::test(start_paused = true)]
async fn what_a_proxy_sends_is_not_blamed_on_the_password() {
    let page = "<html><head><title>Zugriff verweigert</title></head></html>";
    assert_eq!(
        said(403, page).await,
        (
            Kind::Config,
            "the response to the sign-in for `iam` did not come from FortiCloud: it is an HTML page \
             titled \"Zugriff verweigert\" (HTTP 403); a proxy or firewall on the way to \
             `https://auth.example/api/v1/oauth/token/` may have sent it"
                .to_owned()
        )
    );
    assert_eq!(said(200, page).await.0, Kind::Config);
}

#[tokio::test(start_paused = true)]
async fn a_lost_body_is_not_blamed_on_the_password() {
    for body in [
        r#"{"error":"invalid_request","error_description":"Request is not valid JSON"}"#,
        "Request is not valid JSON",
    ] {
        let (kind, text) = said(400, body).await;
        assert_eq!(kind, Kind::Config);
        assert!(
            text.contains("did not receive the body of the sign-in"),
            "{text}"
        );
        assert!(text.contains("the path of `auth_url` ends"), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_that_is_said_so_is_no_lock_out() {
    let body = r#"{"error":"Unexpected error has happened","status":"failure"}"#;
    let (kind, text) = said(401, body).await;
    assert_eq!(kind, Kind::Credentials);
    assert!(!text.contains("locked"), "{text}");
    let body = r#"{"error":"access_denied","error_description":"User account is locked."}"#;
    assert!(said(403, body).await.1.contains("locked out"));
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_forbids_the_sign_in_is_named_before_the_password() {
    let (kind, text) = said(403, r#"{"message":"Forbidden"}"#).await;
    assert_eq!(kind, Kind::Credentials);
    assert_eq!(
        text,
        "FortiCloud forbids the sign-in (`iam`, HTTP 403: Forbidden): a firewall or an IP address \
         rule on the way to `https://auth.example/api/v1/oauth/token/` may block it; if not, the \
         API user or its password is wrong: the user comes from variable `FORTICLOUD_USERNAME`, \
         the password from file `/run/password`"
    );
    let (_, text) = said(403, r#"{"message":"Invalid credentials given."}"#).await;
    assert!(
        text.starts_with("the API user or its password is wrong"),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn sign_ins_go_one_after_the_other() {
    let server = Server::default();
    let oauth = server.oauth(|n, _| granted(n, 3660));
    let start = time::Instant::now();
    for result in together(&oauth, &["organization", "iam", "assetmanagement"]).await {
        result.unwrap();
    }
    // Each sign-in takes a second, so they ran one after the other.
    assert_eq!(start.elapsed(), Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_not_allowed_spoils_nothing() {
    let server = Server::default();
    let oauth = server.oauth(|n, client_id| match client_id {
        "iam" => wrong(),
        _ => granted(n, 3660),
    });
    assert!(oauth.token("assetmanagement").await.is_ok());
    let error = oauth.token("iam").await.unwrap_err();
    assert_eq!(error.kind(), Kind::ClientId);
    assert_eq!(
        error.to_string(),
        "FortiCloud issued no token for `iam` to this API user (HTTP 400: bad password \
         [redacted]); if other client ids get no token either, the user may be locked out; a lockout ends by itself after 15 to 30 minutes"
    );
    assert!(oauth.token("organization").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_password_changed_in_mid_crawl_is_noticed() {
    let server = Server::default();
    let oauth = server.oauth(|n, _| if n == 1 { granted(n, 3660) } else { wrong() });
    let token = oauth.token("iam").await.unwrap();
    oauth.refused("iam", &token).await;
    assert_eq!(
        oauth.token("iam").await.unwrap_err().kind(),
        Kind::Credentials
    );
    assert!(oauth.token("organization").await.is_err());
    assert_eq!(server.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_dropped_once() {
    let server = Server::default();
    let oauth = server.oauth(|n, _| granted(n, 3660));
    let first = oauth.token("iam").await.unwrap();
    oauth.refused("iam", &first).await;
    let second = oauth.token("iam").await.unwrap();
    // Calls that were in flight with the first token are refused later.
    oauth.refused("iam", &first).await;
    oauth.refused("iam", &first).await;
    assert!(oauth.token("iam").await.unwrap().is(&second));
    assert_eq!(server.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_old_after_half_of_its_life() {
    let oauth = Server::default().oauth(|n, _| granted(n, 3600));
    let token = oauth.token("iam").await.unwrap();
    assert!(!token.is_old());
    time::advance(Duration::from_secs(1798)).await;
    assert!(!token.is_old());
    time::advance(Duration::from_secs(1)).await;
    assert!(token.is_old());
}

#[tokio::test(start_paused = true)]
async fn limits_are_passed_on() {
    let oauth = Server::default().oauth(|_, _| (400, r#"{"status":-11}"#.to_owned()));
    let error = oauth.token("iam").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Limited);
    assert_eq!(error.limit().unwrap().status, Some(-11));
    assert_eq!(error.limit().unwrap().http, 400);
}

#[tokio::test(start_paused = true)]
async fn nothing_prints_a_secret() {
    let oauth = Server::default().oauth(|n, _| granted(n, 3660));
    let token = oauth.token("iam").await.unwrap();
    let printed = format!(
        "{oauth:?} {token:?} {:?} {:?}",
        credentials(),
        token.header()
    );
    assert!(
        !printed.contains("hunter2") && !printed.contains("EXAMPLEtoken"),
        "{printed}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_no_header_is_an_error() {
    let oauth = Server::default().oauth(|_, _| (200, r#"{"access_token":"a\nb"}"#.to_owned()));
    assert_eq!(
        oauth.token("iam").await.unwrap_err().kind(),
        Kind::Unexpected
    );
}
