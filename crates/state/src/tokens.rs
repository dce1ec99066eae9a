//! Access tokens, stored for the next run.
//!
//! A damaged or unreadable token is treated as missing, with a warning. The client then signs in
//! again, which is cheaper than stopping the crawl.

#[cfg(test)]
mod tests;

use fortilake_auth::{Micros, StoredToken};

/// The token with its times converted to another clock.
///
/// Tokens are stored in the ledger's time, so that a token's age stays correct if the system's
/// clock is changed between two runs.
pub(crate) fn moved(token: StoredToken, time: impl Fn(Micros) -> Micros) -> StoredToken {
    StoredToken {
        expires_at: time(token.expires_at),
        issued_at: time(token.issued_at),
        ..token
    }
}
