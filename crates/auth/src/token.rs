//! A token that cannot be printed.

use std::{fmt, sync::Arc, time::Duration};

use fortilake_models::Secret;
use fortilake_transport::http::{HeaderValue, header::InvalidHeaderValue};

use crate::{Clock, StoredToken, later, until};

/// How long before its end a token is renewed, at most.
const MARGIN: Duration = Duration::from_mins(1);

/// What is sent with a call to show who calls.
#[derive(Clone)]
pub struct Token(Arc<Inner>);

/// What kind of a token it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// Of the OAuth server.
    Bearer,
    /// Of FortiPortal, from a sign-in.
    Portal,
    /// Of FortiPortal, from an earlier run or another process; it may have been given back since.
    PortalKept,
    /// Made by hand; there is no other to be had.
    Key,
}

struct Inner {
    scheme: Scheme,
    stored: StoredToken,
    header: HeaderValue,
    clock: Clock,
}

impl Token {
    pub(crate) fn new(
        scheme: Scheme,
        stored: StoredToken,
        clock: Clock,
    ) -> Result<Self, InvalidHeaderValue> {
        let word = match scheme {
            Scheme::Bearer => "Bearer",
            Scheme::Portal | Scheme::PortalKept | Scheme::Key => "Token",
        };
        let header = format!("{word} {}", stored.access_token.expose());
        Self::with_header(scheme, &header, stored, clock)
    }

    /// A token whose header is not made of it in the usual way.
    pub(crate) fn with_header(
        scheme: Scheme,
        header: &str,
        stored: StoredToken,
        clock: Clock,
    ) -> Result<Self, InvalidHeaderValue> {
        let mut header = HeaderValue::from_str(header)?;
        header.set_sensitive(true);
        Ok(Self(Arc::new(Inner {
            scheme,
            stored,
            header,
            clock,
        })))
    }

    /// The value of the `Authorization` header, marked sensitive.
    pub fn header(&self) -> HeaderValue {
        self.0.header.clone()
    }

    /// The token itself, for taking it out of texts.
    pub fn expose(&self) -> &str {
        self.0.stored.access_token.expose()
    }

    /// Whether a refusal may be the token's fault: half of its life is over.
    ///
    /// FortiCloud says "access denied" for a stale token as well as for a missing permission, and
    /// nobody has published what FortiPortal says.
    /// A new token tells the two apart, but finding out costs an error,
    /// so a young token gets the benefit of the doubt.
    pub fn is_old(&self) -> bool {
        match self.0.scheme {
            Scheme::Bearer | Scheme::Portal => self.age() >= self.life() / 2,
            Scheme::PortalKept => true,
            Scheme::Key => false,
        }
    }

    /// Whether it can still be used for a call.
    ///
    /// One from the future was issued by a clock that was wrong, so nobody knows when it ends.
    pub(crate) fn is_live(&self) -> bool {
        let now = (self.0.clock)();
        let margin = MARGIN.min(self.life() / 10);
        self.0.stored.issued_at <= now && later(now, margin) < self.0.stored.expires_at
    }

    /// Whether the server has forgotten it by itself.
    pub(crate) fn has_ended(&self) -> bool {
        self.0.stored.expires_at <= (self.0.clock)()
    }

    /// What gets the next token, as long as that is likely to work.
    ///
    /// Nobody says how long a refresh token lives, and finding out that it does not costs an error;
    /// so it is believed to live as long again as the token it came with.
    pub(crate) fn refresh(&self) -> Option<&Secret> {
        let fresh = self.age() < self.life().saturating_mul(2);
        self.0.stored.refresh_token.as_ref().filter(|_| fresh)
    }

    /// Whether both are the same token, and not merely spelled alike.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(crate) fn stored(&self) -> &StoredToken {
        &self.0.stored
    }

    fn age(&self) -> Duration {
        until(self.0.stored.issued_at, (self.0.clock)())
    }

    fn life(&self) -> Duration {
        until(self.0.stored.issued_at, self.0.stored.expires_at)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token([secret])")
    }
}
