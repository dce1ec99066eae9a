//! The sign-in of a system, as its callers see it.

use async_trait::async_trait;
use fortilake_transport::Transport;

use crate::{Result, Token};

/// Obtains the tokens or the key that are sent with the calls of one API user.
///
/// Each system has one implementation, or one for each way to sign in to it.
#[async_trait]
pub trait Signer: Send + Sync {
    /// Returns a token for endpoints of this `client_id`: an earlier one while it is valid, else
    /// that of a new sign-in.
    ///
    /// # Errors
    ///
    /// If the sign-in is refused or gets no response.
    async fn token(&self, client_id: &str) -> Result<Token>;

    /// Returns everything that messages must not repeat.
    fn secrets(&self) -> Vec<String>;

    /// Whether calls of this `client_id` would still be sent with this token.
    fn is_current(&self, client_id: &str, token: &Token) -> bool;

    /// Drops a token that the API has refused.
    ///
    /// # Errors
    ///
    /// If no other token can be obtained, as for an API key.
    async fn refused(&self, client_id: &str, token: &Token) -> Result<()>;

    /// Replaces a token that may have caused a refusal, but may also still be valid.
    async fn doubted(&self, client_id: &str, token: &Token);

    /// Gives the token back, if the system counts the tokens that a user has.
    ///
    /// # Errors
    ///
    /// If the system refuses or does not answer; the token then stays valid.
    async fn sign_out(&self, _transport: &dyn Transport) -> Result<()> {
        Ok(())
    }
}
