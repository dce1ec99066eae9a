//! A call as it came in, read once for all who ask about it.

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
    /// The bearer token.
    pub(crate) token: Option<String>,
    pub(crate) body: Bytes,
    /// The texts of a JSON object or a form, as OAuth takes both.
    pub(crate) fields: HashMap<String, String>,
    /// The arguments without secrets.
    pub(crate) arguments: Value,
}

impl Incoming {
    pub(crate) fn read(request: Request<Bytes>) -> Self {
        let (parts, body) = request.into_parts();
        let form = text(&parts.headers, &header::CONTENT_TYPE)
            .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        let arguments = if form {
            let fields = url::form_urlencoded::parse(&body);
            let fields = fields.map(|(key, value)| (key.into_owned(), value.into_owned().into()));
            Value::Object(fields.collect())
        } else {
            serde_json::from_slice(&body).unwrap_or(Value::Null)
        };
        let fields = arguments.as_object().into_iter().flatten();
        let fields = fields.filter_map(|(key, value)| {
            let value = value.as_str()?;
            Some((key.clone(), value.to_owned()))
        });
        let token = text(&parts.headers, &header::AUTHORIZATION)
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim().to_owned());
        Self {
            method: parts.method,
            path: parts.uri.path().to_owned(),
            token,
            fields: fields.collect(),
            arguments: without_secrets(arguments),
            body,
        }
    }

    /// The `accountId` that is asked about.
    pub(crate) fn account(&self) -> Option<i64> {
        self.integer("accountId")
    }

    pub(crate) fn page(&self) -> Option<u64> {
        u64::try_from(self.integer("pageNumber")?).ok()
    }

    fn integer(&self, key: &str) -> Option<i64> {
        crate::forticloud::envelope::integer(self.arguments.get(key)?)
    }

    /// The same for calls with the same path and arguments.
    pub(crate) fn fingerprint(&self) -> u64 {
        hash(format!("{} {}", self.path, self.arguments).as_bytes())
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn without_secrets(value: Value) -> Value {
    const SECRETS: [&str; 6] = [
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
