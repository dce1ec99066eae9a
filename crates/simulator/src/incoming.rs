//! An incoming call, parsed once.

use std::collections::HashMap;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, header};
use serde_json::Value;

use crate::random::hash;

/// A call.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) method: Method,
    pub(crate) path: String,
    /// The value of the `Authorization` header.
    authorization: Option<String>,
    pub(crate) body: Bytes,
    /// The decoded query parameters.
    query: Vec<(String, String)>,
    /// The texts of a JSON object or a form. OAuth accepts both.
    pub(crate) fields: HashMap<String, String>,
    /// The arguments, with secrets removed.
    pub(crate) arguments: Value,
}

impl Incoming {
    pub(crate) fn read(request: Request<Bytes>) -> Self {
        let (parts, body) = request.into_parts();
        let form = text(&parts.headers, &header::CONTENT_TYPE)
            .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        let query = pairs(parts.uri.query().unwrap_or_default().as_bytes());
        let arguments = if form {
            object(pairs(&body))
        } else if body.is_empty() && !query.is_empty() {
            object(query.clone())
        } else {
            serde_json::from_slice(&body).unwrap_or(Value::Null)
        };
        let fields = arguments.as_object().into_iter().flatten();
        let fields = fields.filter_map(|(key, value)| {
            let value = value.as_str()?;
            Some((key.clone(), value.to_owned()))
        });
        Self {
            method: parts.method,
            path: parts.uri.path().to_owned(),
            authorization: text(&parts.headers, &header::AUTHORIZATION).map(str::to_owned),
            query,
            fields: fields.collect(),
            arguments: without_secrets(arguments),
            body,
        }
    }

    /// Returns the credential that the `Authorization` header has for this scheme.
    pub(crate) fn credential(&self, scheme: &str) -> Option<&str> {
        let (named, credential) = self.authorization.as_deref()?.split_once(' ')?;
        named
            .eq_ignore_ascii_case(scheme)
            .then(|| credential.trim())
    }

    /// Returns a query parameter. If it occurs several times, the first one counts.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        let mut named = self.parameters();
        named.find_map(|(key, value)| (key == name).then_some(value))
    }

    pub(crate) fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self.query.iter();
        pairs.map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Returns the `accountId` argument.
    pub(crate) fn account(&self) -> Option<i64> {
        self.integer("accountId")
    }

    pub(crate) fn page(&self) -> Option<u64> {
        u64::try_from(self.integer("pageNumber")?).ok()
    }

    fn integer(&self, key: &str) -> Option<i64> {
        integer(self.arguments.get(key)?)
    }

    /// Returns a hash that is equal for calls with the same path and arguments.
    pub(crate) fn fingerprint(&self) -> u64 {
        hash(format!("{} {}", self.path, self.arguments).as_bytes())
    }
}

/// Reads an integer, which may be written as a string.
pub(crate) fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn pairs(encoded: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(encoded).into_owned().collect()
}

fn object(pairs: Vec<(String, String)>) -> Value {
    let members = pairs.into_iter().map(|(key, value)| (key, value.into()));
    Value::Object(members.collect())
}

fn text<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

// Calls are recorded and printed by tests, so secrets must not get into the record in the first
// place.
fn without_secrets(value: Value) -> Value {
    const SECRETS: [&str; 7] = [
        "license",
        "password",
        "client_secret",
        "token",
        "refresh_token",
        "licenseRegistrationCode",
        "cloudKey",
    ];
    match value {
        Value::Object(object) => object
            .into_iter()
            .filter(|(key, _)| !SECRETS.contains(&key.as_str()))
            .map(|(key, value)| (key, without_secrets(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Array(values) => values.into_iter().map(without_secrets).collect(),
        other => other,
    }
}
