//! A minimal client: it signs in, makes calls and returns the responses.

use std::collections::HashMap;
use std::io;
use std::sync::Mutex;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use fortilake_simulator::{Scenario, Simulator};
use http::{Request, Response};
use serde_json::{Value, json};

pub(crate) const UNITS: &str = "/ES/api/organization/v1/units/";
pub(crate) const ACCOUNTS: &str = "/ES/api/iam/v1/accounts/";
pub(crate) const FLEX: &str = "/ES/api/fortiflex/v2/";
pub(crate) const ASSETS: &str = "/ES/api/registration/v3/";
/// The first account of the default scenario.
pub(crate) const FIRST: i64 = 710_101;

pub(crate) struct Client {
    pub(crate) simulator: Simulator,
    tokens: Mutex<HashMap<&'static str, String>>,
}

impl Client {
    pub(crate) fn new(scenario: &str) -> Self {
        Self {
            simulator: Simulator::new(Scenario::from_toml(scenario).unwrap()),
            tokens: Mutex::default(),
        }
    }

    pub(crate) async fn send(&self, request: Request<Bytes>) -> io::Result<(u16, Value)> {
        let response: Response<Bytes> = self.simulator.handle(request).await?;
        let body = serde_json::from_slice(response.body()).unwrap_or(Value::Null);
        Ok((response.status().as_u16(), body))
    }

    pub(crate) async fn token(&self, client: &'static str) -> String {
        if let Some(token) = self.tokens.lock().unwrap().get(client) {
            return token.clone();
        }
        let (status, body) = self.send(sign_in(client)).await.unwrap();
        assert_eq!(status, 200, "{body}");
        let token = body["access_token"].as_str().unwrap().to_owned();
        self.tokens.lock().unwrap().insert(client, token.clone());
        token
    }

    pub(crate) async fn try_call(&self, path: &str, arguments: &Value) -> io::Result<(u16, Value)> {
        let client = match path {
            path if path.contains("organization/") => "organization",
            path if path.contains("/iam/") => "iam",
            path if path.contains("/fortiflex/") => "flexvm",
            _ => "assetmanagement",
        };
        let token = self.token(client).await;
        self.send(post(path, Some(&token), &arguments.to_string()))
            .await
    }

    pub(crate) async fn call(&self, path: &str, arguments: Value) -> (u16, Value) {
        self.try_call(path, &arguments).await.unwrap()
    }

    pub(crate) async fn call_owned(&self, path: String, arguments: Value) -> (u16, Value) {
        self.call(&path, arguments).await
    }

    /// Makes a call to Asset Management that must succeed.
    pub(crate) async fn asset(&self, path: &str, arguments: Value) -> Value {
        let (status, body) = self.call(&format!("{ASSETS}{path}"), arguments).await;
        assert_eq!(
            (status, &body["status"]),
            (200, &json!(0)),
            "{path}: {body}"
        );
        body
    }

    pub(crate) async fn products(&self, account: i64, pattern: &str) -> Vec<Value> {
        let arguments = json!({ "accountId": account, "serialNumber": pattern });
        let body = self.asset("products/list", arguments).await;
        body["assets"].as_array().cloned().unwrap_or_default()
    }
}

pub(crate) fn post(path: &str, token: Option<&str>, body: &str) -> Request<Bytes> {
    let mut request = Request::post(path).header("content-type", "application/json");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    request.body(Bytes::from(body.to_owned())).unwrap()
}

pub(crate) fn sign_in(client: &str) -> Request<Bytes> {
    let body = json!({
        "username": "simulated",
        "password": "simulated",
        "client_id": client,
        "grant_type": "password",
    });
    post("/api/v1/oauth/token/", None, &body.to_string())
}

/// Signs in to the portal, with a lifetime or other fields in addition to the name and password.
pub(crate) fn portal_login(more: &Value) -> Request<Bytes> {
    let mut body = json!({ "username": "simulated", "password": "simulated" });
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    post("/fpc/api/auth/tokenlogin/", None, &body.to_string())
}

pub(crate) fn portal_logout(token: &str) -> Request<Bytes> {
    let request = Request::post("/fpc/api/auth/tokenlogout/");
    let request = request.header("authorization", format!("Token {token}"));
    request.body(Bytes::new()).unwrap()
}

/// Makes a read call to the portal. The path is relative to the base.
pub(crate) fn portal_get(token: &str, path: &str) -> Request<Bytes> {
    let request = Request::get(format!("/fpc/v1/api/{path}"));
    let request = request.header("authorization", format!("Token {token}"));
    request.body(Bytes::new()).unwrap()
}

/// Makes a call to the `FortiAuthenticator`. The path is relative to the base.
pub(crate) fn basic(method: &str, path: &str, body: Option<&Value>) -> Request<Bytes> {
    let credentials = BASE64_STANDARD.encode("simulated:simulated");
    let request = Request::builder()
        .method(method)
        .uri(format!("/api/v1/{path}"))
        .header("content-type", "application/json")
        .header("authorization", format!("Basic {credentials}"));
    let body = body.map(ToString::to_string).unwrap_or_default();
    request.body(Bytes::from(body)).unwrap()
}

/// Returns the keys of an object as a set, because parsing does not preserve their order.
pub(crate) fn keys(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}
