//! Tests of the options for object stores.

use serde_json::json;

use super::*;

fn resolve(options: &Value) -> Result<BucketOptions> {
    let options = options.as_object().cloned().unwrap_or_default();
    let options = BucketOptions::resolve(&options, &|_| Ok("hunter2".to_owned()))?;
    options.check(StoreKind::S3).map(|()| options)
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
            "option `variables` has the variable `AWS_REGIO`, which is unknown for `s3://`; did you mean `AWS_REGION`?",
        ),
        (
            json!({ "variables": { "AZURE_STORAGE_ACCOUNT": "x" } }),
            "option `variables` has the variable `AZURE_STORAGE_ACCOUNT`, which is unknown for `s3://`",
        ),
        (
            json!({ "account": "x" }),
            "option `account` does not apply to `s3://`",
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
fn every_secret_variable_belongs_to_a_store() {
    let all = StoreKind::ALL.map(StoreKind::variables).concat();
    for name in SECRET_VARIABLES {
        assert!(all.contains(&name), "{name}");
    }
}

#[test]
fn options_of_one_store_are_refused_for_others() {
    for (option, wanted) in [
        (json!({ "account_key": { "env": "KEY" } }), StoreKind::Azure),
        (json!({ "sas_token": { "env": "SAS" } }), StoreKind::Azure),
        (
            json!({ "service_account_key": { "env": "KEY" } }),
            StoreKind::Gcs,
        ),
        (json!({ "region": "x" }), StoreKind::S3),
    ] {
        let options = option.as_object().cloned().unwrap_or_default();
        let options = BucketOptions::resolve(&options, &|_| Ok("hunter2".to_owned())).unwrap();
        for kind in StoreKind::ALL {
            assert_eq!(
                options.check(kind).is_ok(),
                kind == wanted,
                "{option} at {kind:?}"
            );
        }
    }
}

#[test]
fn only_a_url_has_variables() {
    assert!(variables("s3://bucket/x").contains(&"AWS_REGION"));
    assert!(variables("az://container").contains(&"AZURE_STORAGE_KEY"));
    assert!(variables("gs://bucket").contains(&"GOOGLE_APPLICATION_CREDENTIALS"));
    assert!(variables("ftp://bucket").is_empty());
    assert!(variables("out").is_empty());
    assert!(variables("C:\\out").is_empty());
}
