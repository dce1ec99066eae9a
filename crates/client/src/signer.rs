//! How a client signs in, whichever system it is for.

use std::sync::Arc;

use fortilake_auth::{
    self as auth, FORTIAUTHENTICATOR, FORTIPORTAL, Key, OAuth, Portal, Token, transport::Transport,
};

use crate::{Config, Error, Result, SignIn};

/// What shows the API who calls.
pub(crate) enum Signer {
    OAuth(OAuth),
    Portal(Portal),
    Key(Key),
}

impl Signer {
    pub(crate) fn new(config: &Config, transport: Arc<dyn Transport>) -> Result<Self> {
        let credentials = config.credentials.clone();
        let clock = Arc::clone(&config.clock);
        let url = config.auth_url.clone();
        let kept = config
            .tokens
            .as_ref()
            .map(|store| (Arc::clone(store), config.user()));
        let key = |key: auth::Result<Key>| key.map(Self::Key).map_err(Error::credentials);
        Ok(match config.sign_in {
            SignIn::OAuth => {
                let oauth = OAuth::new(transport, url, credentials).clock(clock);
                Self::OAuth(match kept {
                    Some((store, user)) => oauth.keep(store, user),
                    None => oauth,
                })
            }
            SignIn::Portal { life } => {
                let portal = Portal::new(transport, url, credentials, life).clock(clock);
                Self::Portal(match kept {
                    Some((store, user)) => portal.keep(store, user),
                    None => portal,
                })
            }
            SignIn::PortalKey => key(Key::portal(&credentials, &clock))?,
            SignIn::Basic => key(Key::basic(&credentials, &clock))?,
        })
    }

    pub(crate) async fn token(&self, client_id: &str) -> auth::Result<Token> {
        match self {
            Self::OAuth(oauth) => oauth.token(client_id).await,
            Self::Portal(portal) => portal.token().await,
            Self::Key(key) => key.token(),
        }
    }

    pub(crate) fn is_current(&self, client_id: &str, token: &Token) -> bool {
        match self {
            Self::OAuth(oauth) => oauth.is_current(client_id, token),
            Self::Portal(portal) => portal.is_current(token),
            Self::Key(key) => key.token().is_ok(),
        }
    }

    /// Drops a token that is no longer good; an error where no other is to be had.
    pub(crate) fn refused(&self, client_id: &str, token: &Token) -> auth::Result<()> {
        match self {
            Self::OAuth(oauth) => oauth.refused(client_id, token),
            Self::Portal(portal) => portal.refused(token),
            Self::Key(key) => return Err(key.refused()),
        }
        Ok(())
    }

    /// Has a token replaced that may be the reason of a refusal, or may be good after all.
    pub(crate) fn doubted(&self, client_id: &str, token: &Token) {
        match self {
            Self::OAuth(oauth) => oauth.refused(client_id, token),
            Self::Portal(portal) => portal.doubted(token),
            Self::Key(_) => {}
        }
    }
}

impl SignIn {
    /// Whether this opens endpoints of that `client_id`.
    ///
    /// A password that went to the server of another system would be one that somebody has seen.
    pub(crate) fn opens(self, client_id: &str) -> bool {
        match self {
            Self::OAuth => ![FORTIPORTAL, FORTIAUTHENTICATOR].contains(&client_id),
            Self::Portal { .. } | Self::PortalKey => client_id == FORTIPORTAL,
            Self::Basic => client_id == FORTIAUTHENTICATOR,
        }
    }
}
