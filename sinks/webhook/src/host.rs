//! Checks before the crawl that the receiver's host name can be resolved.
//!
//! A crawl may take hours, so a typing error in the URL should be found before it and not after it.

use std::time::Duration;
use std::{env, io};

use fortilake_sink::{Error, Kind, Result};
use tokio::{net, time};

use crate::target::WebhookUrl;

/// The environment variables that configure a proxy, in lower case.
const PROXIES: [&str; 3] = ["http_proxy", "https_proxy", "all_proxy"];

/// The host to resolve.
pub(crate) struct Host {
    /// Name and port; `None` if there is nothing to resolve.
    name: Option<(String, u16)>,
    timeout: Duration,
}

impl Host {
    pub(crate) fn of(target: &WebhookUrl, timeout: Duration) -> Self {
        let name = target.host_name().filter(|_| !uses_proxy(target));
        Self { name, timeout }
    }

    /// Resolves the name. This only contacts name servers, not the receiver.
    pub(crate) async fn resolve(&self) -> Result<()> {
        let Some((name, port)) = &self.name else {
            return Ok(());
        };
        let found = time::timeout(self.timeout, net::lookup_host((name.as_str(), *port))).await;
        let error = match found {
            Ok(Ok(mut addresses)) => match addresses.next() {
                Some(_) => return Ok(()),
                None => io::Error::other("the name has no address"),
            },
            Ok(Err(error)) => error,
            Err(_) => io::Error::from(io::ErrorKind::TimedOut),
        };
        let text = format!("cannot resolve the host `{name}`");
        Err(Error::new(Kind::Unavailable, text).with_source(error))
    }
}

/// Whether a proxy may be used. The proxy then resolves the name, which may be unknown on this machine.
fn uses_proxy(target: &WebhookUrl) -> bool {
    let is_set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_proxy = |name: &&str| is_set(name) || is_set(&name.to_uppercase());
    !target.is_loopback() && PROXIES.iter().any(is_proxy)
}

#[cfg(test)]
mod tests;
