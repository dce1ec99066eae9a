//! Secrets are sent in requests, and serialized nowhere else.

use serde::Serialize;
use serde_json::json;

use super::{Secret, serialize_secret};
use crate::{
    Nullable,
    generated::types::{LicensesDownloadResponse, LicensesRegisterRequest},
};

#[test]
fn a_request_is_serialized_with_its_secret_and_a_response_without() {
    let request = LicensesRegisterRequest {
        license_registration_code: Secret::from("12345-ABCDE"),
        ..LicensesRegisterRequest::default()
    };
    let sent = serde_json::to_value(&request).unwrap();
    assert_eq!(sent["licenseRegistrationCode"], "12345-ABCDE");

    let received = json!({ "serialNumber": "FC-1", "licenseFile": "-----BEGIN", "token": "t0ken" });
    let response: LicensesDownloadResponse = serde_json::from_value(received).unwrap();
    assert_eq!(response.license_file, Some(Secret::from("-----BEGIN")));
    let written = serde_json::to_string(&response).unwrap();
    assert!(written.contains("FC-1"), "{written}");
    assert!(
        !written.contains("BEGIN") && !written.contains("t0ken"),
        "{written}"
    );
}

#[derive(Serialize)]
struct AllForms {
    #[serde(serialize_with = "serialize_secret")]
    required: Secret,
    #[serde(serialize_with = "serialize_secret")]
    optional: Option<Secret>,
    #[serde(serialize_with = "serialize_secret")]
    missing: Option<Secret>,
    #[serde(serialize_with = "serialize_secret")]
    list: Vec<Secret>,
    #[serde(serialize_with = "serialize_secret")]
    value: Nullable<Secret>,
    #[serde(serialize_with = "serialize_secret")]
    null: Nullable<Secret>,
}

#[test]
fn every_form_of_a_field_can_be_sent() {
    let request = AllForms {
        required: "a".into(),
        optional: Some("b".into()),
        missing: None,
        list: vec!["c".into(), "d".into()],
        value: Nullable::Value("e".into()),
        null: Nullable::Null,
    };
    assert_eq!(
        serde_json::to_value(&request).unwrap(),
        json!({
            "required": "a", "optional": "b", "missing": null,
            "list": ["c", "d"], "value": "e", "null": null,
        })
    );
}
