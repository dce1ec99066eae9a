//! Rules that every transport enforces before it sends.

use url::{Host, Url};

use crate::{Error, Kind, Result, shown};

/// Rejects unencrypted URLs, except for loopback addresses.
///
/// Any request may carry a password or a token, so this does not depend on the content of the
/// request.
///
/// # Errors
///
/// [`Kind::Insecure`], or [`Kind::Config`] for a scheme that is not supported.
pub fn check_encrypted(url: &Url) -> Result<()> {
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_loopback(url) => Ok(()),
        "http" => {
            let message = format!(
                "`{}` is not encrypted, and plain http is only allowed for loopback addresses",
                shown(url)
            );
            Err(Error::new(Kind::Insecure, message))
        }
        scheme => Err(Error::new(
            Kind::Config,
            format!("URLs with `{scheme}:` are not supported; use https"),
        )),
    }
}

/// Rejects a response that is larger than `limit` bytes.
pub(crate) fn check_size(url: &Url, size: usize, limit: usize) -> Result<()> {
    if size <= limit {
        return Ok(());
    }
    let message = format!(
        "the response from `{}` is larger than {limit} bytes; raise `max_answer_bytes` to accept it",
        shown(url)
    );
    Err(Error::new(Kind::TooLarge, message))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests;
