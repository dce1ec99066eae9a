//! Turns the options into everything that a delivery needs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fortilake_sink::{Error, Kind, Options, Result, Store};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::ExposeSecret as _;

use crate::config::{Config, Events, Order};
use crate::courier::{Chance, Courier, Limits, Receiver};
use crate::encode::Shape;
use crate::letters::Letters;
use crate::outbox::{Office, Outbox};
use crate::progress::Progress;
use crate::signature::Signer;
use crate::source::Text;
use crate::target::{Target, Terms};
use crate::wire::Network;

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
    office: Arc<Office>,
}

impl Setup {
    /// Checks the options, in which secrets are already resolved, and reads the certificates. Sends nothing.
    pub(crate) async fn read(options: Options, store: Arc<dyn Store>) -> Result<Self> {
        let config: Config = options.parse()?;
        let read = tokio::task::spawn_blocking(move || Self::build(&config, store)).await;
        read.unwrap_or_else(|error| {
            Err(Error::new(Kind::Internal, "the configuration stopped").with_source(error))
        })
    }

    fn build(config: &Config, store: Arc<dyn Store>) -> Result<Self> {
        let signer = signer(config)?;
        let headers = headers(config)?;
        let terms = Terms {
            plain_text: config.url.is_plain(),
            allow_http: config.allow_http,
        };
        let target = Target::parse(config.url.resolve("url")?.expose_secret(), terms)?;
        let wire = Network::new(&target, config.ca_cert.as_deref())?;
        let courier = Courier {
            wire: Box::new(wire),
            signer,
            headers,
            compression: config.compression,
            limits: Limits {
                timeout: config.timeout.0,
                attempts: config.attempts,
                total_time: config.total_time.0,
                backoff: config.backoff.0,
            },
            chance: Chance::default(),
            receiver: Receiver::default(),
        };
        let letters = Letters::new(folder(&config.dead_letters, &target)?, target.shown.clone());
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
            office: Arc::new(Office {
                courier,
                letters,
                progress: Progress::new(store, target.digest),
                shown: target.shown,
            }),
        })
    }

    pub(crate) fn outbox(&self) -> Outbox {
        Outbox::new(Arc::clone(&self.office), self.order, self.concurrency)
    }

    pub(crate) fn office(&self) -> &Office {
        &self.office
    }
}

fn signer(config: &Config) -> Result<Signer> {
    if config.secrets.is_empty() && !config.unsigned {
        return Err(Error::new(
            Kind::Config,
            "option `secrets` is missing; without it set `unsigned` if nobody checks who sends",
        ));
    }
    let secrets: Result<Vec<_>> = config
        .secrets
        .iter()
        .map(|secret| secret.resolve("secrets"))
        .collect();
    Signer::new(&secrets?)
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

fn header(name: &str, text: &Text) -> Result<(HeaderName, HeaderValue)> {
    let parsed = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| wrong(format!("`{name}` is no name of a header")))?;
    if RESERVED.contains(&parsed.as_str()) || parsed.as_str().starts_with("webhook-") {
        return Err(wrong(format!("header `{name}` is set by the sink itself")));
    }
    let value = text.resolve(&format!("headers.{name}"))?;
    let mut value = HeaderValue::from_str(value.expose_secret()).map_err(|_| {
        wrong(format!(
            "the value of header `{name}` is not printable text"
        ))
    })?;
    value.set_sensitive(true);
    Ok((parsed, value))
}

/// The folder for dead letters. Each destination has its own, so that letters are never sent to another one.
fn folder(path: &Path, target: &Target) -> Result<PathBuf> {
    if path.as_os_str().is_empty() {
        return Err(wrong("option `dead_letters` is empty".to_owned()));
    }
    Ok(path.join(target.folder_name()))
}

fn wrong(text: String) -> Error {
    Error::new(Kind::Config, text)
}
