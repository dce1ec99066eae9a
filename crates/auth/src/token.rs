//! A token that cannot be printed.

use std::{fmt, sync::Arc, time::Duration};

use fortilake_models::Secret;
use fortilake_transport::http::{HeaderValue, header::InvalidHeaderValue};
use tokio::time::Instant;

/// How long before its end a token is renewed, at most.
const MARGIN: Duration = Duration::from_mins(1);

/// A bearer token of one `client_id`.
#[derive(Clone)]
pub struct Token(Arc<Inner>);

struct Inner {
    secret: Secret,
    header: HeaderValue,
    obtained: Instant,
    life: Duration,
}

impl Token {
    /// A token that was asked for at `obtained` and lasts for `life`.
    pub(crate) fn new(
        secret: Secret,
        obtained: Instant,
        life: Duration,
    ) -> Result<Self, InvalidHeaderValue> {
        let mut header = HeaderValue::from_str(&format!("Bearer {}", secret.expose()))?;
        header.set_sensitive(true);
        Ok(Self(Arc::new(Inner {
            secret,
            header,
            obtained,
            life,
        })))
    }

    /// The value of the `Authorization` header, marked sensitive.
    pub fn header(&self) -> HeaderValue {
        self.0.header.clone()
    }

    /// The token itself, for taking it out of texts.
    pub fn expose(&self) -> &str {
        self.0.secret.expose()
    }

    /// Whether a refusal may be the token's fault: half of its life is over.
    ///
    /// The API says "access denied" for a stale token as well as for a missing permission.
    /// A new token tells the two apart, but finding out costs an error,
    /// so a young token gets the benefit of the doubt.
    pub fn is_old(&self) -> bool {
        self.0.obtained.elapsed() >= self.0.life / 2
    }

    /// Whether it can still be used for a call.
    pub(crate) fn is_live(&self) -> bool {
        let margin = MARGIN.min(self.0.life / 10);
        self.0.obtained.elapsed() + margin < self.0.life
    }

    /// Whether both are the same token, and not merely spelled alike.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token([secret])")
    }
}
