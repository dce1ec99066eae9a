//! Turns the options into everything that a delivery needs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fortilake_sink::{Error, Kind, MaybeSecret, Options, Result, Store};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::config::{Config, Events, Order};
use crate::dead_letters::DeadLetters;
use crate::encode::Shape;
use crate::excerpt::Excerpts;
use crate::host::Host;
use crate::outbox::{Destination, Outbox};
use crate::progress::Progress;
use crate::sender::{Clock, Limits, Receiver, Sender};
use crate::signature::Signer;
use crate::target::{UrlRules, WebhookUrl};
use crate::transport::HttpTransport;

/// Headers that the user cannot set, in addition to all that begin with `webhook-`.
const RESERVED: [&str; 6] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "host",
    "transfer-encoding",
];

/// The checked configuration.
pub(crate) struct Setup {
    pub(crate) shape: Shape,
    pub(crate) events: Events,
    pub(crate) resend: bool,
    order: Order,
    concurrency: usize,
    host: Host,
    destination: Arc<Destination>,
}

impl Setup {
    /// Checks the options, in which secrets are already resolved, and reads the certificates. Sends nothing.
    pub(crate) async fn read(options: Options, store: Arc<dyn Store>) -> Result<Self> {
        let config: Config = options.parse()?;
        let read = tokio::task::spawn_blocking(move || Self::build(&config, store)).await;
        read.unwrap_or_else(|error| {
            let text = "the task that reads the configuration failed";
            Err(Error::new(Kind::Internal, text).with_source(error))
        })
    }

    fn build(config: &Config, store: Arc<dyn Store>) -> Result<Self> {
        let timeout = config.timeout.read("timeout")?;
        let signer = signer(config)?;
        let headers = headers(config)?;
        let rules = UrlRules {
            plain_text: !config.url.is_secret(),
            allow_http: config.allow_http,
        };
        let target = WebhookUrl::parse(config.url.expose(), rules)?;
        let transport = HttpTransport::new(&target, config.ca_cert.as_deref())?;
        let values = headers.values().filter_map(|value| value.to_str().ok());
        let secrets = target.secrets();
        let excerpts = Excerpts::without(secrets.iter().map(String::as_str).chain(values));
        let sender = Sender {
            transport: Box::new(transport),
            signer,
            headers,
            compression: config.compression,
            excerpts,
            limits: Limits {
                timeout,
                attempts: config.attempts,
                total_time: config.total_time.read("total_time")?,
                backoff: config.backoff.read("backoff")?,
            },
            clock: Clock::default(),
            receiver: Receiver::default(),
        };
        let dead_letters =
            DeadLetters::new(folder(&config.dead_letters, &target)?, target.shown.clone());
        Ok(Self {
            shape: Shape {
                rows: config.batch_rows,
                bytes: config.batch_bytes,
                envelope: config.envelope,
            },
            events: config.events,
            resend: config.resend,
            order: config.order,
            concurrency: config.concurrency,
            host: Host::of(&target, timeout),
            destination: Arc::new(Destination {
                sender,
                dead_letters,
                progress: Progress::new(store, target.digest),
                shown: target.shown,
            }),
        })
    }

    pub(crate) fn outbox(&self) -> Outbox {
        Outbox::new(Arc::clone(&self.destination), self.order, self.concurrency)
    }

    /// Checks that the receiver's host name can be resolved. Sends nothing to the receiver.
    pub(crate) async fn probe(&self) -> Result<()> {
        self.host.resolve().await
    }

    pub(crate) fn destination(&self) -> &Destination {
        &self.destination
    }
}

fn signer(config: &Config) -> Result<Signer> {
    if config.secrets.is_empty() && !config.unsigned {
        return Err(Error::new(
            Kind::Config,
            "option `secrets` is missing; set `unsigned` to true to send messages without a signature",
        ));
    }
    Signer::new(&config.secrets)
}

fn headers(config: &Config) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, text) in &config.headers {
        let (name, value) = header(name, text)?;
        if headers.insert(&name, value).is_some() {
            return Err(wrong(format!("header `{name}` is given twice")));
        }
    }
    Ok(headers)
}

fn header(name: &str, text: &MaybeSecret) -> Result<(HeaderName, HeaderValue)> {
    let parsed = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| wrong(format!("`{name}` is not a valid header name")))?;
    if RESERVED.contains(&parsed.as_str()) || parsed.as_str().starts_with("webhook-") {
        return Err(wrong(format!("header `{name}` is set by the sink itself")));
    }
    let mut value = HeaderValue::from_str(text.expose()).map_err(|_| {
        wrong(format!(
            "the value of header `{name}` is not printable text"
        ))
    })?;
    value.set_sensitive(true);
    Ok((parsed, value))
}

/// The folder for dead letters. Each destination has its own, so that letters are never sent to another one.
fn folder(path: &Path, target: &WebhookUrl) -> Result<PathBuf> {
    if path.as_os_str().is_empty() {
        return Err(wrong("option `dead_letters` is empty".to_owned()));
    }
    Ok(path.join(target.folder_name()))
}

fn wrong(text: String) -> Error {
    Error::new(Kind::Config, text)
}
