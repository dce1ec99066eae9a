//! Tests of what is checked before the first request.

use serde_json::json;

use crate::bucket::{BucketOptions, StoreKind};
use crate::cloud::connect::{Location, provider};
use crate::cloud::{endpoint, *};

#[test]
fn urls_are_read_and_never_quoted_if_wrong() {
    let read = |url| Location::parse(StoreKind::S3, url).map(|found| (found.bucket, found.prefix));
    assert_eq!(read("s3://bucket").unwrap(), ("bucket", ""));
    assert_eq!(read("s3://bucket/a/b/").unwrap(), ("bucket", "a/b"));
    for url in [
        "s3://",
        "s3:///a",
        "s3://KEY:hunter2@bucket/a",
        "s3://bucket?key=hunter2",
    ] {
        let error = read(url).unwrap_err();
        assert_eq!(error.kind(), Kind::Config);
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    let error = Location::parse(StoreKind::Azure, "az://account@container/x").unwrap_err();
    let wanted = "the URL must have the form `az://CONTAINER/PREFIX`; it must not contain credentials, a host or a query";
    assert_eq!(error.to_string(), wanted);
}

/// The server of a place, or the error.
fn opened(kind: StoreKind, options: &BucketOptions) -> String {
    match open(kind, &format!("{}://bucket/x", kind.scheme()), options) {
        Ok(place) => {
            let text = format!("{place:?} {}", place.inner.server);
            assert!(!text.contains("hunter2"), "{text}");
            place.inner.server.clone()
        }
        Err(error) => {
            assert_eq!(error.kind(), Kind::Config);
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
            error.to_string()
        }
    }
}

/// Options as the configuration gives them, where each secret is `hunter2`.
pub(super) fn options(options: &serde_json::Value) -> BucketOptions {
    let options = options.as_object().cloned().unwrap_or_default();
    BucketOptions::resolve(&options, &|_| Ok("hunter2".to_owned())).unwrap()
}

#[test]
fn azure_needs_an_account_and_takes_one_credential() {
    let secret = json!({ "env": "X" });
    for (given, wanted) in [
        (
            json!({}),
            "the storage account of container `bucket` is not known; set option `account` or the variable \
             `AZURE_STORAGE_ACCOUNT`",
        ),
        (
            json!({ "account": "a.example.com/" }),
            "`a.example.com/` is not the name of a storage account, which has only letters and digits",
        ),
        (json!({ "account": "lake" }), "account `lake`"),
        (
            json!({ "variables": { "AZURE_STORAGE_ACCOUNT": "lake", "AZURE_STORAGE_SAS_TOKEN": secret } }),
            "cannot use the credentials for container `bucket`: the account key is not Base64, or the shared access \
             signature is not a query",
        ),
        (
            json!({ "account": "lake", "account_key": secret }),
            "cannot use the credentials for container `bucket`: the account key is not Base64, or the shared access \
             signature is not a query",
        ),
        (
            json!({ "account": "lake", "account_key": secret, "sas_token": secret }),
            "only one of the options `account_key` and `sas_token` can be set",
        ),
        (
            json!({ "account": "lake", "endpoint": "http://blob.example.com/lake" }),
            "the endpoint `http://blob.example.com/lake` is plain HTTP to another machine; use `https://`, or set \
             `allow_http = true`",
        ),
        (
            json!({ "account": "lake", "endpoint": "https://blob.example.com/?sig=hunter2" }),
            "the endpoint must not contain a query",
        ),
        (
            json!({ "account": "lake", "endpoint": "http://127.0.0.1:10000/lake" }),
            "endpoint `http://127.0.0.1:10000/lake`",
        ),
    ] {
        assert_eq!(
            opened(StoreKind::Azure, &options(&given)),
            wanted,
            "{given}"
        );
    }
}

#[test]
fn google_takes_a_key_or_a_token() {
    let wrong = "cannot use the credentials for bucket `bucket`: they are neither the key of a service account nor what \
                 `gcloud auth application-default login` stores; check option `service_account_key` or the file that \
                 `GOOGLE_APPLICATION_CREDENTIALS` names";
    let secret = json!({ "env": "X" });
    for (given, wanted) in [
        (json!({ "service_account_key": secret }), wrong),
        (
            json!({ "variables": { "GOOGLE_APPLICATION_CREDENTIALS": "/nowhere" } }),
            wrong,
        ),
        (
            json!({ "variables": { "CLOUDSDK_AUTH_ACCESS_TOKEN": secret } }),
            "endpoint `https://storage.googleapis.com`",
        ),
        (
            json!({
                "variables": { "CLOUDSDK_AUTH_ACCESS_TOKEN": secret },
                "endpoint": "https://storage.example.com/",
            }),
            "endpoint `https://storage.example.com`",
        ),
        (
            json!({ "endpoint": "http://storage.example.com" }),
            "the endpoint `http://storage.example.com` is plain HTTP to another machine; use `https://`, or set \
             `allow_http = true`",
        ),
    ] {
        assert_eq!(opened(StoreKind::Gcs, &options(&given)), wanted, "{given}");
    }
}

#[test]
fn endpoints_and_regions_are_checked_before_the_first_request() {
    let variables = |pairs: &[(&str, &str)]| BucketOptions {
        variables: pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned().into()))
            .collect(),
        ..BucketOptions::default()
    };
    let endpoint = |endpoint: &str| BucketOptions {
        endpoint: Some(endpoint.to_owned()),
        ..BucketOptions::default()
    };
    for (options, wanted) in [
        (
            variables(&[]),
            "the region of bucket `bucket` is not known; set option `region` or the variable `AWS_REGION`",
        ),
        (
            variables(&[
                ("AWS_DEFAULT_REGION", "eu-west-1"),
                ("AWS_SECRET_ACCESS_KEY", "hunter2"),
                ("AWS_ACCESS_KEY_ID", "K"),
            ]),
            "region `eu-west-1`",
        ),
        (
            variables(&[
                ("AWS_ENDPOINT_URL", "https://one"),
                ("AWS_ENDPOINT_URL_S3", "https://two"),
            ]),
            "endpoint `https://two`",
        ),
        (
            endpoint("http://127.0.0.1:9000"),
            "endpoint `http://127.0.0.1:9000`",
        ),
        (
            endpoint("http://minio:9000"),
            "the endpoint `http://minio:9000` is plain HTTP to another machine; use `https://`, or set `allow_http = true`",
        ),
        (
            BucketOptions {
                allow_http: true,
                ..endpoint("http://minio:9000")
            },
            "endpoint `http://minio:9000`",
        ),
        (
            endpoint("minio"),
            "the endpoint is not a URL such as `https://minio.example.com`",
        ),
        (
            endpoint("https://u:hunter2@minio"),
            "the endpoint must not contain a user name or password",
        ),
        (
            endpoint("https://hunter2@minio"),
            "the endpoint must not contain a user name or password",
        ),
        (
            endpoint("https://:hunter2@minio"),
            "the endpoint must not contain a user name or password",
        ),
        (
            variables(&[("AWS_SECRET_ACCESS_KEY", "hunter2"), ("AWS_REGION", "x")]),
            "the access key has a secret and no id; set option `access_key_id`",
        ),
        (
            variables(&[("AWS_SESSION_TOKEN", "hunter2"), ("AWS_REGION", "x")]),
            "the access key has only a session token; set option `access_key_id`",
        ),
        (
            BucketOptions {
                access_key_id: Some("K".to_owned().into()),
                ..variables(&[("AWS_SECRET_ACCESS_KEY", "hunter2"), ("AWS_REGION", "x")])
            },
            "the access key has an id and no secret; set option `secret_access_key`",
        ),
        (
            BucketOptions {
                ca_cert: Some("/dev/null".into()),
                ..endpoint("https://minio")
            },
            "`/dev/null` is not a PEM file with certificates",
        ),
    ] {
        assert_eq!(opened(StoreKind::S3, &options), wanted);
    }
}

#[test]
fn only_an_endpoint_of_plain_http_permits_it() {
    for (endpoint, wanted) in [
        (None, false),
        (Some("https://minio"), false),
        (Some("http://localhost:9000"), true),
        (Some("HTTP://localhost:9000"), true),
    ] {
        assert_eq!(endpoint::is_plain(endpoint), wanted, "{endpoint:?}");
        for kind in [StoreKind::S3, StoreKind::Azure, StoreKind::Gcs] {
            let mut given = json!({ "account": "lake", "region": "here" });
            if let Some(endpoint) = endpoint {
                given["endpoint"] = endpoint.into();
            }
            let options = options(&given);
            let provider = provider(kind, "bucket", &options).unwrap();
            assert_eq!(provider.is_plain(), wanted, "{kind:?}, {endpoint:?}");
        }
    }
}
