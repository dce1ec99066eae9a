//! Tests of writes that are only partly carried out, and of secrets that the caller asked for.

use fortilake_models::Secret;

use super::*;

const UNITS: &str = r#"[{"serialNumber":"FGT1","status":0,"message":""},{"serialNumber":"FGT2","status":2,"message":"Product-> FortiCloud Key is Required."}]"#;

#[tokio::test(start_paused = true)]
async fn a_registration_of_some_units_says_which() {
    for http in [200, 400] {
        let body = format!(
            r#"{{"status":2,"error":{{"errorCode":301,"message":"Failed"}},"token":"TOKEN","assets":{UNITS}}}"#
        );
        let server = Server::new([Reply::Json(http, body.leak())]);
        let error = fetch(&server.client(), &REGISTER).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.code(), error.http()),
            (Kind::NotPossible, Some(301), Some(http))
        );
        let answer = error.response_body().unwrap();
        assert!(!answer.contains("token"), "{answer}");
        let answer: Value = serde_json::from_str(answer).unwrap();
        assert_eq!(answer["assets"].to_string(), json_of(UNITS));
        assert_eq!(server.calls(), 1);
        // The content of a response is data, so messages do not repeat it.
        assert!(!format!("{error:?}").contains("FGT2"), "{error:?}");
    }
}

fn json_of(text: &str) -> String {
    serde_json::from_str::<Value>(text).unwrap().to_string()
}

#[tokio::test(start_paused = true)]
async fn a_success_that_complains_of_units_is_a_page() {
    for error in ["null", r#"{"errorCode":301,"message":"Failed"}"#] {
        let body = format!(r#"{{"status":0,"error":{error},"assets":{UNITS}}}"#);
        let server = Server::new([Reply::Json(200, body.clone().leak())]);
        let page = fetch(&server.client(), &REGISTER).await.unwrap();
        assert_eq!(page.body, body);
        assert!(!page.is_empty_result());
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_json_is_no_answer() {
    let server = Server::new([Reply::Html(503)]);
    let error = fetch(&server.client(), &REGISTER).await.unwrap_err();
    assert_eq!(error.response_body(), None);
}

/// An operation whose response contains a secret, as the code generator would write it.
struct Download;

#[derive(Serialize)]
struct DownloadRequest {
    #[serde(rename = "serialNumber")]
    serial_number: &'static str,
}

#[derive(Debug, Deserialize)]
struct DownloadResponse {
    token: Option<Secret>,
    message: Option<String>,
    #[serde(rename = "licenseFile")]
    license_file: Option<Secret>,
}

impl Operation for Download {
    const ENDPOINT: &'static Endpoint = &LIST;
    type Request = DownloadRequest;
    type Response = DownloadResponse;
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_for_a_secret_gets_it_and_no_token() {
    let body =
        r#"{"status":0,"message":"for TOKEN","token":"TOKEN","licenseFile":"-----BEGIN-----"}"#;
    let server = Server::new([Reply::Json(200, body), Reply::Json(200, body)]);
    let client = server.client();
    let request = DownloadRequest {
        serial_number: "FGVM1",
    };
    let answer = client.call::<Download>(&request).await.unwrap();
    assert_eq!(
        answer.license_file.as_ref().unwrap().expose(),
        "-----BEGIN-----"
    );
    assert_eq!(answer.message.as_deref(), Some("for [redacted]"));
    assert_eq!(answer.token, None);
    assert!(!format!("{answer:?}").contains("BEGIN"));
    // A page goes into the journal, so its secrets are removed.
    let page = list(&client).await.unwrap();
    assert_eq!(page.body, r#"{"status":0,"message":"for [redacted]"}"#);
}

#[tokio::test(start_paused = true)]
async fn a_failure_keeps_no_secret_for_anyone() {
    let body = r#"{"status":-2,"error":{"errorCode":301},"licenseFile":"-----BEGIN-----"}"#;
    let server = Server::new([Reply::Json(400, body)]);
    let request = DownloadRequest {
        serial_number: "FGVM1",
    };
    let error = server
        .client()
        .call::<Download>(&request)
        .await
        .unwrap_err();
    assert_eq!(
        error.response_body(),
        Some(r#"{"status":-2,"error":{"errorCode":301}}"#)
    );
}
