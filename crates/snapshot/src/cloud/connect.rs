//! Opening a place by its URL.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use fortilake_sink::{Error, Kind, Result};
use object_store::{BackoffConfig, Certificate, ClientOptions, RetryConfig};

use super::backend::Provider;
use super::upload::PART;
use super::{CloudPlace, Inner, azure, gcs, s3};
use crate::bucket::{BucketOptions, StoreKind};

/// How long to wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long one request may take. A part of a file can be slow, and a response can be a whole file.
const TIMEOUT: Duration = Duration::from_mins(10);

/// How often a probe tries again. A wrong endpoint or missing credentials are reported after a few seconds.
const PROBE_RETRIES: usize = 2;

/// How long a probe waits at first before it tries again in Google Cloud Storage, which allows about one write a second to
/// an object.
const GCS_BACKOFF: Duration = Duration::from_secs(1);

/// A bucket and a prefix in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Location<'a> {
    pub(super) bucket: &'a str,
    pub(super) prefix: &'a str,
}

impl<'a> Location<'a> {
    /// Reads a URL such as `s3://BUCKET/PREFIX`.
    pub(super) fn parse(kind: StoreKind, url: &'a str) -> Result<Self> {
        let wrong = |text: &str| {
            let text = format!("the URL must have the form `{}`; {text}", kind.form());
            Error::new(Kind::Config, text)
        };
        let (_, rest) = url
            .split_once("://")
            .ok_or_else(|| wrong("option `path` is not a URL"))?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        // Do not quote the URL: somebody may have written credentials into it.
        if bucket.contains(['@', ':', '?', '#']) {
            return Err(wrong("it must not contain credentials, a host or a query"));
        }
        if bucket.is_empty() {
            return Err(wrong("the first part is missing"));
        }
        let prefix = prefix.trim_matches('/');
        Ok(Self { bucket, prefix })
    }
}

/// The place at `url`. Connects to nothing.
pub(crate) fn open(kind: StoreKind, url: &str, options: &BucketOptions) -> Result<CloudPlace> {
    // The HTTP client takes the process's provider. If there is one already, it is the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let location = Location::parse(kind, url)?;
    let provider = provider(kind, location.bucket, options)?;
    let http = http(options, provider.is_plain())?;
    let mut backoff = BackoffConfig::default();
    if kind == StoreKind::Gcs {
        backoff.init_backoff = GCS_BACKOFF;
    }
    let hasty = RetryConfig {
        backoff,
        max_retries: PROBE_RETRIES,
        retry_timeout: Duration::from_secs(10),
    };
    let inner = Inner {
        backend: provider.connect(&http, RetryConfig::default())?,
        hasty: Some(provider.connect(&http, hasty)?),
        root: location.prefix.to_owned(),
        location: url.trim_end_matches('/').to_owned(),
        server: provider.server(),
        part: PART,
    };
    inner.object("")?;
    Ok(CloudPlace {
        inner: Arc::new(inner),
    })
}

pub(super) fn provider<'a>(
    kind: StoreKind,
    bucket: &'a str,
    options: &'a BucketOptions,
) -> Result<Box<dyn Provider + 'a>> {
    Ok(match kind {
        StoreKind::S3 => Box::new(s3::Settings::new(bucket, options)?),
        StoreKind::Azure => Box::new(azure::Settings::new(bucket, options)?),
        StoreKind::Gcs => Box::new(gcs::Settings::new(bucket, options)?),
    })
}

fn http(options: &BucketOptions, is_plain: bool) -> Result<ClientOptions> {
    let mut http = ClientOptions::new()
        // Not for an encrypted endpoint: a redirect could take the session token off it.
        .with_allow_http(is_plain)
        .with_connect_timeout(CONNECT_TIMEOUT)
        .with_timeout(TIMEOUT);
    let bundle = options.variables.get("AWS_CA_BUNDLE");
    let bundle = bundle.map(|bundle| bundle.expose().into());
    let Some(path) = options.ca_cert.clone().or(bundle) else {
        return Ok(http);
    };
    let pem = fs::read(&path).map_err(|error| Error::io("read", &path, error))?;
    let wrong = || {
        let text = format!("`{}` is not a PEM file with certificates", path.display());
        Error::new(Kind::Config, text)
    };
    let certificates = Certificate::from_pem_bundle(&pem).map_err(|_| wrong())?;
    if certificates.is_empty() {
        return Err(wrong());
    }
    for certificate in certificates {
        http = http.with_root_certificate(certificate);
    }
    Ok(http)
}
