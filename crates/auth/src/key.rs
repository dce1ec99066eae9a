//! API keys, which are sent with every call and never expire on this side.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{
    Clock, Credentials, Error, Kind, Micros, Result, Signer, StoredToken, Token, token::Scheme,
    tokens::lock,
};

/// The `client_id` under which FortiAuthenticator's endpoints and its key are registered.
pub const FORTIAUTHENTICATOR: &str = "fortiauthenticator";

/// An API key that an administrator created by hand, and that only an administrator can replace.
///
/// There is nothing to renew or to give back. Once the server has refused the key, it is not sent
/// again.
#[derive(Debug)]
pub struct Key {
    token: Token,
    /// The error message if the key is refused. It says where the key came from.
    complaint: String,
    refused: Mutex<Option<Error>>,
}

impl Key {
    /// An API key from FortiPortal's GUI. It is taken from the password of `credentials`; their
    /// user is not sent.
    pub fn portal(credentials: &Credentials, clock: &Clock) -> Result<Self> {
        let origin = &credentials.password_origin;
        let header = format!("Token {}", credentials.password.expose());
        let complaint = format!(
            "FortiPortal refuses the API key from {origin}: it is wrong, deleted or expired"
        );
        Self::new(credentials, &header, clock, complaint)
    }

    /// The API key of a FortiAuthenticator administrator, sent as the password of HTTP basic
    /// authentication.
    pub fn basic(credentials: &Credentials, clock: &Clock) -> Result<Self> {
        let Credentials {
            username,
            username_origin,
            password,
            password_origin,
        } = credentials;
        if username.contains(':') {
            let message = format!(
                "the user from {username_origin} contains a colon, which basic authentication \
                 does not allow"
            );
            return Err(Error::new(Kind::Credentials, message));
        }
        let pair = STANDARD.encode(format!("{username}:{}", password.expose()));
        let complaint = format!(
            "the FortiAuthenticator user or its API key is wrong: the user comes from \
             {username_origin}, the key from \
             {password_origin}; the user's login password is not an API key"
        );
        Self::new(credentials, &format!("Basic {pair}"), clock, complaint)
    }

    fn new(
        credentials: &Credentials,
        header: &str,
        clock: &Clock,
        complaint: String,
    ) -> Result<Self> {
        let stored = StoredToken {
            access_token: credentials.password.clone(),
            refresh_token: None,
            expires_at: Micros::MAX,
            issued_at: clock(),
        };
        let token =
            Token::with_header(Scheme::Key, header, stored, Arc::clone(clock)).map_err(|_| {
                let origin = &credentials.password_origin;
                let message = format!(
                    "the API key from {origin} contains characters that an HTTP header cannot hold"
                );
                Error::new(Kind::Credentials, message)
            })?;
        Ok(Self {
            token,
            complaint,
            refused: Mutex::default(),
        })
    }

    /// Returns the key, or the earlier error if the server has refused it.
    pub fn token(&self) -> Result<Token> {
        match &*lock(&self.refused) {
            Some(error) => Err(error.clone()),
            None => Ok(self.token.clone()),
        }
    }

    /// Returns the key as it was given and as it is sent, so that both can be redacted.
    pub fn secrets(&self) -> Vec<String> {
        let header = self.token.header();
        let sent = header
            .to_str()
            .ok()
            .and_then(|header| header.split(' ').nth(1));
        let sent = sent.unwrap_or_default().to_owned();
        vec![self.token.expose().to_owned(), sent]
    }

    /// Records that the server refused the key, and returns the error to report.
    pub fn refused(&self) -> Error {
        let error = Error::new(Kind::Credentials, self.complaint.clone());
        *lock(&self.refused) = Some(error.clone());
        error
    }
}

#[async_trait]
impl Signer for Key {
    async fn token(&self, _: &str) -> Result<Token> {
        self.token()
    }

    fn secrets(&self) -> Vec<String> {
        self.secrets()
    }

    fn is_current(&self, _: &str, _: &Token) -> bool {
        self.token().is_ok()
    }

    async fn refused(&self, _: &str, _: &Token) -> Result<()> {
        Err(self.refused())
    }

    async fn doubted(&self, _: &str, _: &Token) {}
}

#[cfg(test)]
mod tests;
