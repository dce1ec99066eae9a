//! Requests and answers.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use url::Url;

/// One HTTP request with its whole body.
#[derive(Clone)]
pub struct Request {
    /// The method, which a redirect keeps.
    pub method: Method,
    /// Where it goes.
    pub url: Url,
    /// What is sent beside what the transport adds by itself, such as `Host`.
    pub headers: HeaderMap,
    /// The body; empty where there is none.
    pub body: Bytes,
}

/// One HTTP answer with its whole body, uncompressed.
#[derive(Clone)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The headers as received.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Request {
    /// A `POST` of a JSON text, which is what every FortiCloud call is.
    pub fn post(url: Url, json: impl Into<Bytes>) -> Self {
        let mut headers = HeaderMap::new();
        let json_type = HeaderValue::from_static("application/json");
        headers.insert(header::CONTENT_TYPE, json_type.clone());
        headers.insert(header::ACCEPT, json_type);
        Self {
            method: Method::POST,
            url,
            headers,
            body: json.into(),
        }
    }
}

// Bodies and headers carry passwords and tokens, so neither is ever shown.

impl fmt::Debug for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Request")
            .field("method", &self.method)
            .field("url", &shown(&self.url))
            .field("body", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Response")
            .field("status", &self.status)
            .field("body", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// The address as messages show it: without user, password, query and fragment.
pub fn shown(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url
        .port()
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    format!("{}://{host}{port}{}", url.scheme(), url.path())
}
