//! Tests of signing in to FortiPortal and out again, in virtual time.

mod answers;

use std::{collections::VecDeque, io};

use fortilake_transport::{
    InProcess,
    bytes::Bytes,
    http::{Request as HttpRequest, Response as HttpResponse},
};
use tokio::{task::JoinSet, time};

use super::*;
use crate::{
    real_time,
    testing::{PASSWORD, Store, credentials},
};

/// A FortiPortal that behaves as documented: one token at a time.
#[derive(Clone)]
struct Server {
    state: Arc<Mutex<State>>,
    clock: Clock,
    store: Arc<Store>,
}

#[derive(Default)]
struct State {
    /// The valid token and when it expires.
    session: Option<(String, i64)>,
    logins: usize,
    seen: Vec<String>,
    /// Statuses to answer with instead of the correct response; 0 is a broken connection.
    faults: VecDeque<u16>,
}

impl Server {
    fn new() -> Self {
        Self {
            state: Arc::default(),
            clock: real_time(),
            store: Arc::default(),
        }
    }

    /// A new run's sign-in.
    fn portal(&self) -> Portal {
        self.with_life(Duration::from_mins(30))
    }

    fn with_life(&self, life: Duration) -> Portal {
        let url = "https://portal.example/fpc/api/auth/tokenlogin/".parse();
        let store: Arc<dyn TokenStore> = self.store.clone();
        Portal::new(
            Arc::new(self.transport()),
            url.unwrap(),
            credentials(),
            life,
        )
        .clock(Arc::clone(&self.clock))
        .keep(store, "user".to_owned())
    }

    fn transport(&self) -> impl Transport + use<> {
        let server = self.clone();
        InProcess::new(move |request| {
            let server = server.clone();
            async move {
                time::sleep(Duration::from_secs(1)).await;
                server.answer(&request)
            }
        })
    }

    fn answer(&self, request: &HttpRequest<Bytes>) -> io::Result<HttpResponse<Bytes>> {
        let now = (self.clock)();
        let mut state = lock(&self.state);
        let body = str::from_utf8(request.body()).unwrap();
        let header = request.headers().get(header::AUTHORIZATION);
        let header = header.map_or("-", |header| header.to_str().unwrap());
        let path = request.uri().path().trim_start_matches("/fpc/api/auth/");
        state.seen.push(format!("{path} {header} {body}"));
        let valid = state.session.clone().filter(|(_, end)| now < *end);
        let (status, body) = match (state.faults.pop_front(), path) {
            (Some(0), _) => return Err(io::ErrorKind::ConnectionReset.into()),
            (Some(fault), _) => (fault, format!(r#"{{"detail":"not {PASSWORD}"}}"#)),
            (None, "tokenlogin/") if valid.is_some() => (403, String::new()),
            (None, "tokenlogin/") => {
                state.logins += 1;
                let token = format!("EXAMPLEtoken{}", state.logins);
                let sent: serde_json::Value = serde_json::from_str(body).unwrap();
                let minutes = ["ttl_days", "ttl_hours", "ttl_minutes"]
                    .map(|name| sent[name].as_u64().unwrap_or_default())
                    .into_iter()
                    .zip([24 * 60, 60, 1])
                    .map(|(number, minutes)| number * minutes)
                    .sum();
                state.session = Some((token.clone(), later(now, Duration::from_mins(minutes))));
                (200, format!(r#"{{"expiry":null,"token":"{token}"}}"#))
            }
            (None, "tokenlogout/") => match valid {
                Some((token, _)) if header == format!("Token {token}") => {
                    state.session = None;
                    (204, String::new())
                }
                _ => (401, String::new()),
            },
            (None, path) => panic!("no endpoint at {path}"),
        };
        Ok(HttpResponse::builder()
            .status(status)
            .body(body.into())
            .unwrap())
    }

    fn fail_with(&self, faults: impl IntoIterator<Item = u16>) {
        lock(&self.state).faults.extend(faults);
    }

    /// Returns the paths of the requests since the last call of this function.
    fn seen(&self) -> Vec<String> {
        let seen = std::mem::take(&mut lock(&self.state).seen);
        let path = |seen: &String| seen.split(' ').next().unwrap().to_owned();
        seen.iter().map(path).collect()
    }

    fn kept(&self) -> Option<StoredToken> {
        self.store.get("user", FORTIPORTAL)
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_is_asked_for_with_a_life_and_given_back() {
    let server = Server::new();
    let portal = server.portal();
    let token = portal.token().await.unwrap();
    assert_eq!(token.header(), "Token EXAMPLEtoken1");
    assert!(token.header().is_sensitive());
    assert!(portal.is_current(&token));
    portal.sign_out(&server.transport()).await.unwrap();
    assert!(!portal.is_current(&token));
    assert_eq!(
        lock(&server.state).seen,
        [
            r#"tokenlogin/ - {"username":"EXAMPLE-USER-0001","password":"0123456789ABCDEF@hunter2","ttl_minutes":30}"#,
            "tokenlogout/ Token EXAMPLEtoken1 ",
        ]
    );
    assert_eq!(server.kept(), None);
    assert!(lock(&server.state).session.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_life_is_days_hours_and_minutes() {
    for (seconds, fields) in [
        (0, r#""ttl_minutes":1"#),
        (61, r#""ttl_minutes":2"#),
        (3600, r#""ttl_hours":1"#),
        (90_061, r#""ttl_days":1,"ttl_hours":1,"ttl_minutes":2"#),
        (u64::MAX, r#""ttl_days":30"#),
    ] {
        let server = Server::new();
        let portal = server.with_life(Duration::from_secs(seconds));
        portal.token().await.unwrap();
        let sent = lock(&server.state).seen.concat();
        assert!(sent.ends_with(&format!("hunter2\",{fields}}}")), "{sent}");
    }
}

#[tokio::test(start_paused = true)]
async fn twenty_callers_share_one_sign_in() {
    let server = Server::new();
    let portal = Arc::new(server.portal());
    let mut tasks = JoinSet::new();
    for _ in 0..20 {
        let portal = Arc::clone(&portal);
        tasks.spawn(async move { portal.token().await });
    }
    for token in tasks.join_all().await {
        assert_eq!(token.unwrap().expose(), "EXAMPLEtoken1");
    }
    assert_eq!(server.seen(), ["tokenlogin/"]);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_given_back_before_the_next_is_asked_for() {
    let server = Server::new();
    let portal = server.portal();
    portal.token().await.unwrap();
    // A minute before its end the token is too old for a call, but still blocks a new one.
    time::advance(Duration::from_mins(29)).await;
    assert_eq!(portal.token().await.unwrap().expose(), "EXAMPLEtoken2");
    assert_eq!(
        server.seen(),
        ["tokenlogin/", "tokenlogout/", "tokenlogin/"]
    );
    // A token that has expired blocks nothing.
    time::advance(Duration::from_mins(31)).await;
    assert_eq!(portal.token().await.unwrap().expose(), "EXAMPLEtoken3");
    assert_eq!(server.seen(), ["tokenlogin/"]);
}

#[tokio::test(start_paused = true)]
async fn the_next_run_uses_what_a_crash_has_left() {
    let server = Server::new();
    server.portal().token().await.unwrap();
    time::advance(Duration::from_mins(10)).await;
    let next = server.portal();
    assert_eq!(next.token().await.unwrap().expose(), "EXAMPLEtoken1");
    next.sign_out(&server.transport()).await.unwrap();
    assert_eq!(server.seen(), ["tokenlogin/", "tokenlogout/"]);
    assert_eq!(server.kept(), None);
}

#[tokio::test(start_paused = true)]
async fn what_was_kept_can_be_given_back_without_a_call() {
    let server = Server::new();
    server.portal().token().await.unwrap();
    // The token is given back even when it is too old for a call.
    time::advance(Duration::from_secs(29 * 60 + 30)).await;
    let next = server.portal();
    next.sign_out(&server.transport()).await.unwrap();
    assert_eq!(server.seen(), ["tokenlogin/", "tokenlogout/"]);
    // Now there is nothing to give back.
    next.sign_out(&server.transport()).await.unwrap();
    assert_eq!(server.seen(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_ended_token_needs_no_sign_out() {
    let server = Server::new();
    let portal = server.portal();
    portal.token().await.unwrap();
    time::advance(Duration::from_mins(31)).await;
    portal.sign_out(&server.transport()).await.unwrap();
    assert_eq!(server.seen(), ["tokenlogin/"]);
}

#[tokio::test(start_paused = true)]
async fn a_sign_out_without_an_answer_keeps_the_token() {
    let server = Server::new();
    let portal = server.portal();
    let token = portal.token().await.unwrap();
    for (fault, kind) in [
        (0, Kind::Transient),
        (503, Kind::Transient),
        (404, Kind::Config),
        (403, Kind::Unexpected),
    ] {
        server.fail_with([fault]);
        let error = portal.sign_out(&server.transport()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{fault}");
        assert!(portal.is_current(&token) && server.kept().is_some());
    }
    portal.sign_out(&server.transport()).await.unwrap();
    assert_eq!(server.kept(), None);
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_replaced() {
    let server = Server::new();
    let portal = server.portal();
    let token = portal.token().await.unwrap();
    // Somebody else has logged this token out.
    lock(&server.state).session = None;
    portal.refused(&token).await;
    assert_eq!(server.kept(), None);
    assert_eq!(portal.token().await.unwrap().expose(), "EXAMPLEtoken2");
    assert_eq!(server.seen(), ["tokenlogin/"; 2]);
}

#[tokio::test(start_paused = true)]
async fn a_doubted_token_is_given_back_before_it_is_replaced() {
    let server = Server::new();
    let portal = server.portal();
    let token = portal.token().await.unwrap();
    portal.doubted(&token);
    assert!(!portal.is_current(&token));
    let second = portal.token().await.unwrap();
    assert_eq!(second.expose(), "EXAMPLEtoken2");
    assert_eq!(
        server.seen(),
        ["tokenlogin/", "tokenlogout/", "tokenlogin/"]
    );
    // A late doubt about the old token does no harm to the new one.
    portal.doubted(&token);
    assert!(portal.is_current(&second));
    // Some servers refuse to take back a token that they don't know.
    lock(&server.state).session = None;
    server.fail_with([403]);
    portal.doubted(&second);
    assert_eq!(portal.token().await.unwrap().expose(), "EXAMPLEtoken3");
}

#[tokio::test(start_paused = true)]
async fn a_token_is_doubted_when_it_is_old_or_was_kept() {
    let server = Server::new();
    let token = server.portal().token().await.unwrap();
    assert!(!token.is_old());
    time::advance(Duration::from_mins(5)).await;
    assert!(!token.is_old());
    assert!(server.portal().token().await.unwrap().is_old());
    time::advance(Duration::from_mins(10)).await;
    assert!(token.is_old());
}

#[tokio::test(start_paused = true)]
async fn a_token_of_somebody_else_is_explained() {
    let server = Server::new();
    let end = later((server.clock)(), Duration::from_hours(1));
    lock(&server.state).session = Some(("another".to_owned(), end));
    let portal = server.portal();
    let error = portal.token().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Taken);
    assert_eq!(
        error.to_string(),
        "FortiPortal issued no token to the user from variable `FORTICLOUD_USERNAME` (HTTP 403: \
         the response is not a JSON object): it allows one token per user, and another token may \
         still be valid (one left by an earlier run expires within 30 min, one from another tool \
         may last longer); wait, sign out where that token is in use, or use an API key from \
         FortiPortal's GUI; FortiPortal may give the same response if the password is wrong or a \
         permission is missing"
    );
    // The other token expires some time.
    time::advance(Duration::from_hours(1)).await;
    assert!(portal.token().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn two_runs_that_begin_together_share_a_token() {
    let server = Server::new();
    let (one, other) = (server.portal(), server.portal());
    let late = async {
        time::sleep(Duration::from_millis(10)).await;
        other.token().await
    };
    let (first, second) = tokio::join!(one.token(), late);
    assert_eq!(first.unwrap().expose(), second.unwrap().expose());
    assert_eq!(server.seen(), ["tokenlogin/"; 2]);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_costs_one_call_and_names_its_origin() {
    let server = Server::new();
    server.fail_with([401]);
    let portal = server.portal();
    for _ in 0..2 {
        let error = portal.token().await.unwrap_err();
        assert_eq!(error.kind(), Kind::Credentials);
        assert_eq!(
            error.to_string(),
            "the FortiPortal user or its password is wrong: the user comes from variable \
             `FORTICLOUD_USERNAME`, the password from file `/run/password` \
             (HTTP 401: not [redacted])"
        );
    }
    assert_eq!(server.seen(), ["tokenlogin/"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_prints_a_secret() {
    let server = Server::new();
    let portal = server.portal();
    let token = portal.token().await.unwrap();
    let printed = format!("{portal:?} {token:?} {:?}", token.header());
    for secret in ["hunter2", "EXAMPLE"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}
