//! The destination URL, and the parts of it that can be shown.

use std::fmt::Write as _;

use fortilake_sink::{Error, Kind, Result};
use sha2::{Digest as _, Sha256};
use url::{Host, Url};

use crate::digest::hex;

/// Parts of a path that are at least this long are hidden, because they may be tokens.
const LONGEST_SHOWN: usize = 20;

/// The length of the digest that identifies a destination, in bytes: enough for the few that one user has.
const DIGEST_BYTES: usize = 8;

/// What the configuration says about the URL besides the URL itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UrlRules {
    /// Whether the URL is plain text in the configuration, and not a reference to a secret.
    pub(crate) plain_text: bool,
    /// Whether plain HTTP to another machine is allowed.
    pub(crate) allow_http: bool,
}

/// The destination. It has no `Debug`, because the URL may contain a password.
pub(crate) struct WebhookUrl {
    pub(crate) url: Url,
    /// The URL without its secret parts: no user, no password, no query, and at most the first part of the path.
    pub(crate) shown: String,
    /// Identifies the destination. User and password are left out, so changing them does not change the destination.
    pub(crate) digest: String,
}

impl WebhookUrl {
    /// Parses and checks the URL. Connects to nothing.
    pub(crate) fn parse(text: &str, rules: UrlRules) -> Result<Self> {
        let wrong = |reason: &str| config(format!("option `url` {reason}"));
        let mut url = Url::parse(text).map_err(|error| wrong("is not a URL").with_source(error))?;
        if !matches!(url.scheme(), "https" | "http") {
            return Err(wrong("must begin with `https://`"));
        }
        url.set_fragment(None);
        let shown = shown(&url, rules.plain_text);
        if url.scheme() == "http" && !is_loopback(&url) && !rules.allow_http {
            return Err(config(format!(
                "`{shown}` is not encrypted; use `https://…`, or set `allow_http` to send over plain HTTP"
            )));
        }
        let digest = digest(&url);
        Ok(Self { url, shown, digest })
    }

    /// The host name and the port; `None` if the host is an IP address.
    pub(crate) fn host_name(&self) -> Option<(String, u16)> {
        let Some(Host::Domain(name)) = self.url.host() else {
            return None;
        };
        Some((name.to_owned(), self.url.port_or_known_default()?))
    }

    /// Whether messages stay on this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        is_loopback(&self.url)
    }

    /// All parts of the URL that may be secret, also in decoded form, to be removed from what a receiver returns.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let decoded = |text: &str| {
            let pairs = url::form_urlencoded::parse(text.as_bytes());
            pairs.map(|(name, _)| name.into_owned()).collect::<String>()
        };
        let mut secrets = Vec::new();
        for part in [Some(self.url.username()), self.url.password()] {
            secrets.extend(part.map(str::to_owned));
            secrets.extend(part.map(decoded));
        }
        let values = self.url.query_pairs();
        secrets.extend(values.map(|(_, value)| value.into_owned()));
        secrets.extend(self.url.query().map(str::to_owned));
        let shown = self.shown.clone();
        let segments = self.url.path_segments().into_iter().flatten();
        secrets.extend(
            segments
                .filter(|part| !shown.contains(part))
                .map(str::to_owned),
        );
        secrets
    }

    /// A folder name for this destination: the host, to recognize it, and the digest, to make it unique.
    pub(crate) fn folder_name(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        let host = host.replace(|c: char| !c.is_ascii_alphanumeric() && c != '.', "_");
        format!("{host}-{}", self.digest)
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

fn shown(url: &Url, plain_text: bool) -> String {
    let mut text = format!(
        "{}://{}",
        url.scheme(),
        url.host().map(|host| host.to_string()).unwrap_or_default()
    );
    if let Some(port) = url.port() {
        // Writing to a string cannot fail.
        let _ = write!(text, ":{port}");
    }
    let path = url.path().trim_start_matches('/');
    let (first, rest) = path.split_once('/').unwrap_or((path, ""));
    text.push('/');
    if plain_text && first.len() < LONGEST_SHOWN {
        text.push_str(first);
        if !rest.is_empty() {
            text.push_str("/…");
        }
    } else if !path.is_empty() {
        text.push('…');
    }
    text
}

fn digest(url: &Url) -> String {
    let mut url = url.clone();
    // These cannot fail for a URL with a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    let digest = Sha256::digest(url.as_str());
    hex(&digest[..DIGEST_BYTES])
}

fn config(text: String) -> Error {
    Error::new(Kind::Config, text)
}

#[cfg(test)]
mod tests;
