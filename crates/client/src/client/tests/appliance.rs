//! Tests of calls to FortiPortal and FortiAuthenticator.

use std::sync::{Mutex, PoisonError};

use fortilake_auth::Credentials;
use fortilake_models::Secret;
use fortilake_transport::{
    InProcess,
    bytes::Bytes,
    http::{Request, Response},
};

use super::*;

static ORGANIZATIONS: Endpoint = Endpoint::new(
    "portal/organizations",
    "FortiPortal",
    "GET",
    "/fpc/v1/api/account/organizations/",
    Some("fortiportal"),
    Access::Read,
    "",
    &[],
    None,
)
.of_system("fortiportal", Dialect::Http);

static ACTIVATE: Endpoint = Endpoint::new(
    "ftm/activate",
    "FortiAuthenticator",
    "POST",
    "/api/v1/fortitokenmobilelicenses/",
    Some("fortiauthenticator"),
    Access::Write,
    "",
    &[parameter("license")],
    None,
)
.of_system("fortiauthenticator", Dialect::Http)
.with_secrets(&["license"]);

const LICENSE: &str = "1234-5678-9012-3456-7890";

/// Answers by path and token, and records the requests.
#[derive(Clone)]
struct Appliance {
    seen: Arc<Mutex<Vec<String>>>,
    answer: fn(&str, usize) -> (u16, &'static str),
}

impl Appliance {
    /// Creates a server with the response to the nth request for a path, counted from 1. Sign-ins
    /// succeed.
    fn new(answer: fn(&str, usize) -> (u16, &'static str)) -> Self {
        Self {
            seen: Arc::default(),
            answer,
        }
    }

    fn client(&self, config: Config) -> Client {
        let appliance = self.clone();
        let transport = InProcess::new(move |request| {
            let answer = appliance.handle(&request);
            async move { Ok(answer) }
        });
        Client::new(config, Arc::new(transport), Jitter::seeded(1)).unwrap()
    }

    fn portal(&self) -> Client {
        self.client(Config::portal(url("https://portal.example"), credentials()))
    }

    fn handle(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let path = request.uri().path();
        let token = request.headers().get("authorization");
        let token = token.map_or("-", |token| token.to_str().unwrap());
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.push(format!("{} {path} {token}", request.method()));
        let n = seen.iter().filter(|seen| seen.contains(path)).count();
        let (status, body) = match path {
            "/fpc/api/auth/tokenlogin/" => {
                let token = format!(r#"{{"expiry":null,"token":"EXAMPLEtoken{n}"}}"#);
                return Response::new(token.into());
            }
            "/fpc/api/auth/tokenlogout/" => (204, ""),
            path => (self.answer)(path, n),
        };
        let body = body.replace("TOKEN", token.rsplit(' ').next().unwrap_or_default());
        Response::builder()
            .status(status)
            .body(body.into())
            .unwrap()
    }

    fn seen(&self) -> Vec<String> {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

fn url(text: &str) -> Url {
    text.parse().unwrap()
}

fn credentials() -> Credentials {
    Credentials {
        username: "webadmin".to_owned(),
        username_origin: "the test".to_owned(),
        password: "hunter2hunter2".into(),
        password_origin: "file `key`".to_owned(),
    }
}

async fn organizations(client: &Client) -> Result<Page> {
    client.fetch(&ORGANIZATIONS, &Map::new()).await
}

fn found(_: &str, _: usize) -> (u16, &'static str) {
    (
        200,
        r#"{"data":{"results":[{"id":4,"note":"by TOKEN"}]},"status":{"code":0}}"#,
    )
}

#[tokio::test(start_paused = true)]
async fn a_portal_is_signed_in_to_and_out_of() {
    let appliance = Appliance::new(found);
    let client = appliance.portal();
    let page = organizations(&client).await.unwrap();
    assert_eq!(
        page.body,
        r#"{"data":{"results":[{"id":4,"note":"by [redacted]"}]},"status":{"code":0}}"#
    );
    client.sign_out().await.unwrap();
    client.sign_out().await.unwrap();
    assert_eq!(
        appliance.seen(),
        [
            "POST /fpc/api/auth/tokenlogin/ -",
            "GET /fpc/v1/api/account/organizations/ Token EXAMPLEtoken1",
            "POST /fpc/api/auth/tokenlogout/ Token EXAMPLEtoken1",
        ]
    );
    let usage = client.usage().await.unwrap();
    assert_eq!((usage.calls, client.calls()), (3, 3));
    assert_eq!((usage.windows.len(), usage.errors_left), (0, None));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_over_still_signs_out() {
    for stop in [|client: &Client| client.stop(), |_: &Client| {}] {
        let appliance = Appliance::new(found);
        let config = Config {
            max_calls: Some(2),
            ..Config::portal(url("https://portal.example"), credentials())
        };
        let client = appliance.client(config);
        organizations(&client).await.unwrap();
        stop(&client);
        assert_eq!(
            organizations(&client).await.unwrap_err().kind(),
            Kind::Paused
        );
        client.sign_out().await.unwrap();
        assert!(appliance.seen()[2].contains("tokenlogout"));
    }
}

#[tokio::test(start_paused = true)]
async fn the_limits_of_the_api_hold_for_a_sign_out() {
    let appliance = Appliance::new(found);
    let mut config = Config::portal(url("https://portal.example"), credentials());
    config.calls = vec![Window {
        max: 2,
        per: Duration::from_mins(1),
    }];
    let client = appliance.client(config);
    organizations(&client).await.unwrap();
    let start = Instant::now();
    client.sign_out().await.unwrap();
    assert!(start.elapsed() >= Duration::from_mins(1));
}

#[tokio::test(start_paused = true)]
async fn a_portal_that_forgot_the_token_is_signed_in_to_again_once() {
    let appliance = Appliance::new(|path, n| match n {
        1 => (401, r#"{"detail":"Invalid token."}"#),
        _ => found(path, n),
    });
    organizations(&appliance.portal()).await.unwrap();
    assert_eq!(appliance.seen().len(), 4);

    let appliance = Appliance::new(|_, _| (401, r#"{"detail":"Invalid token."}"#));
    let error = organizations(&appliance.portal()).await.unwrap_err();
    assert_eq!(
        chain(&error),
        "`portal/organizations` was refused even with 3 new tokens: \
         Invalid token (HTTP 401, 4 tries)"
    );
    assert_eq!(appliance.seen().len(), 8);
}

#[tokio::test(start_paused = true)]
async fn failures_of_a_portal_are_told_apart() {
    type Row = (fn(&str, usize) -> (u16, &'static str), Kind);
    let rows: [Row; 6] = [
        (|_, _| (403, "<html>"), Kind::Refused),
        (|_, _| (404, "<html>"), Kind::BadRequest),
        (|_, _| (400, r#"{"message":"no"}"#), Kind::BadRequest),
        (|_, _| (503, ""), Kind::Transient),
        (|_, _| (200, r#"{"status":{"code":7}}"#), Kind::Unexpected),
        (|_, _| (200, "<html>"), Kind::Transient),
    ];
    for (answer, kind) in rows {
        let appliance = Appliance::new(answer);
        let client = appliance.portal();
        assert_eq!(organizations(&client).await.unwrap_err().kind(), kind);
        let seen = appliance.seen();
        let sign_ins = seen.iter().filter(|seen| seen.contains("/auth/"));
        assert_eq!(sign_ins.count(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_old_token_of_a_portal_is_given_back_before_permission_is_doubted() {
    let appliance = Appliance::new(|_, _| (403, ""));
    let client = appliance.portal();
    client.sign_in("fortiportal").await.unwrap();
    tokio::time::advance(Duration::from_mins(20)).await;
    for _ in 0..2 {
        let error = organizations(&client).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Refused);
    }
    let paths: Vec<_> = appliance.seen();
    let last = |path: &String| path.rsplit('/').nth(1).map(str::to_owned);
    let paths: Vec<_> = paths.iter().filter_map(last).collect();
    assert_eq!(
        paths,
        [
            "tokenlogin",
            "organizations",
            "tokenlogout",
            "tokenlogin",
            "organizations",
            // The new token is young.
            "organizations",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_refused_key_ends_everything_and_names_its_origin() {
    let key = Secret::from("hunter2hunter2");
    let origin = "file `key`".to_owned();
    let portal = Config::portal_key(url("https://portal.example"), key, origin);
    let appliance = Appliance::new(|_, _| (401, ""));
    let client = appliance.client(portal);
    for _ in 0..2 {
        let error = organizations(&client).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Credentials);
        assert!(
            chain(&error).ends_with(
                "FortiPortal refuses the API key from file `key`: \
                 it is wrong, deleted or expired"
            ),
            "{}",
            chain(&error)
        );
    }
    client.sign_out().await.unwrap();
    assert_eq!(
        appliance.seen(),
        ["GET /fpc/v1/api/account/organizations/ Token hunter2hunter2"]
    );
}

fn activate() -> Map<String, Value> {
    let arguments = json!({"license": LICENSE});
    arguments.as_object().cloned().unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_echoed_license_is_nowhere() {
    let authenticator = || Config::authenticator(url("https://fac.example"), credentials());
    let appliance = Appliance::new(|_, _| {
        (
            200,
            r#"{"license":"1234-5678-9012-3456-7890","messages":{"success":"1234-5678-9012-3456-7890 brought 25"}}"#,
        )
    });
    let client = appliance.client(authenticator());
    let page = client.fetch(&ACTIVATE, &activate()).await.unwrap();
    assert_eq!(
        page.body,
        r#"{"messages":{"success":"[redacted] brought 25"}}"#
    );
    assert_eq!(
        appliance.seen(),
        ["POST /api/v1/fortitokenmobilelicenses/ Basic d2ViYWRtaW46aHVudGVyMmh1bnRlcjI="]
    );

    let appliance =
        Appliance::new(|_, _| (400, r#"{"error":"no license 1234-5678-9012-3456-7890"}"#));
    let client = appliance.client(authenticator());
    let error = client.fetch(&ACTIVATE, &activate()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "`ftm/activate` was rejected: no license [redacted] (HTTP 400)"
    );
    assert_eq!(
        error.response_body(),
        Some(r#"{"error":"no license [redacted]"}"#)
    );
    assert!(!format!("{error:?}").contains("no license [redacted]\"}"));
}

#[tokio::test(start_paused = true)]
async fn lists_and_nothing_are_pages_of_an_appliance_alone() {
    let appliance = Appliance::new(|_, n| match n {
        1 => (200, r#"[{"id":1,"token":"x"}]"#),
        _ => (204, ""),
    });
    let client = appliance.portal();
    assert_eq!(organizations(&client).await.unwrap().body, r#"[{"id":1}]"#);
    assert_eq!(organizations(&client).await.unwrap().body, "{}");

    let server = Server::new([Reply::Json(200, "[]"), Reply::products(1)]);
    list(&server.client()).await.unwrap();
    assert_eq!(server.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_to_another_system() {
    let appliance = Appliance::new(found);
    let client = appliance.portal();
    let error = list(&client).await.unwrap_err();
    assert_eq!(error.kind(), Kind::BadRequest);
    assert_eq!(
        error.to_string(),
        "`products/list` for accountId 710112 belongs to a different system than the one that this client calls"
    );
    assert!(client.fetch(&ACTIVATE, &activate()).await.is_err());
    let server = Server::new([]);
    assert!(organizations(&server.client()).await.is_err());
    assert_eq!((appliance.seen().len(), server.seen().len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn saved_answers_are_read_as_their_system_writes_them() {
    let page = |text| Page::saved(&ORGANIZATIONS, text);
    assert_eq!(page(r#"[{"token":"x"}]"#).unwrap().body, "[{}]");
    assert!(!page(r#"{"status":"assigned"}"#).unwrap().is_failure());
    assert!(page(r#"{"status":{"code":7}}"#).unwrap().is_failure());
    assert!(page("<html>").is_none());
    assert!(Page::saved(&LIST, "[]").is_none());
    let license = format!(r#"{{"license":"{LICENSE}"}}"#);
    assert_eq!(Page::saved(&ACTIVATE, &license).unwrap().body, "{}");
}
