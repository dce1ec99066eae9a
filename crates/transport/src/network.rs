//! The transport that sends over the network.

mod fault;
mod proxy;
mod reuse;
mod trust;

use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use reqwest::{Client, ClientBuilder};
use rustls::crypto::CryptoProvider;
use tokio::sync::Semaphore;
use url::Url;

use self::{proxy::Proxy, reuse::UsedConnections, trust::Authorities};
use crate::{
    DEFAULT_MAX_BODY, Error, Kind, Request, Response, Result, Transport,
    policy::{check_encrypted, check_size},
};

/// How much memory is reserved for an announced body before its bytes have arrived. A server may
/// announce any length.
const MAX_PREALLOCATION: usize = 1024 * 1024;

/// Only one body at a time may grow beyond this size, so that concurrent responses can't use up the
/// memory together.
const LARGE_BODY: usize = 8 * 1024 * 1024;

/// The configuration of a [`Network`].
#[derive(Debug, Clone)]
pub struct NetworkConfig {
    /// The time limit for opening a connection.
    pub connect_timeout: Duration,
    /// The maximum size of a response, uncompressed, in bytes.
    pub max_body: usize,
    /// A PEM file with additional trusted certificates: of private CAs, or self-signed server
    /// certificates.
    pub ca_cert: Option<PathBuf>,
    /// Whether any certificate is accepted. Anyone on the network path can then read everything.
    pub insecure_tls: bool,
    /// Whether requests may be unencrypted to hosts other than loopback addresses. Only for requests
    /// that hold no secret.
    pub allow_http: bool,
    /// The URL of the proxy for https requests. If it is `None`, the environment variables apply.
    pub proxy: Option<String>,
    /// The `User-Agent` header.
    pub user_agent: String,
}

impl Default for NetworkConfig {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            max_body: DEFAULT_MAX_BODY,
            ca_cert: None,
            insecure_tls: false,
            allow_http: false,
            proxy: None,
            user_agent: concat!("fortilake/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// Sends requests over the network, with TLS, HTTP/1.1 and HTTP/2, connection pooling and gzip.
///
/// It is cheap to create: the system's certificates are read when the first request needs them. The
/// proxy environment variables are respected, except for plain http, which never leaves the
/// machine.
#[derive(Debug)]
pub struct Network {
    config: NetworkConfig,
    authorities: Option<Authorities>,
    encrypted: Clients,
    /// For URLs that `NO_PROXY` names with their port.
    direct: Clients,
    plain: Clients,
    answered: UsedConnections,
    /// Held by the one response that may be larger than [`LARGE_BODY`].
    large: Semaphore,
}

/// The HTTP clients for one kind of URL, created when first needed.
#[derive(Debug, Default)]
struct Clients {
    pooled: OnceLock<Client>,
    /// Keeps no connections, so that every request gets a new one.
    unpooled: OnceLock<Client>,
}

impl Network {
    /// Checks the configuration and reads `ca_cert`. Nothing is connected yet.
    pub fn new(config: NetworkConfig) -> Result<Self> {
        let authorities = config
            .ca_cert
            .as_deref()
            .map(Authorities::read)
            .transpose()?;
        if config.insecure_tls {
            tracing::warn!("TLS certificates are not verified because `insecure_tls` is on");
        }
        // The HTTP library uses the cryptography provider of the process. If the application has
        // already installed one, it stays.
        drop(rustls::crypto::ring::default_provider().install_default());
        Ok(Self {
            config,
            authorities,
            encrypted: Clients::default(),
            direct: Clients::default(),
            plain: Clients::default(),
            answered: UsedConnections::default(),
            large: Semaphore::new(1),
        })
    }

    fn client(&self, url: &Url, new_connection: bool) -> Result<&Client> {
        let plain = url.scheme() == "http";
        let direct = !plain && self.config.proxy.is_none() && proxy::is_excepted(url);
        let clients = match (plain, direct) {
            (true, _) => &self.plain,
            (_, true) => &self.direct,
            (_, false) => &self.encrypted,
        };
        let cell = if new_connection {
            &clients.unpooled
        } else {
            &clients.pooled
        };
        // Built on first use, because building a client reads the system's certificates.
        if let Some(client) = cell.get() {
            return Ok(client);
        }
        // Two concurrent first requests may both build a client; the later one is dropped unused.
        let unusable = |cause: String| {
            Error::new(Kind::Config, "cannot set up the HTTP client").because(cause)
        };
        let mut builder = if plain {
            self.plain()
        } else {
            self.encrypted()
                .map_err(|error| unusable(error.to_string()))?
        };
        if direct {
            builder = builder.no_proxy();
        }
        if new_connection {
            builder = builder.pool_max_idle_per_host(0);
        }
        let client = builder
            .build()
            .map_err(|error| unusable(fault::root(&error)))?;
        Ok(cell.get_or_init(|| client))
    }

    fn builder(&self) -> ClientBuilder {
        // Redirects and retries of the library are switched off: each would be a call that nobody
        // counts.
        Client::builder()
            .connect_timeout(self.config.connect_timeout)
            .user_agent(self.config.user_agent.as_str())
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
    }

    fn encrypted(&self) -> Result<ClientBuilder, Box<dyn std::error::Error>> {
        let mut builder = self.builder();
        if let Some(proxy) = &self.config.proxy {
            builder = builder.proxy(reqwest::Proxy::all(proxy)?);
        }
        if self.config.insecure_tls {
            return Ok(builder.tls_danger_accept_invalid_certs(true));
        }
        let Some(authorities) = &self.authorities else {
            return Ok(builder);
        };
        let provider = CryptoProvider::get_default().cloned();
        let provider =
            provider.unwrap_or_else(|| Arc::new(rustls::crypto::ring::default_provider()));
        Ok(builder.tls_backend_preconfigured(authorities.tls(&provider)?))
    }

    /// The client for plain http. A proxy would take a password off this machine, so none is used.
    fn plain(&self) -> ClientBuilder {
        self.builder().no_proxy().tls_certs_only([])
    }

    /// Turns an error of the HTTP library into one of this crate.
    async fn fault(&self, url: &Url, error: &reqwest::Error) -> Error {
        let timeout = self.config.connect_timeout;
        // Checked first: a kept connection that broke must not be reported as a problem of the
        // proxy or the host.
        if self.answered.has(error) && !fault::is_no_http(error) {
            return fault::stale(url, error);
        }
        let proxy = match url.scheme() {
            "https" => Proxy::of(url, self.config.proxy.as_deref()),
            _ => None,
        };
        match proxy {
            Some(proxy) if error.is_connect() => proxy.fault(url, error, timeout).await,
            _ => fault::in_exchange(url, error, timeout),
        }
    }

    async fn body(&self, url: &Url, answer: &mut reqwest::Response) -> Result<Bytes> {
        let limit = self.config.max_body;
        let announced = answer
            .content_length()
            .map_or(0, |n| usize::try_from(n).unwrap_or(usize::MAX));
        check_size(url, announced, limit)?;
        let mut body = BytesMut::with_capacity(announced.min(MAX_PREALLOCATION));
        let mut alone = None;
        while let Some(chunk) = answer
            .chunk()
            .await
            .map_err(|error| fault::in_body(url, &error))?
        {
            check_size(url, body.len().saturating_add(chunk.len()), limit)?;
            if body.len() > LARGE_BODY && alone.is_none() {
                // The semaphore is never closed, so this can't fail.
                alone = self.large.acquire().await.ok();
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }
}

#[async_trait]
impl Transport for Network {
    async fn send(&self, request: Request) -> Result<Response> {
        let url = request.url;
        if url.scheme() != "http" || !self.config.allow_http {
            check_encrypted(&url)?;
        }
        if url.scheme() == "https" && self.config.proxy.is_none() {
            proxy::check_environment(&url, proxy::from_environment)?;
        }
        let answer = self
            .client(&url, request.new_connection)?
            .request(request.method, url.clone())
            .headers(request.headers)
            .body(request.body)
            .send()
            .await;
        let mut answer = match answer {
            Ok(answer) => answer,
            Err(error) => return Err(self.fault(&url, &error).await),
        };
        self.answered.note(&answer);
        let body = self.body(&url, &mut answer).await?;
        Ok(Response {
            status: answer.status(),
            headers: std::mem::take(answer.headers_mut()),
            body,
        })
    }
}
