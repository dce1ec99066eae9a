//! Redirects that keep the method and the body.

use async_trait::async_trait;
use http::{StatusCode, header};
use url::Url;

use crate::{Error, Kind, Request, Response, Result, Transport, shown};

/// How many redirects one request may meet.
const MAX_REDIRECTS: usize = 5;

/// Follows redirects on the same host, and refuses all others.
///
/// HTTP libraries turn a redirected `POST` into a `GET` and lose its body, which is what the OAuth
/// server's missing slash would do to a sign-in.
/// Here 301, 302, 307 and 308 all repeat the request as it was.
/// Since it carries a password or a token, it never goes to another host or another port;
/// the one exception is from http to https of the same host.
#[derive(Debug, Clone)]
pub struct Redirects<T> {
    inner: T,
}

impl<T> Redirects<T> {
    /// Wraps a transport.
    pub fn new(inner: T) -> Self {
        Self { inner }
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
            request.url = target(&request.url, &response)?;
        }
        let message = format!(
            "more than {MAX_REDIRECTS} redirects, the last to `{}`",
            shown(&request.url)
        );
        Err(Error::new(Kind::Redirect, message))
    }
}

/// 303 is among them because it asks for a `GET`, which is refused below rather than taken for an
/// answer.
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
        let message = format!("`{}` answers with a redirect {reason}", shown(from));
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
        return refuse("to no readable address".to_owned());
    };
    // A user or a password in the address would become a header of its own.
    if !to.username().is_empty() || to.password().is_some() {
        return refuse("to an address with a user in it".to_owned());
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
