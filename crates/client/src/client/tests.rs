//! Tests of complete calls against scripted responses, in virtual time.

mod appliance;
mod limits;
mod reach;
mod repeated;
mod secrets;
mod server;
mod tokens;
mod writes;

use std::{error::Error as _, time::Duration};

use fortilake_models::{Access, Dialect, Location, Parameter};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::time::Instant;

use self::server::{Reply, Server};
use super::*;
use crate::{Kind, Window};

const fn parameter(name: &'static str) -> Parameter {
    Parameter {
        name,
        location: Location::Body,
        required: false,
        json_type: "integer",
        doc: "",
    }
}

static PARAMETERS: [Parameter; 2] = [parameter("accountId"), parameter("serialNumber")];

const fn endpoint(id: &'static str, path: &'static str, access: Access) -> Endpoint {
    Endpoint::new(
        id,
        "Assets",
        "POST",
        path,
        Some("assets"),
        access,
        "",
        &PARAMETERS,
        None,
    )
    .of_system("forticloud", Dialect::Body)
}

static LIST: Endpoint = endpoint("products/list", "/ES/api/products/list", Access::Read);
static REGISTER: Endpoint = endpoint(
    "products/register",
    "/ES/api/products/register",
    Access::Write,
);

/// Fetches the products of account 710112.
async fn list(client: &Client) -> Result<Page> {
    fetch(client, &LIST).await
}

async fn fetch(client: &Client, endpoint: &'static Endpoint) -> Result<Page> {
    let arguments = json!({"accountId": 710_112});
    client.fetch(endpoint, arguments.as_object().unwrap()).await
}

/// Returns the error and its causes on one line.
fn chain(error: &Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |line, cause| format!("{line}: {cause}"))
}

#[tokio::test(start_paused = true)]
async fn a_call_signs_in_and_carries_the_token() {
    let server = Server::new([Reply::products(2)]);
    let page = list(&server.client()).await.unwrap();
    assert_eq!(
        page.body,
        r#"{"status":0,"error":null,"assets":[{"n":0},{"n":1}]}"#
    );
    assert!(!page.is_empty_result());
    assert_eq!(
        server.seen(),
        [
            "auth.example /api/v1/oauth/token/ - assets",
            r#"api.example /ES/api/products/list EXAMPLEtoken1 {"accountId":710112}"#,
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn empty_results_are_pages() {
    for (http, body, nothing) in [
        (
            200,
            r#"{"status":0,"error":{"errorCode":301,"message":"none"},"assets":null}"#,
            true,
        ),
        (
            404,
            r#"{"status":-1,"error":{"errorCode":301,"message":"none"},"assets":null}"#,
            true,
        ),
        (200, r#"{"status":1008,"message":"no records"}"#, true),
        (200, r#"{"status":0,"error":"none","assets":[]}"#, true),
        // These responses need a closer look: there may be more pages, or rows after all.
        (
            200,
            r#"{"status":0,"assets":null,"pageNumber":1,"totalPages":3}"#,
            false,
        ),
        (200, r#"{"status":0,"assets":[]}"#, false),
        (200, r#"{"status":0,"error":"none","assets":[{}]}"#, false),
    ] {
        let server = Server::new([Reply::Json(http, body)]);
        let page = list(&server.client()).await.unwrap();
        assert_eq!(page.is_empty_result(), nothing, "{body}");
        assert_eq!(page.body, body);
    }
}

#[tokio::test(start_paused = true)]
async fn transient_failures_heal() {
    for failure in [
        Reply::Html(503),
        Reply::Html(200),
        Reply::Json(500, r#"{"status":-1}"#),
        Reply::Json(200, r#"{"assets":[{"cut":"#),
        Reply::Reset,
        Reply::Silence,
    ] {
        let other = Reply::Html(503);
        let server = Server::new([failure.clone(), other, Reply::products(1)]);
        assert!(list(&server.client()).await.is_ok(), "{failure:?}");
        assert_eq!(server.calls(), 3, "{failure:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn three_tries_are_enough() {
    let server = Server::new([Reply::Html(503), Reply::Reset, Reply::Html(503)]);
    let error = list(&server.client()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Transient);
    assert_eq!(error.http(), Some(503));
    assert_eq!(
        chain(&error),
        "`products/list` for accountId 710112 got no usable response: the response is an HTML page \
         (HTTP 503, 3 tries)"
    );
    assert_eq!(server.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn bad_requests_are_not_repeated() {
    let body = r#"{"status":-1,"message":"Invalid incoming request.","error":{"errorCode":101,"message":"parentId or accountId is required"}}"#;
    let server = Server::new([Reply::Json(400, body)]);
    let error = list(&server.client()).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.code(), error.http()),
        (Kind::BadRequest, Some(101), Some(400))
    );
    assert_eq!(
        chain(&error),
        "`products/list` for accountId 710112 was rejected: \
         parentId or accountId is required (error 101, status -1, HTTP 400)"
    );
    assert_eq!(server.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_possible_is_said() {
    let server = Server::new([Reply::Json(
        400,
        r#"{"status":-2,"error":{"errorCode":301}}"#,
    )]);
    assert_eq!(
        list(&server.client()).await.unwrap_err().kind(),
        Kind::NotPossible
    );
}

#[tokio::test(start_paused = true)]
async fn writes_are_sent_once() {
    for failure in [
        Reply::Html(503),
        Reply::Reset,
        Reply::Silence,
        Reply::Throttled("1"),
    ] {
        let server = Server::new([failure.clone()]);
        assert!(fetch(&server.client(), &REGISTER).await.is_err());
        assert_eq!(server.calls(), 1, "{failure:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn redirects_stay_on_their_host() {
    let server = Server::new([Reply::Redirect("/ES/moved"), Reply::products(1)]);
    let client = server.client();
    list(&client).await.unwrap();
    assert_eq!(
        server.seen()[2],
        r#"api.example /ES/moved EXAMPLEtoken1 {"accountId":710112}"#
    );
    assert_eq!(client.usage().await.unwrap().calls, 3);

    let server = Server::new([Reply::Redirect("https://evil.example/")]);
    let error = list(&server.client()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unexpected);
    assert!(
        chain(&error).contains("`https://evil.example`"),
        "{}",
        chain(&error)
    );
    assert_eq!(server.calls(), 1);

    let server = Server::new([]).sign_ins([Reply::Redirect("https://evil.example/")]);
    assert_eq!(
        list(&server.client()).await.unwrap_err().kind(),
        Kind::Config
    );
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn configurations_are_checked() {
    for (api_url, complaint) in [
        (
            "https://user:hunter2@api.example",
            "`api_url` must not contain a user or a password",
        ),
        (
            "mailto:someone@api.example",
            "`api_url` must be a URL with a host, such as https://host",
        ),
    ] {
        let mut config = server::config();
        config.api_url = api_url.parse().unwrap();
        let client = Client::new(config, Server::new([]).transport(), Jitter::seeded(1));
        let error = client.unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            (Kind::Config, complaint)
        );
    }
    let mut config = server::config();
    config.calls.push(Window {
        max: 0,
        per: Duration::from_secs(1),
    });
    assert!(Client::new(config, Server::new([]).transport(), Jitter::seeded(1)).is_err());
}

/// The operation of [`LIST`], as the code generator would write it.
struct ListProducts;

#[derive(Serialize)]
struct ListRequest {
    #[serde(rename = "accountId")]
    account_id: i64,
}

#[derive(Deserialize)]
struct ListResponse {
    assets: Vec<Value>,
}

impl Operation for ListProducts {
    const ENDPOINT: &'static Endpoint = &LIST;
    type Request = ListRequest;
    type Response = ListResponse;
}

#[tokio::test(start_paused = true)]
async fn operations_have_types() {
    let server = Server::new([
        Reply::products(3),
        Reply::Json(200, r#"{"status":0,"assets":5}"#),
    ]);
    let client = server.client();
    let request = ListRequest {
        account_id: 710_112,
    };
    assert_eq!(
        client
            .call::<ListProducts>(&request)
            .await
            .unwrap()
            .assets
            .len(),
        3
    );
    let Err(error) = client.call::<ListProducts>(&request).await else {
        panic!("5 is no list")
    };
    assert_eq!(error.kind(), Kind::Unexpected);
    assert_eq!(
        error.to_string(),
        "`products/list` for accountId 710112 got a response that does not match the API description \
         at `assets`"
    );
    assert!(error.source().is_some());
}
