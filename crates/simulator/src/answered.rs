//! The response of a simulated system, before faults change it.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde::Serialize;

use crate::json::Object;

/// A response, with the status number from its body if there is one.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) response: Response<Bytes>,
    pub(crate) status: Option<i64>,
}

impl Answered {
    /// Creates a JSON response.
    pub(crate) fn json(http: u16, body: &impl Serialize) -> Self {
        // Serializing to memory only fails for maps whose keys are not strings, and there are none
        // here.
        let body = serde_json::to_vec(body).unwrap_or_default();
        let mut answered = Self::empty(http);
        *answered.response.body_mut() = Bytes::from(body);
        answered.header(header::CONTENT_TYPE, "application/json; charset=utf-8")
    }

    pub(crate) fn empty(http: u16) -> Self {
        let mut response = Response::new(Bytes::new());
        // A scenario may set any number. One that is not an HTTP status becomes a generic failure.
        *response.status_mut() =
            StatusCode::from_u16(http).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self {
            response,
            status: None,
        }
    }

    pub(crate) fn with_status(self, status: i64) -> Self {
        Self {
            status: Some(status),
            ..self
        }
    }

    /// Sets a header. A value that a header cannot hold is left out.
    pub(crate) fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.response.headers_mut().insert(name, value);
        }
        self
    }
}

/// The response to a method that the path does not support.
pub(crate) fn not_allowed(allow: &str, body: &Object) -> Answered {
    Answered::json(405, body).header(header::ALLOW, allow)
}
