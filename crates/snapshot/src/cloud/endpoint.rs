//! The URL of a server that is not the provider's.

use fortilake_sink::{Error, Kind, Result};
use url::Url;

/// Refuses an endpoint that would get credentials in plain text on another machine, unless the user allows that.
pub(super) fn check(endpoint: &str, allow_http: bool) -> Result<()> {
    let config = |text: String| Err(Error::new(Kind::Config, text));
    let Ok(url) = endpoint.parse::<Url>() else {
        return config("the endpoint is not a URL such as `https://minio.example.com`".to_owned());
    };
    if !url.username().is_empty() || url.password().is_some() {
        return config("the endpoint must not contain a user name or password".to_owned());
    }
    if url.query().is_some() {
        return config("the endpoint must not contain a query".to_owned());
    }
    let is_loopback = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_loopback || allow_http => Ok(()),
        "http" => config(format!(
            "the endpoint `{endpoint}` is plain HTTP to another machine; use `https://`, or set `allow_http = true`"
        )),
        _ => config(format!(
            "the endpoint `{endpoint}` must start with `https://`"
        )),
    }
}

/// Whether an endpoint is plain HTTP.
pub(super) fn is_plain(endpoint: Option<&str>) -> bool {
    endpoint.is_some_and(|endpoint| endpoint.to_ascii_lowercase().starts_with("http://"))
}
