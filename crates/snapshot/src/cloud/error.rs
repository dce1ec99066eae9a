//! Errors of object stores, in words that say what to do, and without anything secret.

use std::error::Error as _;

use fortilake_sink::{Error, Kind};
use object_store::Error as StoreError;

/// The error "cannot `action` `target`" with the reason.
///
/// The library's own error is not kept as the cause. It quotes the whole response of the server, and S3 repeats the
/// request in it if a signature is wrong, including the session token.
pub(super) fn failed(action: &str, target: &str, error: &StoreError) -> Error {
    let (kind, reason) = explain(error);
    Error::new(kind, format!("cannot {action} `{target}`")).with_source(reason)
}

/// Whether there is no such object or upload.
pub(super) fn is_absent(error: &StoreError) -> bool {
    let is_not_found = matches!(error, StoreError::NotFound { .. });
    let code = code(&error.to_string()).unwrap_or_default();
    // A bucket that is gone must not look like an empty one.
    is_not_found && !["NoSuchBucket", "ContainerNotFound"].contains(&code.as_str())
}

/// What the caller can do, and why the request failed.
pub(super) fn explain(error: &StoreError) -> (Kind, String) {
    let text = error.to_string();
    let answer = answer(&text);
    let code = code(&text).unwrap_or_default();
    let with_answer = |reason: &str| match &answer {
        Some(answer) => format!("{reason} ({answer})"),
        None => reason.to_owned(),
    };
    match (error, code.as_str()) {
        (_, "NoSuchBucket") => (Kind::Config, "the bucket does not exist".to_owned()),
        (_, "ContainerNotFound") => (Kind::Config, "the container does not exist".to_owned()),
        (
            _,
            "InvalidAccessKeyId"
            | "SignatureDoesNotMatch"
            | "InvalidToken"
            | "ExpiredToken"
            | "AuthenticationFailed"
            | "InvalidAuthenticationInfo",
        ) => (Kind::Config, with_answer("the credentials are not valid")),
        (_, "AuthorizationHeaderMalformed" | "PermanentRedirect" | "TemporaryRedirect") => (
            Kind::Config,
            with_answer("the region is wrong; check option `region`"),
        ),
        (_, "XMinioStorageFull" | "QuotaExceeded" | "EntityTooLarge") => {
            (Kind::Full, with_answer("the store is full"))
        }
        (StoreError::PermissionDenied { .. }, _) => (
            Kind::Config,
            with_answer("the credentials do not permit this"),
        ),
        (StoreError::Unauthenticated { .. }, _) => {
            (Kind::Config, with_answer("the credentials are not valid"))
        }
        (StoreError::NotSupported { .. } | StoreError::NotImplemented { .. }, _) => {
            (Kind::Config, "the store does not support this".to_owned())
        }
        // Without any configured credentials, the library asks the service that cloud machines have at this address.
        (StoreError::Generic { store, .. }, _) if text.contains("169.254.169.254") => {
            let reason = format!("there are no credentials; set {}", credentials(store));
            (Kind::Config, reason)
        }
        // The sign-in services of Azure and Google respond in another format.
        _ if text.contains("AADSTS") || text.contains("\"invalid_grant\"") => {
            (Kind::Config, with_answer("the credentials are not valid"))
        }
        (StoreError::InvalidPath { .. }, _) => (Kind::Config, "the name is not allowed".to_owned()),
        (StoreError::Generic { .. }, _) if text.contains("redirect without LOCATION") => {
            let reason = "the server sent a redirect without a location; check option `region`";
            (Kind::Config, reason.to_owned())
        }
        _ => (Kind::Unavailable, answer.unwrap_or_else(|| root(error))),
    }
}

/// The variables that hold credentials, for the library's name of a store.
fn credentials(store: &str) -> &'static str {
    match store {
        "MicrosoftAzure" => "AZURE_STORAGE_KEY or AZURE_STORAGE_SAS_TOKEN",
        "GCS" => "GOOGLE_APPLICATION_CREDENTIALS",
        _ => "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    }
}

/// What the server said: its code and message, or its status.
fn answer(text: &str) -> Option<String> {
    match (code(text), element(text, "Message")) {
        (Some(code), Some(message)) => Some(format!("{code}: {message}")),
        (Some(code), None) => Some(code),
        (None, _) => {
            let (_, status) = text.split_once("status code: ")?;
            let status = status.split([':', '<']).next().unwrap_or_default();
            Some(format!("HTTP {}", status.trim()))
        }
    }
}

fn code(text: &str) -> Option<String> {
    element(text, "Code").filter(|code| code.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// The text of the first XML element of this name, on one line.
fn element(text: &str, name: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (content, _) = rest.split_once("</")?;
    let words: Vec<_> = content.split_whitespace().collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// The last cause, which for a failed connection is that of the operating system.
fn root(error: &StoreError) -> String {
    let mut last = None;
    let mut next = error.source();
    while let Some(cause) = next {
        last = Some(cause);
        next = cause.source();
    }
    let text = last.map_or_else(|| error.to_string(), ToString::to_string);
    let words: Vec<_> = text.split_whitespace().collect();
    words.join(" ")
}
