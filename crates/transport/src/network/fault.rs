//! Translates errors of the HTTP library into errors of this crate.

use std::{error::Error as StdError, io};

use rustls::CertificateError;
use url::{Host, Url};

use super::trust;
use crate::{Error, Kind, shown};

/// An error before the answer's head was there.
pub(super) fn in_exchange(url: &Url, error: &reqwest::Error) -> Error {
    let (kind, message) = match tls_error(error) {
        Some(tls) if error.is_connect() => (Kind::Tls, tls_message(url, tls)),
        _ if error.is_timeout() => (
            Kind::Timeout,
            format!("`{}` could not be reached in time", shown(url)),
        ),
        _ if error.is_connect() => (Kind::Connect, format!("cannot connect to `{}`", shown(url))),
        _ if error.is_builder() => (Kind::Config, format!("`{}` cannot be sent", shown(url))),
        _ => (Kind::Interrupted, broken(url)),
    };
    Error::new(kind, message).because(root(error))
}

/// An error while the body was read.
pub(super) fn in_body(url: &Url, error: &reqwest::Error) -> Error {
    Error::new(Kind::Interrupted, broken(url)).because(root(error))
}

/// Returns the text of the innermost error.
pub(super) fn root(error: &(dyn StdError + 'static)) -> String {
    let innermost = chain(error).last().unwrap_or(error);
    innermost.to_string()
}

fn broken(url: &Url) -> String {
    format!(
        "the connection to `{}` broke before the answer was complete",
        shown(url)
    )
}

fn tls_message(url: &Url, error: &rustls::Error) -> String {
    let host = url
        .host()
        .map(|host: Host<&str>| host.to_string())
        .unwrap_or_default();
    if trust::is_authority(error) {
        return format!(
            "the certificate of `{host}` is one that its server has made for itself; \
             if it is the right one, name the file of it as `ca_cert`"
        );
    }
    let rustls::Error::InvalidCertificate(reason) = error else {
        return format!("no encrypted connection to `{host}`");
    };
    match reason {
        CertificateError::UnknownIssuer => format!(
            "the certificate of `{host}` comes from an unknown authority; \
             if it is a trusted one, name the file of its certificate as `ca_cert`"
        ),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            format!("the certificate of `{host}` has expired")
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("the certificate of `{host}` is for another name")
        }
        _ => format!("the certificate of `{host}` cannot be trusted"),
    }
}

fn tls_error<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a rustls::Error> {
    chain(error).find_map(|error| error.downcast_ref())
}

/// Iterates over the error and its sources.
///
/// The source of an [`io::Error`] is the source of the error it wraps, which would leave that one
/// out, so it is looked for by hand.
fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| {
        match error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            Some(wrapped) => Some(wrapped as _),
            None => error.source(),
        }
    })
}
