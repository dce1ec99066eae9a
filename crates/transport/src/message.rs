//! Requests and responses.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use url::Url;

/// An HTTP request with its complete body.
#[derive(Clone)]
pub struct Request {
    /// The HTTP method. Redirects keep it.
    pub method: Method,
    /// The address to send the request to.
    pub url: Url,
    /// The headers, apart from those that the transport adds, such as `Host`.
    pub headers: HeaderMap,
    /// The body; may be empty.
    pub body: Bytes,
    /// Whether to open a new connection instead of reusing one from an earlier request.
    pub new_connection: bool,
}

/// An HTTP response with its complete body, uncompressed.
#[derive(Clone)]
pub struct Response {
    /// The HTTP status.
    pub status: StatusCode,
    /// The headers as received.
    pub headers: HeaderMap,
    /// The uncompressed body; may be empty.
    pub body: Bytes,
}

impl Request {
    /// Creates a `POST` request with a JSON body, which is what every FortiCloud call is.
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
            new_connection: false,
        }
    }
}

// Bodies and headers contain passwords and tokens, so `Debug` shows neither.

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

/// Returns the URL for use in messages: without user, password, query and fragment.
pub fn shown(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url
        .port()
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    format!("{}://{host}{port}{}", url.scheme(), url.path())
}
