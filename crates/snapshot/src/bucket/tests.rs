//! Tests of the options for object stores.

use serde_json::json;

use super::*;

fn resolve(options: &Value) -> Result<BucketOptions> {
    let options = options.as_object().cloned().unwrap_or_default();
    let options = BucketOptions::resolve(&options, &|_| Ok("hunter2".to_owned()))?;
    options.check().map(|()| options)
}

#[test]
fn options_of_the_bucket_are_picked_and_secrets_looked_up() {
    let options = json!({
        "path": "s3://bucket",
        "row_group_bytes": 7,
        "region": "eu-central-1",
        "secret_access_key": { "env": "KEY" },
        "encryption": "aws:kms",
        "kms_key_id": "alias/lake",
        "variables": { "AWS_SESSION_TOKEN": { "file": "token" }, "AWS_ROLE_ARN": "arn" },
    });
    let options = resolve(&options).unwrap();
    assert_eq!(options.region.as_deref(), Some("eu-central-1"));
    assert_eq!(options.encryption, Some(Encryption::Kms));
    assert_eq!(
        options.secret_access_key.as_ref().unwrap().expose(),
        "hunter2"
    );
    assert_eq!(options.variables["AWS_SESSION_TOKEN"].expose(), "hunter2");
    assert_eq!(options.variables["AWS_ROLE_ARN"].expose(), "arn");
    assert!(!format!("{options:?}").contains("hunter2"));
}

#[test]
fn wrong_options_are_refused() {
    for (options, wanted) in [
        (
            json!({ "secret_access_key": "hunter2" }),
            "option `secret_access_key` is a secret and cannot be written in plain text; use { env = … }, { file = … } or \
             { command = […] }",
        ),
        (
            json!({ "variables": { "AWS_SESSION_TOKEN": "hunter2" } }),
            "`AWS_SESSION_TOKEN` in option `variables` is a secret and cannot be written in plain text; use { env = … }, \
             { file = … } or { command = […] }",
        ),
        (
            json!({ "variables": { "AWS_REGIO": "x" } }),
            "option `variables` has the unknown variable `AWS_REGIO`; did you mean `AWS_REGION`?",
        ),
        (
            json!({ "encryption": "rot13" }),
            "option `encryption` is `rot13`, but must be one of `AES256`, `aws:kms`, `aws:kms:dsse`",
        ),
        (
            json!({ "kms_key_id": "x" }),
            "option `kms_key_id` needs `encryption` to be `aws:kms` or `aws:kms:dsse`",
        ),
    ] {
        let error = resolve(&options).unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            (Kind::Config, wanted)
        );
    }
}

#[test]
fn only_a_url_has_variables() {
    assert!(variables("s3://bucket/x").contains(&"AWS_REGION"));
    assert!(variables("out").is_empty());
    assert!(variables("C:\\out").is_empty());
}
