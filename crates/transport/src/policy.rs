//! What every transport refuses before it connects.

use url::{Host, Url};

use crate::{Error, Kind, Result, shown};

/// Refuses what is not encrypted, unless it stays on this machine.
///
/// Every request may carry a password or a token, so there is no need to look into it.
pub(crate) fn check_encrypted(url: &Url) -> Result<()> {
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_loopback(url) => Ok(()),
        "http" => {
            let message = format!(
                "`{}` is not encrypted, and plain http is for loopback addresses alone",
                shown(url)
            );
            Err(Error::new(Kind::Insecure, message))
        }
        scheme => Err(Error::new(
            Kind::Config,
            format!("`{scheme}` is neither https nor http"),
        )),
    }
}

/// Refuses an answer of this size.
pub(crate) fn check_size(url: &Url, size: usize, limit: usize) -> Result<()> {
    if size <= limit {
        return Ok(());
    }
    let message = format!(
        "the answer of `{}` is larger than {limit} bytes",
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
