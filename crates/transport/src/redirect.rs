//! Follows redirects while keeping the method and the body.

use async_trait::async_trait;
use http::{StatusCode, header};
use url::Url;

use crate::{Error, Kind, Request, Response, Result, Transport, shown};

/// The maximum number of redirects for one request.
const MAX_REDIRECTS: usize = 5;

/// Follows redirects on the same host, and rejects all others.
///
/// HTTP libraries turn a redirected `POST` into a `GET` without a body. That would break every
/// sign-in, because the OAuth server redirects a URL without its trailing slash. So 301, 302, 307
/// and 308 all repeat the request unchanged here.
///
/// Because a request carries a password or a token, a redirect to another host or port is never
/// followed, except from http to https on the same host.
#[derive(Debug, Clone)]
pub struct Redirects<T> {
    inner: T,
    /// Whether the request may be sent a second time.
    repeats: bool,
}

impl<T> Redirects<T> {
    /// Wraps a transport.
    pub fn new(inner: T) -> Self {
        Self {
            inner,
            repeats: true,
        }
    }

    /// Wraps a transport for a request that must not be sent twice, and rejects every redirect.
    ///
    /// A web application may carry out a `POST` and then redirect to its result. Following such a
    /// redirect would carry it out again.
    pub fn rejected(inner: T) -> Self {
        Self {
            inner,
            repeats: false,
        }
    }
}

#[async_trait]
impl<T: Transport> Transport for Redirects<T> {
    async fn send(&self, mut request: Request) -> Result<Response> {
        for _ in 0..=MAX_REDIRECTS {
            let response = self.inner.send(request.clone()).await?;
            if !is_redirect(response.status) {
                return Ok(response);
            }
            if !self.repeats {
                let message = format!(
                    "`{}` responded with a redirect, which is not followed because the call may have \
                     been carried out",
                    shown(&request.url)
                );
                return Err(Error::new(Kind::Redirect, message));
            }
            request.url = target(&request.url, &response)?;
        }
        let message = format!(
            "more than {MAX_REDIRECTS} redirects, the last to `{}`",
            shown(&request.url)
        );
        Err(Error::new(Kind::Redirect, message))
    }
}

/// Whether the status is a redirect. 303 is included because it asks for a `GET`, and should be
/// rejected below instead of being taken for a response.
fn is_redirect(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    )
}

fn target(from: &Url, response: &Response) -> Result<Url> {
    let refuse = |reason: String| {
        let message = format!("`{}` responded with a redirect {reason}", shown(from));
        Err(Error::new(Kind::Redirect, message))
    };
    if response.status == StatusCode::SEE_OTHER {
        return refuse("that would lose the request's body".to_owned());
    }
    let location = response
        .headers
        .get(header::LOCATION)
        .and_then(|value| value.to_str().ok());
    let Some(mut to) = location.and_then(|location| from.join(location).ok()) else {
        return refuse("without a valid `Location` header".to_owned());
    };
    // A user or password in the URL would be sent as an `Authorization` header.
    if !to.username().is_empty() || to.password().is_some() {
        return refuse("to a URL that contains a user or a password".to_owned());
    }
    to.set_fragment(None);
    let same_origin = to.origin() == from.origin();
    let upgraded = from.scheme() == "http" && to.scheme() == "https" && to.host() == from.host();
    if same_origin || upgraded {
        return Ok(to);
    }
    refuse(format!(
        "from `{}` to `{}`, which is not followed",
        origin(from),
        origin(&to)
    ))
}

fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

#[cfg(test)]
mod tests;
