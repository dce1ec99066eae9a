//! One exchange with the receiver.

use std::error::Error as StdError;
use std::fs;
use std::io;
use std::path::Path;

use async_trait::async_trait;
use bytes::Bytes;
use fortilake_sink::{Error, Kind, Result};
use reqwest::header::HeaderMap;
use reqwest::{Certificate, Client, StatusCode, redirect, retry};
use url::Url;

use crate::target::Target;

/// Posts a body and waits for the head of the answer.
///
/// The trait is what lets retries be tested without a network and without waiting.
#[async_trait]
pub(crate) trait Wire: Send + Sync {
    /// Posts once.
    async fn post(&self, headers: HeaderMap, body: Bytes) -> Result<Answer, Fault>;
}

/// The head of an answer; its body says nothing that we could act on and is not read.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
}

/// Why there is no answer, without a word of the URL.
#[derive(Clone, Debug)]
pub(crate) struct Fault(pub(crate) String);

/// The network.
pub(crate) struct Network {
    client: Client,
    url: Url,
}

impl Network {
    /// Reads `ca_cert`; nothing is connected yet.
    pub(crate) fn new(target: &Target, ca_cert: Option<&Path>) -> Result<Self> {
        // The HTTP library takes its cryptography from the process.
        // Where the application has chosen one before, that one stays.
        drop(rustls::crypto::ring::default_provider().install_default());
        let mut builder = Client::builder()
            .user_agent(concat!("fortilake/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .retry(retry::never());
        if target.is_loopback() {
            // What was allowed to go unencrypted to this machine must not leave it by way of a proxy.
            builder = builder.no_proxy();
        }
        if target.url.scheme() == "https" {
            builder = builder.tls_certs_merge(ca_cert.map_or(Ok(Vec::new()), authorities)?);
        } else {
            // No certificate is needed, and reading those of the system takes time.
            builder = builder.tls_certs_only([]);
        }
        let client = builder.build().map_err(|error| {
            Error::new(Kind::Config, "the network cannot be set up").with_source(root(&error))
        })?;
        Ok(Self {
            client,
            url: target.url.clone(),
        })
    }
}

#[async_trait]
impl Wire for Network {
    async fn post(&self, headers: HeaderMap, body: Bytes) -> Result<Answer, Fault> {
        let request = self
            .client
            .post(self.url.clone())
            .headers(headers)
            .body(body);
        match request.send().await {
            Ok(answer) => Ok(Answer {
                status: answer.status(),
                headers: answer.headers().clone(),
            }),
            Err(error) if error.is_connect() => {
                Err(Fault(format!("no connection: {}", root(&error))))
            }
            Err(error) => Err(Fault(format!("no answer: {}", root(&error)))),
        }
    }
}

fn authorities(path: &Path) -> Result<Vec<Certificate>> {
    let unusable = |reason: String| {
        let text = format!("`{}` is no file of certificates", path.display());
        Error::new(Kind::Config, text).with_source(reason)
    };
    let pem = fs::read(path).map_err(|error| Error::io("read", path, error))?;
    let certificates =
        Certificate::from_pem_bundle(&pem).map_err(|error| unusable(root(&error)))?;
    if certificates.is_empty() {
        return Err(unusable("there is none in it".to_owned()));
    }
    Ok(certificates)
}

/// The text of the innermost error; those around it repeat the URL with all its secrets.
///
/// The source of an [`io::Error`] is the source of the error it wraps, which would leave that one out.
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
            // A library error without a cause still tells its URL.
            None => {
                return match innermost.downcast_ref::<reqwest::Error>() {
                    Some(_) => "the request cannot be sent".to_owned(),
                    None => innermost.to_string(),
                };
            }
        }
    }
}
