//! A token that never appears in output.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use fortilake_models::Secret;
use fortilake_transport::http::{HeaderValue, header::InvalidHeaderValue};

use crate::{Clock, Micros, StoredToken, later, until};

/// A token is renewed this long before it expires, at most.
const MARGIN: Duration = Duration::from_mins(1);

/// How long after a sign-in the API may not know the new token yet.
///
/// The vendor's own clients retry a token that is refused right after the sign-in up to four times
/// before they sign in again.
const YOUNG: Duration = Duration::from_secs(2);

/// A token, sent with a call to show who makes it. Its `Debug` output hides the secret.
#[derive(Clone)]
pub struct Token(Arc<Inner>);

/// Where a token comes from, which decides what a refusal of it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// Issued by FortiCloud's OAuth server.
    Bearer,
    /// Issued by FortiPortal to this process.
    Portal,
    /// Issued by FortiPortal to an earlier run or another process, which may have given it back
    /// since.
    PortalKept,
    /// Created by hand. It can't be renewed.
    Key,
}

struct Inner {
    scheme: Scheme,
    stored: StoredToken,
    header: HeaderValue,
    clock: Clock,
    /// When the token arrived, which is later than when it was requested.
    obtained_at: Micros,
    /// Whether this process signed in for it. If not, it may have been revoked since.
    is_own: bool,
    /// Whether a call with this token has succeeded.
    proven: AtomicBool,
    /// Until when the token must not be used.
    rest_until: AtomicI64,
    /// Whether the API has refused it.
    refused: AtomicBool,
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

    /// A token with an `Authorization` header that isn't just a scheme followed by the token.
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
            header,
            obtained_at: stored.issued_at,
            is_own: false,
            stored,
            clock,
            proven: AtomicBool::new(false),
            rest_until: AtomicI64::new(Micros::MIN),
            refused: AtomicBool::new(false),
        })))
    }

    /// A token that has arrived just now.
    pub(crate) fn obtained(
        scheme: Scheme,
        stored: StoredToken,
        clock: Clock,
    ) -> Result<Self, InvalidHeaderValue> {
        let now = clock();
        let mut token = Self::new(scheme, stored, clock)?;
        if let Some(inner) = Arc::get_mut(&mut token.0) {
            inner.obtained_at = now;
            inner.is_own = true;
        }
        Ok(token)
    }

    /// Returns the value of the `Authorization` header, marked as sensitive.
    pub fn header(&self) -> HeaderValue {
        self.0.header.clone()
    }

    /// Returns the secret itself, so that it can be redacted.
    pub fn expose(&self) -> &str {
        self.0.stored.access_token.expose()
    }

    /// Whether a refusal may be the token's fault, because half of its lifetime is over, or because an
    /// earlier run left it and no call has succeeded with it since.
    ///
    /// FortiCloud answers "access denied" for a stale token as well as for a missing permission;
    /// what FortiPortal answers is undocumented. Only a new token can tell the two cases apart, but
    /// that costs an error of the budget. So a refusal of any other token is taken for a missing
    /// permission.
    pub fn is_old(&self) -> bool {
        match self.0.scheme {
            Scheme::Bearer if !self.0.is_own && !self.0.proven.load(Ordering::Relaxed) => true,
            Scheme::Bearer | Scheme::Portal => self.age() >= self.life() / 2,
            Scheme::PortalKept => true,
            Scheme::Key => false,
        }
    }

    /// Whether a refusal may only mean that the API doesn't know the token yet.
    pub fn is_young(&self) -> bool {
        let since = until(self.0.obtained_at, (self.0.clock)());
        let unproven = !self.0.proven.load(Ordering::Relaxed);
        self.0.scheme == Scheme::Bearer && unproven && since < YOUNG
    }

    /// Records that a call with this token succeeded. From then on, a refusal means that it is no
    /// longer valid.
    pub fn succeeded(&self) {
        self.0.proven.store(true, Ordering::Relaxed);
    }

    /// Whether a call with this token has succeeded.
    pub fn has_worked(&self) -> bool {
        self.0.proven.load(Ordering::Relaxed)
    }

    /// Records that the API refused the token. Returns whether this is the first refusal of a token
    /// that had worked: then somebody else has revoked it, or signed in as the same user.
    pub fn was_revoked(&self) -> bool {
        !self.0.refused.swap(true, Ordering::Relaxed) && self.has_worked()
    }

    /// Stops calls from using this token for `pause`.
    pub fn rest(&self, pause: Duration) {
        let until = later((self.0.clock)(), pause);
        self.0.rest_until.store(until, Ordering::Relaxed);
    }

    /// Returns how long the token must not be used yet; zero if it can be used now.
    pub fn resting(&self) -> Duration {
        until((self.0.clock)(), self.0.rest_until.load(Ordering::Relaxed))
    }

    /// Whether the token is still good for a call.
    ///
    /// A token issued in the future was stored while the clock was wrong, so its end can't be
    /// trusted and it counts as expired.
    pub(crate) fn is_live(&self) -> bool {
        let now = (self.0.clock)();
        let margin = MARGIN.min(self.life() / 10);
        self.0.stored.issued_at <= now && later(now, margin) < self.0.stored.expires_at
    }

    /// Whether the token has expired, so that the server has forgotten it by itself.
    pub(crate) fn has_ended(&self) -> bool {
        self.0.stored.expires_at <= (self.0.clock)()
    }

    /// Returns the refresh token, if it is likely to still work.
    ///
    /// The lifetime of a refresh token is undocumented, and trying an expired one costs an error of
    /// the budget. So it is assumed to live twice as long as the token it came with.
    pub(crate) fn refresh(&self) -> Option<&Secret> {
        let fresh = self.age() < self.life().saturating_mul(2);
        self.0.stored.refresh_token.as_ref().filter(|_| fresh)
    }

    /// Whether both are the same object, not just equal secrets.
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
