//! A transport that passes requests to a function in the same process.

use std::{future::Future, io};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderValue, header};
use url::{Position, Url};

use crate::{
    DEFAULT_MAX_BODY, Error, Kind, Request, Response, Result, Transport,
    policy::{check_encrypted, check_size},
    shown,
};

/// Passes each request to a function, in place of a server.
///
/// The request looks as it does on the wire: its URI is only a path, and the host is in a header.
/// An error of the function stands for a network failure, by its [`io::ErrorKind`]:
/// `ConnectionRefused` and `NotConnected` mean that no connection was made, `BrokenPipe` means that
/// a connection kept from an earlier request broke. The function decides how much time passes, so
/// tests can use tokio's paused clock.
#[derive(Debug, Clone)]
pub struct InProcess<H> {
    handler: H,
    max_body: usize,
}

impl<H> InProcess<H> {
    /// Wraps a function, with [`DEFAULT_MAX_BODY`](crate::DEFAULT_MAX_BODY) as the limit for
    /// answers.
    pub fn new(handler: H) -> Self {
        Self {
            handler,
            max_body: DEFAULT_MAX_BODY,
        }
    }

    /// Sets the maximum size of a response in bytes.
    #[must_use]
    pub fn max_body(mut self, limit: usize) -> Self {
        self.max_body = limit;
        self
    }
}

#[async_trait]
impl<H, F> Transport for InProcess<H>
where
    H: Fn(http::Request<Bytes>) -> F + Send + Sync,
    F: Future<Output = io::Result<http::Response<Bytes>>> + Send,
{
    async fn send(&self, request: Request) -> Result<Response> {
        check_encrypted(&request.url)?;
        let url = request.url.clone();
        let answer = (self.handler)(on_the_wire(request)?).await;
        let answer = answer.map_err(|error| broken(&url, &error))?;
        check_size(&url, answer.body().len(), self.max_body)?;
        let (parts, body) = answer.into_parts();
        Ok(Response {
            status: parts.status,
            headers: parts.headers,
            body,
        })
    }
}

fn on_the_wire(request: Request) -> Result<http::Request<Bytes>> {
    let unfit = |error: http::Error| {
        let message = format!("cannot build the request to `{}`", shown(&request.url));
        Error::new(Kind::Config, message).because(error.to_string())
    };
    let host = &request.url[Position::BeforeHost..Position::AfterPort];
    let host = HeaderValue::from_str(host).map_err(|error| unfit(error.into()))?;
    let target = &request.url[Position::BeforePath..Position::AfterQuery];
    let mut wire = http::Request::builder()
        .method(request.method)
        .uri(target)
        .body(request.body)
        .map_err(unfit)?;
    *wire.headers_mut() = request.headers;
    wire.headers_mut().insert(header::HOST, host);
    Ok(wire)
}

fn broken(url: &Url, error: &io::Error) -> Error {
    let url = shown(url);
    let (kind, message) = match error.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::NotConnected => {
            (Kind::Connect, format!("cannot connect to `{url}`"))
        }
        io::ErrorKind::BrokenPipe => (
            Kind::Stale,
            format!("a connection to `{url}` that was kept open broke before a response began"),
        ),
        io::ErrorKind::TimedOut => (Kind::Timeout, format!("`{url}` did not respond in time")),
        _ => (
            Kind::Interrupted,
            format!("the connection to `{url}` broke"),
        ),
    };
    Error::new(kind, message).because(error.to_string())
}

#[cfg(test)]
mod tests;
