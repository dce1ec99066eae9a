//! Tests of tokens: how they are issued, what they give access to, and when they expire.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

use crate::client::{ASSETS, Client, FIRST, keys, post, sign_in};

const TOKEN: &str = "/api/v1/oauth/token/";

async fn token_with(client: &Client, change: impl FnOnce(&mut Value)) -> (u16, Value) {
    let mut body = json!({
        "username": "simulated",
        "password": "simulated",
        "client_id": "iam",
        "grant_type": "password",
    });
    change(&mut body);
    client
        .send(post(TOKEN, None, &body.to_string()))
        .await
        .unwrap()
}

#[tokio::test]
async fn a_password_gets_a_token_as_in_the_samples() {
    let client = Client::new("expires_in = 14400");
    let (status, body) = token_with(&client, |_| {}).await;
    assert_eq!(status, 200);
    assert_eq!(
        keys(&body),
        [
            "access_token",
            "expires_in",
            "message",
            "refresh_token",
            "scope",
            "status",
            "token_type"
        ]
    );
    assert_eq!(body["expires_in"], 14_400);
    assert_eq!(body["access_token"].as_str().unwrap().len(), 30);
    let form = Request::post(TOKEN)
        .header(
            "content-type",
            "application/x-www-form-urlencoded; charset=utf-8",
        )
        .body(Bytes::from_static(
            b"username=simulated&password=%73imulated&client_id=iam&grant_type=password",
        ))
        .unwrap();
    let (status, again) = client.send(form).await.unwrap();
    assert_eq!(status, 200);
    assert_ne!(again["access_token"], body["access_token"]);
}

#[tokio::test]
async fn refusals_are_those_of_the_samples() {
    let client = Client::new("");
    let (status, body) = token_with(&client, |body| body["username"] = "other".into()).await;
    assert_eq!(status, 400);
    assert_eq!(
        body,
        json!({ "error": "invalid_grant", "error_description": "Invalid credentials given." })
    );
    let (status, body) = token_with(&client, |body| body["password"] = "other".into()).await;
    assert_eq!(status, 401);
    assert_eq!(
        body,
        json!({ "error": "Unexpected error has happened", "status": "failure" })
    );
    let (status, body) = token_with(&client, |body| body["client_id"] = "IAM".into()).await;
    assert_eq!((status, &body["error"]), (400, &json!("invalid_client")));
    let (status, _) = token_with(&client, |body| {
        body["grant_type"] = "client_credentials".into();
    })
    .await;
    assert_eq!(status, 400);
    let get = Request::get(TOKEN).body(Bytes::new()).unwrap();
    assert_eq!(client.send(get).await.unwrap().0, 405);
}

#[tokio::test]
async fn a_refresh_token_gets_a_new_pair() {
    let client = Client::new("");
    let (_, first) = token_with(&client, |_| {}).await;
    let refresh = json!({
        "client_id": "iam",
        "grant_type": "refresh_token",
        "refresh_token": first["refresh_token"],
    });
    let (status, body) = client
        .send(post(TOKEN, None, &refresh.to_string()))
        .await
        .unwrap();
    assert_eq!(
        (status, &body["message"]),
        (200, &json!("Token has been refreshed successfully"))
    );
    let mut stranger = refresh;
    stranger["client_id"] = "organization".into();
    let (status, _) = client
        .send(post(TOKEN, None, &stranger.to_string()))
        .await
        .unwrap();
    assert_eq!(status, 400);
}

#[tokio::test]
async fn the_path_without_its_slash_redirects_on_the_same_host() {
    for code in [301, 302, 307, 308] {
        let client = Client::new(&format!("token_redirect = {code}"));
        let request = post("/api/v1/oauth/token", None, "{}");
        let response = client.simulator.handle(request).await.unwrap();
        assert_eq!(response.status(), code);
        assert_eq!(response.headers()["location"], TOKEN);
    }
    let direct = Client::new("token_redirect = 0");
    let (_, body) = direct
        .send(post("/api/v1/oauth/token", None, "{}"))
        .await
        .unwrap();
    assert_eq!(body["error"], "invalid_client");
}

async fn use_token(client: &Client, token: Option<&str>) -> (u16, Value) {
    let arguments = json!({ "accountId": FIRST, "serialNumber": "%" }).to_string();
    let request = post(&format!("{ASSETS}products/list"), token, &arguments);
    let (status, body) = client.send(request).await.unwrap();
    (status, body["error"]["errorCode"].clone())
}

#[tokio::test(start_paused = true)]
async fn a_token_opens_its_own_api_until_it_ends() {
    let client = Client::new("expires_in = 60");
    assert_eq!(use_token(&client, None).await, (400, json!(201)));
    assert_eq!(use_token(&client, Some("guessed")).await, (400, json!(201)));
    let iam = client.token("iam").await;
    assert_eq!(use_token(&client, Some(&iam)).await, (400, json!(202)));
    let token = client.token("assetmanagement").await;
    tokio::time::advance(Duration::from_secs(59)).await;
    assert_eq!(use_token(&client, Some(&token)).await, (200, Value::Null));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(use_token(&client, Some(&token)).await, (400, json!(201)));
}

#[tokio::test]
async fn a_revoked_token_is_none() {
    let client = Client::new("");
    let token = client.token("assetmanagement").await;
    let revoke = |token: &str| {
        let body = json!({ "client_id": "assetmanagement", "token": token }).to_string();
        client.send(post("/api/v1/oauth/revoke_token/", None, &body))
    };
    assert_eq!(revoke(&token).await.unwrap().0, 200);
    assert_eq!(use_token(&client, Some(&token)).await, (400, json!(201)));
    assert_eq!(revoke("unknown").await.unwrap().0, 200);
    assert_eq!(revoke("").await.unwrap().0, 400);
    let (status, _) = client
        .send(post("/api/v1/oauth/revoke_token/", None, "{}"))
        .await
        .unwrap();
    assert_eq!(status, 401);
}

#[tokio::test]
async fn a_profile_allows_its_clients_alone() {
    let client = Client::new("[credentials]\nclients = ['assetmanagement']");
    let (status, body) = client.send(sign_in("organization")).await.unwrap();
    assert_eq!((status, &body["error"]), (400, &json!("invalid_client")));
    assert_eq!(
        client.send(sign_in("assetmanagement")).await.unwrap().0,
        200
    );
}
