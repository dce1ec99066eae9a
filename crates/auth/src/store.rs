//! Storage for tokens between runs.

use async_trait::async_trait;
use fortilake_models::Secret;

use crate::Micros;

/// Keeps tokens between runs.
///
/// A store only saves sign-ins, so its methods cannot fail: a token that can't be loaded is
/// requested again, and one that can't be saved is lost with the process. `user` is an id that
/// doesn't reveal the user's name.
///
/// No method blocks its thread, and each completes what it began even if its future is dropped.
#[async_trait]
pub trait TokenStore: Send + Sync {
    /// Returns the token that was saved last, or `None` if there is none or it can't be read.
    async fn load(&self, user: &str, client_id: &str) -> Option<StoredToken>;

    /// Saves a token, replacing the previous one for this user and client.
    async fn save(&self, user: &str, client_id: &str, token: &StoredToken);

    /// Removes the saved token, if there is one.
    async fn remove(&self, user: &str, client_id: &str);
}

/// A token together with the times needed to judge whether it is still usable.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredToken {
    /// The secret that is sent with each call.
    pub access_token: Secret,
    /// The secret that gets the next token without the password, if the server issued one.
    pub refresh_token: Option<Secret>,
    /// When the token expires.
    pub expires_at: Micros,
    /// When the token was requested, which is slightly before the server issued it.
    pub issued_at: Micros,
}
