//! Translates errors of the HTTP library into errors of this crate.

use std::{error::Error as StdError, io, time::Duration};

use rustls::CertificateError;
use url::{Host, Url};

use super::trust;
use crate::{Error, Kind, shown};

/// Translates an error that happened before the head of the response arrived.
pub(super) fn in_exchange(url: &Url, error: &reqwest::Error, connect_timeout: Duration) -> Error {
    let connecting = error.is_connect();
    let (kind, message) = match tls_error(error) {
        Some(tls) if connecting => (Kind::Tls, tls_message(url, tls)),
        // A TLS 1.3 server can reject the handshake after the client considers it finished, so this
        // arrives as an error of the exchange.
        Some(tls @ rustls::Error::AlertReceived(_)) => (Kind::Tls, tls_message(url, tls)),
        _ if connecting && error.is_timeout() => {
            let message = format!(
                "cannot connect to `{}` within {connect_timeout:?}",
                shown(url)
            );
            (Kind::Connect, message)
        }
        _ if connecting && is_lookup(error) => {
            let host = url.host_str().unwrap_or_default();
            (Kind::Connect, format!("cannot resolve the name `{host}`"))
        }
        _ if connecting => (Kind::Connect, format!("cannot connect to `{}`", shown(url))),
        _ if error.is_timeout() => (
            Kind::Timeout,
            format!("`{}` could not be reached in time", shown(url)),
        ),
        _ if error.is_builder() => (
            Kind::Config,
            format!("cannot build the request to `{}`", shown(url)),
        ),
        _ if is_no_http(error) => (
            Kind::Interrupted,
            format!("the response from `{}` is not valid HTTP", shown(url)),
        ),
        _ => (Kind::Interrupted, broken(url)),
    };
    Error::new(kind, message).because(root(error))
}

/// A kept connection that broke before the head of the response arrived.
pub(super) fn stale(url: &Url, error: &reqwest::Error) -> Error {
    let message = format!(
        "a keep-alive connection to `{}` broke before a response arrived",
        shown(url)
    );
    Error::new(Kind::Stale, message).because(root(error))
}

/// Whether a response began, but is not valid HTTP.
pub(super) fn is_no_http(error: &reqwest::Error) -> bool {
    chain(error).any(|error| {
        let http = error.downcast_ref::<hyper::Error>();
        http.is_some_and(hyper::Error::is_parse)
    })
}

/// Whether a name could not be resolved. The HTTP library offers no better way to find out than its
/// text.
fn is_lookup(error: &reqwest::Error) -> bool {
    chain(error).any(|error| error.to_string() == "dns error")
}

/// Translates an error that happened while the body was read.
pub(super) fn in_body(url: &Url, error: &reqwest::Error) -> Error {
    // The HTTP library reports every error of a body as one of decoding it.
    let is_broken = chain(error).any(<dyn StdError + 'static>::is::<hyper::Error>);
    let message = if error.is_decode() && !is_broken {
        format!("the response from `{}` cannot be decompressed", shown(url))
    } else {
        broken(url)
    };
    Error::new(Kind::Interrupted, message).because(root(error))
}

/// Returns the text of the innermost error.
pub(super) fn root(error: &(dyn StdError + 'static)) -> String {
    let innermost = chain(error).last().unwrap_or(error);
    innermost.to_string()
}

fn broken(url: &Url) -> String {
    format!(
        "the connection to `{}` broke before the response was complete",
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
            "`{host}` uses a self-signed certificate; if you trust it, set `ca_cert` to a file \
             that contains it"
        );
    }
    let rustls::Error::InvalidCertificate(reason) = error else {
        return format!("the TLS handshake with `{host}` failed");
    };
    match reason {
        CertificateError::UnknownIssuer => format!(
            "the certificate of `{host}` is self-signed or signed by an unknown CA; if you trust \
             it, set `ca_cert` to a file that contains the certificate of the server or of the CA"
        ),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => format!(
            "the certificate of `{host}` has expired; if it has not, this machine's clock is wrong"
        ),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => format!(
            "the certificate of `{host}` is not valid yet; most likely this machine's clock is slow"
        ),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("the certificate of `{host}` was issued for another name")
        }
        _ => format!("the certificate of `{host}` cannot be trusted"),
    }
}

pub(super) fn tls_error<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a rustls::Error> {
    chain(error).find_map(|error| error.downcast_ref())
}

/// Iterates over the error and its sources.
///
/// The `source` of an [`io::Error`] skips the error that it wraps and returns that error's source.
/// So wrapped errors are looked up by hand.
pub(super) fn chain<'a>(
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
