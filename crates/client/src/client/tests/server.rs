//! A server that answers calls from a script and accepts every sign-in.

use std::{
    collections::VecDeque,
    future, io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use fortilake_auth::Credentials;
use fortilake_transport::{
    InProcess, Transport,
    bytes::Bytes,
    http::{Request, Response},
};

use crate::{Client, Config, Jitter};

pub(super) const PASSWORD: &str = "0123456789ABCDEF@hunter2";

/// What the server does with one request.
#[derive(Debug, Clone)]
pub(super) enum Reply {
    Json(u16, &'static str),
    Owned(String),
    Html(u16),
    /// HTTP 429 with this `Retry-After`.
    Throttled(&'static str),
    /// HTTP 503 with this `Retry-After`.
    Unavailable(&'static str),
    Redirect(&'static str),
    Reset,
    Silence,
    /// The connection is refused.
    Refused,
    /// The connection was kept from an earlier request and has broken.
    Stale,
}

impl Reply {
    /// A reply with this many products that echoes the token.
    pub(super) fn products(count: usize) -> Self {
        let assets = (0..count)
            .map(|n| format!(r#"{{"n":{n}}}"#))
            .collect::<Vec<_>>()
            .join(",");
        Self::Owned(format!(
            r#"{{"status":0,"error":null,"token":"TOKEN","assets":[{assets}]}}"#
        ))
    }

    pub(super) fn bad_token() -> Self {
        Self::Json(
            400,
            r#"{"status":-1,"error":{"errorCode":201,"message":"Invalid security token."},"token":"TOKEN"}"#,
        )
    }

    pub(super) fn denied() -> Self {
        Self::Json(
            400,
            r#"{"status":-1,"error":{"errorCode":202,"message":"Access denied. No permission."},"token":"TOKEN"}"#,
        )
    }

    /// Turns the reply into a response, with `TOKEN` replaced by the caller's token.
    async fn send(self, token: &str) -> io::Result<Response<Bytes>> {
        let response = Response::builder();
        let (response, body) = match self {
            Self::Json(status, body) => (response.status(status), body.to_owned()),
            Self::Owned(body) => (response, body),
            Self::Html(status) => (response.status(status), "<html>Sorry</html>".to_owned()),
            Self::Throttled(after) => (
                response.status(429).header("retry-after", after),
                "Slow down".to_owned(),
            ),
            Self::Unavailable(after) => (
                response.status(503).header("retry-after", after),
                "Maintenance".to_owned(),
            ),
            Self::Redirect(to) => (response.status(307).header("location", to), String::new()),
            Self::Reset => return Err(io::ErrorKind::ConnectionReset.into()),
            Self::Silence => future::pending().await,
            Self::Refused => return Err(io::ErrorKind::ConnectionRefused.into()),
            Self::Stale => return Err(io::ErrorKind::BrokenPipe.into()),
        };
        Ok(response.body(body.replace("TOKEN", token).into()).unwrap())
    }
}

/// A scripted server and the requests that it has received.
#[derive(Clone, Default)]
pub(super) struct Server {
    answers: Arc<Mutex<VecDeque<Reply>>>,
    sign_ins: Arc<Mutex<VecDeque<Reply>>>,
    seen: Arc<Mutex<Vec<String>>>,
    tokens: Arc<AtomicUsize>,
}

impl Server {
    /// Calls get these responses in order. One call more fails the test.
    pub(super) fn new(answers: impl IntoIterator<Item = Reply>) -> Self {
        let server = Self::default();
        server.answers.lock().unwrap().extend(answers);
        server
    }

    /// The first sign-ins get these responses; later ones succeed.
    pub(super) fn sign_ins(self, answers: impl IntoIterator<Item = Reply>) -> Self {
        self.sign_ins.lock().unwrap().extend(answers);
        self
    }

    pub(super) fn client(&self) -> Client {
        Client::new(config(), self.transport(), Jitter::seeded(1)).unwrap()
    }

    pub(super) fn transport(&self) -> Arc<dyn Transport> {
        let server = self.clone();
        Arc::new(InProcess::new(move |request| {
            let server = server.clone();
            async move { server.handle(request).await }
        }))
    }

    /// Returns host, path, token and body of each request; for sign-ins the `client_id` instead of
    /// the body.
    pub(super) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    /// Returns the number of requests that are not sign-ins.
    pub(super) fn calls(&self) -> usize {
        self.seen()
            .iter()
            .filter(|request| request.starts_with("api."))
            .count()
    }

    async fn handle(&self, request: Request<Bytes>) -> io::Result<Response<Bytes>> {
        let header = |name: &str| {
            request
                .headers()
                .get(name)
                .map_or("-", |v| v.to_str().unwrap())
        };
        let token = header("authorization").trim_start_matches("Bearer ");
        let host = header("host");
        let body = String::from_utf8(request.body().to_vec()).unwrap();
        let signs_in = host.starts_with("auth.");
        let shown = if signs_in {
            let body: serde_json::Value = serde_json::from_str(&body).unwrap();
            let password = body.get("password");
            assert!(password.is_none_or(|password| password == PASSWORD));
            body["client_id"].as_str().unwrap_or("-").to_owned()
        } else {
            body
        };
        let path = request.uri().path();
        self.seen
            .lock()
            .unwrap()
            .push(format!("{host} {path} {token} {shown}"));
        let answers = if signs_in {
            &self.sign_ins
        } else {
            &self.answers
        };
        let answer = answers.lock().unwrap().pop_front();
        match answer {
            Some(answer) => answer.send(token).await,
            None if signs_in => {
                let n = self.tokens.fetch_add(1, Ordering::Relaxed) + 1;
                let token = format!("EXAMPLEtoken{n}");
                let body = format!(r#"{{"access_token":"{token}","expires_in":3660}}"#);
                Ok(Response::new(body.into()))
            }
            None => panic!("a call too many"),
        }
    }
}

pub(super) fn config() -> Config {
    let credentials = Credentials {
        username: "EXAMPLE-USER-0001".to_owned(),
        username_origin: "variable `FORTICLOUD_USERNAME`".to_owned(),
        password: PASSWORD.into(),
        password_origin: "variable `FORTICLOUD_PASSWORD`".to_owned(),
    };
    Config {
        api_url: "https://api.example".parse().unwrap(),
        auth_url: "https://auth.example/api/v1/oauth/token/".parse().unwrap(),
        ..Config::new(credentials)
    }
}
