//! Sends one HTTP request to the receiver.

use std::error::Error as StdError;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use fortilake_sink::{Error, Kind, Result};
use reqwest::header::HeaderMap;
use reqwest::{Certificate, Client, StatusCode, redirect, retry};
use tokio::time;
use url::Url;

use crate::excerpt;
use crate::target::WebhookUrl;

/// How long to wait for the body of a response. It is only used for messages, so a slow body must not hold up the
/// delivery.
const BODY_PATIENCE: Duration = Duration::from_secs(2);

/// Posts a body and waits for the response.
///
/// This is a trait so that retries can be tested without a network and without waiting.
#[async_trait]
pub(crate) trait Transport: Send + Sync {
    /// Posts once, without retries. `timeout` covers everything up to the response headers.
    async fn post(
        &self,
        headers: HeaderMap,
        body: Bytes,
        timeout: Duration,
    ) -> Result<Response, TransportError>;
}

/// A response. Only status and headers are interpreted.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// The beginning of the body, for error messages; empty if the message was accepted.
    pub(crate) body: Vec<u8>,
}

/// Why there is no response. The text contains no part of the URL, which may be a secret.
#[derive(Clone, Debug)]
pub(crate) struct TransportError(pub(crate) String);

impl TransportError {
    pub(crate) fn timeout() -> Self {
        Self("no response within the timeout".to_owned())
    }
}

/// Sends requests over the network.
pub(crate) struct HttpTransport {
    client: Client,
    url: Url,
}

impl HttpTransport {
    /// Reads `ca_cert` and sets up the HTTP client. Connects to nothing.
    pub(crate) fn new(target: &WebhookUrl, ca_cert: Option<&Path>) -> Result<Self> {
        // The HTTP library uses the process-wide cryptography provider. If the application has already installed
        // one, this fails and the existing one stays.
        drop(rustls::crypto::ring::default_provider().install_default());
        let mut builder = Client::builder()
            .user_agent(concat!("fortilake/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .retry(retry::never());
        if target.is_loopback() {
            // Plain HTTP is allowed to this machine. Through a proxy, the message would leave it unencrypted.
            builder = builder.no_proxy();
        }
        if target.url.scheme() == "https" {
            builder = builder.tls_certs_merge(ca_cert.map_or(Ok(Vec::new()), authorities)?);
        } else {
            // Plain HTTP needs no certificates, and loading those of the system takes time.
            builder = builder.tls_certs_only([]);
        }
        let client = builder.build().map_err(|error| {
            Error::new(Kind::Config, "cannot set up the HTTP client").with_source(root(&error))
        })?;
        Ok(Self {
            client,
            url: target.url.clone(),
        })
    }
}

#[async_trait]
impl Transport for HttpTransport {
    async fn post(
        &self,
        headers: HeaderMap,
        body: Bytes,
        timeout: Duration,
    ) -> Result<Response, TransportError> {
        let request = self
            .client
            .post(self.url.clone())
            .headers(headers)
            .body(body);
        let Ok(response) = time::timeout(timeout, request.send()).await else {
            return Err(TransportError::timeout());
        };
        match response {
            Ok(response) => Ok(Response {
                status: response.status(),
                headers: response.headers().clone(),
                body: beginning(response).await,
            }),
            Err(error) if error.is_connect() => {
                Err(TransportError(format!("cannot connect: {}", root(&error))))
            }
            Err(error) => Err(TransportError(format!("no response: {}", root(&error)))),
        }
    }
}

/// The beginning of the body of an unsuccessful response, as far as it arrives within [`BODY_PATIENCE`].
async fn beginning(mut response: reqwest::Response) -> Vec<u8> {
    let mut body = Vec::new();
    if response.status().is_success() {
        return body;
    }
    let read = async {
        while body.len() < excerpt::LONGEST_BODY
            && let Ok(Some(chunk)) = response.chunk().await
        {
            body.extend_from_slice(&chunk);
        }
    };
    // A timeout is not an error here: whatever has arrived is used.
    let _ = time::timeout(BODY_PATIENCE, read).await;
    body.truncate(excerpt::LONGEST_BODY);
    body
}

fn authorities(path: &Path) -> Result<Vec<Certificate>> {
    let unusable = |reason: String| {
        let text = format!("`{}` is not a PEM file with certificates", path.display());
        Error::new(Kind::Config, text).with_source(reason)
    };
    let pem = fs::read(path).map_err(|error| Error::io("read", path, error))?;
    let certificates =
        Certificate::from_pem_bundle(&pem).map_err(|error| unusable(root(&error)))?;
    if certificates.is_empty() {
        return Err(unusable("it contains no certificate".to_owned()));
    }
    Ok(certificates)
}

/// The text of the innermost error. The errors around it repeat the URL with all its secrets.
///
/// An [`io::Error`] needs special treatment: its `source` is the source of the error that it wraps, so following
/// sources alone would skip the wrapped error.
fn root(error: &(dyn StdError + 'static)) -> String {
    let mut innermost = error;
    loop {
        let wrapped = innermost
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        let next = match wrapped {
            Some(wrapped) => Some(wrapped as &(dyn StdError + 'static)),
            None => innermost.source(),
        };
        match next {
            Some(next) => innermost = next,
            // A `reqwest` error without a source contains the URL, so it is replaced by a fixed text.
            None => {
                return match innermost.downcast_ref::<reqwest::Error>() {
                    Some(_) => "the request could not be sent".to_owned(),
                    None => innermost.to_string(),
                };
            }
        }
    }
}
