//! Finds the proxy for a URL, and why it did not let a request through.

use std::{io, time::Duration};

use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time,
};
use url::Url;

use super::fault;
use crate::{Error, Kind, Result};

#[cfg(test)]
mod tests;

/// How many bytes of a response are read to find its status.
const MAX_HEAD: u64 = 1024;

/// The variables that name the proxy for https requests, in the order in which the HTTP library looks for them.
///
/// Of each pair, the first variable that is set counts, even if it is empty. So an empty `HTTPS_PROXY` turns off the
/// proxy of `https_proxy`, but not that of `ALL_PROXY`.
const VARIABLES: [[&str; 2]; 2] = [["HTTPS_PROXY", "https_proxy"], ["ALL_PROXY", "all_proxy"]];

/// Reads an environment variable.
pub(super) fn from_environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Checks that a proxy that the environment names for this URL can be used.
///
/// The HTTP library ignores a variable that it cannot read, or whose kind of proxy it does not know, and connects
/// directly. The error would then not mention the proxy, or the request would take a way that its user wanted to
/// exclude.
pub(super) fn check_environment(
    url: &Url,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<()> {
    let mut set = VARIABLES.into_iter().filter_map(|pair| {
        let mut pair = pair.into_iter();
        pair.find_map(|name| Some((name, variable(name)?)))
    });
    let Some((name, value)) = set.find(|(_, value)| !value.is_empty()) else {
        return Ok(());
    };
    // A CGI script gets its variables from the client that calls it, so the HTTP library uses no proxy there.
    if variable("REQUEST_METHOD").is_some() {
        return Ok(());
    }
    let exempt = variable("NO_PROXY").or_else(|| variable("no_proxy"));
    if exempt.as_deref().is_some_and(|list| names_port(list, url)) {
        return Ok(());
    }
    let intercepts = |proxy: &str| {
        let matcher = Matcher::builder().all(proxy);
        let matcher = matcher.no(exempt.as_deref().unwrap_or_default()).build();
        let uri = url.as_str().parse::<Uri>();
        uri.is_ok_and(|uri| matcher.intercept(&uri).is_some())
    };
    if intercepts(&value) || !intercepts("http://proxy.example") {
        return Ok(());
    }
    // The value may contain a password, so only its scheme is shown.
    let reason = match value.split_once("://") {
        Some((scheme, _)) if !matches!(scheme, "http" | "https") => {
            format!("`{scheme}` proxies are not supported; use an http or https proxy")
        }
        _ => "it is not a URL such as `http://proxy.example:8080`".to_owned(),
    };
    let message =
        format!("the proxy in the environment variable `{name}` cannot be used: {reason}");
    Err(Error::new(Kind::Proxy, message))
}

/// The proxy between us and a host.
pub(super) struct Proxy(Intercept);

impl Proxy {
    /// Returns the proxy for this URL: the configured one, otherwise the one from the environment.
    pub(super) fn of(url: &Url, configured: Option<&str>) -> Option<Self> {
        if configured.is_none() && is_excepted(url) {
            return None;
        }
        let matcher = match configured {
            Some(proxy) => Matcher::builder().all(proxy).build(),
            None => Matcher::from_system(),
        };
        let uri: Uri = url.as_str().parse().ok()?;
        matcher.intercept(&uri).map(Self)
    }

    /// Explains why no connection could be made through the proxy.
    ///
    /// The HTTP library reports a proxy's refusal without its HTTP status, but the status is what
    /// distinguishes a blocked host from an overloaded proxy. So the proxy is asked for the tunnel
    /// once more, on a separate connection, and only the status line is read. No request is sent
    /// through the tunnel. The price is one extra connection, and only after a failure.
    pub(super) async fn fault(
        &self,
        url: &Url,
        error: &reqwest::Error,
        connect_timeout: Duration,
    ) -> Error {
        let (host, proxy) = (url.host_str().unwrap_or_default(), self.shown());
        let tunnel = fault::chain(error).find_map(|error| {
            error
                .to_string()
                .strip_prefix("tunnel error: ")
                .map(str::to_owned)
        });
        let refused = |status: u16| {
            let kind = if status >= 500 {
                Kind::Connect
            } else {
                Kind::Proxy
            };
            let message = format!(
                "the proxy `{proxy}` refused to connect to `{host}` (HTTP {status}){}",
                advice(status)
            );
            Error::new(kind, message)
        };
        let scheme = self.0.uri().scheme_str().unwrap_or_default();
        match tunnel.as_deref() {
            _ if !matches!(scheme, "http" | "https") => {
                let message = format!(
                    "the proxy `{proxy}` cannot be used: `{scheme}` proxies are not supported; \
                     use an http or https proxy"
                );
                Error::new(Kind::Proxy, message)
            }
            Some("proxy authorization required") => refused(407),
            Some("unsuccessful") => match self.status(url, connect_timeout).await {
                Some(status) if !(200..300).contains(&status) => refused(status),
                _ => {
                    let message = format!("the proxy `{proxy}` refused to connect to `{host}`");
                    Error::new(Kind::Connect, message)
                }
            },
            Some("failed to create underlying connection") => {
                let message = format!("cannot connect to the proxy `{proxy}`");
                Error::new(Kind::Connect, message).because(fault::root(error))
            }
            Some(_) => {
                let message =
                    format!("the proxy `{proxy}` closed the connection before it reached `{host}`");
                Error::new(Kind::Connect, message).because(fault::root(error))
            }
            None if error.is_timeout() => {
                let message = format!(
                    "cannot connect to `{host}` through the proxy `{proxy}` within \
                     {connect_timeout:?}"
                );
                Error::new(Kind::Connect, message)
            }
            None => fault::in_exchange(url, error, connect_timeout),
        }
    }

    /// Returns the proxy's URL without user and password.
    fn shown(&self) -> String {
        let uri = self.0.uri();
        let port = uri
            .port()
            .map(|port| format!(":{port}"))
            .unwrap_or_default();
        let scheme = uri.scheme_str().unwrap_or("http");
        format!("{scheme}://{}{port}", uri.host().unwrap_or_default())
    }

    /// Asks the proxy for the tunnel and returns the HTTP status, or `None` if that fails.
    async fn status(&self, url: &Url, timeout: Duration) -> Option<u16> {
        if self.0.uri().scheme_str() != Some("http") {
            return None;
        }
        let answer = time::timeout(timeout, self.ask(url)).await.ok()?.ok()?;
        let line = answer.split("\r\n").next()?;
        line.split(' ').nth(1)?.parse().ok()
    }

    async fn ask(&self, url: &Url) -> io::Result<String> {
        let uri = self.0.uri();
        // An IPv6 address in a URL has brackets, which a resolver does not accept.
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        let mut stream = TcpStream::connect((host, uri.port_u16().unwrap_or(80))).await?;
        let target = format!(
            "{}:{}",
            url.host_str().unwrap_or_default(),
            url.port_or_known_default().unwrap_or(443)
        );
        let authorization = self.0.basic_auth().map(HeaderValue::as_bytes);
        let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n").into_bytes();
        if let Some(value) = authorization {
            request.extend_from_slice(b"Proxy-Authorization: ");
            request.extend_from_slice(value);
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"\r\n");
        stream.write_all(&request).await?;
        let mut head = Vec::new();
        let mut stream = stream.take(MAX_HEAD);
        while !head.contains(&b'\n') && stream.read_buf(&mut head).await? > 0 {}
        Ok(String::from_utf8_lossy(&head).into_owned())
    }
}

/// Whether `NO_PROXY` names this URL by host and port, such as `portal.example:8443`.
///
/// The HTTP library knows only hosts and networks there, and ignores other entries without a word.
/// But curl and Python accept a port, and so do users.
pub(super) fn is_excepted(url: &Url) -> bool {
    let variable = ["NO_PROXY", "no_proxy"].into_iter();
    let list = variable.filter_map(|name| std::env::var(name).ok());
    list.take(1).any(|list| names_port(&list, url))
}

/// Whether one of these entries is the host of the URL, or a domain that it is in, with its port.
fn names_port(list: &str, url: &Url) -> bool {
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
        return false;
    };
    let host = host.trim_matches(['[', ']']).to_ascii_lowercase();
    list.split(',').any(|entry| {
        let Some((name, number)) = entry.trim().rsplit_once(':') else {
            return false;
        };
        // An IPv6 address without brackets has colons, too, but no port.
        if number.parse() != Ok(port) || (name.contains(':') && !name.starts_with('[')) {
            return false;
        }
        let name = name.trim_matches(['[', ']']).trim_start_matches('.');
        let name = name.to_ascii_lowercase();
        host == name
            || host
                .strip_suffix(&*name)
                .is_some_and(|sub| sub.ends_with('.'))
    })
}

/// Returns what the user can do about this refusal, to be appended to the message.
fn advice(status: u16) -> &'static str {
    match status {
        407 => "; add a user and a password to the proxy's URL",
        400..=499 => "; ask the proxy's administrator to allow this host",
        _ => "",
    }
}
