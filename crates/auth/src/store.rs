//! Where tokens are kept between runs.

use fortilake_models::Secret;

use crate::Micros;

/// Keeps tokens between runs.
///
/// It is a help and never a condition: what cannot be loaded is asked for again,
/// and what cannot be saved is lost with the process, so nothing here fails.
/// A user is named by an id that tells nothing about it.
pub trait TokenStore: Send + Sync {
    /// The token that was saved last.
    fn load(&self, user: &str, client_id: &str) -> Option<StoredToken>;

    /// Saves a token in place of an older one.
    fn save(&self, user: &str, client_id: &str, token: &StoredToken);

    /// Forgets the token.
    fn remove(&self, user: &str, client_id: &str);
}

/// A token with what has to be known to use it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredToken {
    /// What is sent with each call.
    pub access_token: Secret,
    /// What gets the next token without the password, if the server gave such a thing.
    pub refresh_token: Option<Secret>,
    /// When it ends.
    pub expires_at: Micros,
    /// When it was asked for.
    pub issued_at: Micros,
}
