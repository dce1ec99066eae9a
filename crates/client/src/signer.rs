//! How a client signs in, whichever system it is for.

use std::sync::Arc;

use fortilake_auth::{self as auth, FORTIAUTHENTICATOR, FORTIPORTAL, Key, OAuth, Portal, Signer};
use fortilake_models::Dialect;
use fortilake_transport::Transport;

use crate::{Config, Error, Result, SignIn};

/// Builds the sign-in that a configuration asks for.
pub(crate) fn signer(config: &Config, transport: Arc<dyn Transport>) -> Result<Box<dyn Signer>> {
    let credentials = config.credentials.clone();
    let clock = Arc::clone(&config.clock);
    let url = config.auth_url.clone();
    let kept = config
        .tokens
        .as_ref()
        .map(|store| (Arc::clone(store), config.user()));
    let key = |key: auth::Result<Key>| -> Result<Box<dyn Signer>> {
        Ok(Box::new(key.map_err(Error::credentials)?))
    };
    Ok(match config.sign_in {
        SignIn::OAuth => {
            let oauth = OAuth::new(transport, url, credentials).clock(clock);
            Box::new(match kept {
                Some((store, user)) => oauth.keep(store, user),
                None => oauth,
            })
        }
        SignIn::Portal { life } => {
            let portal = Portal::new(transport, url, credentials, life).clock(clock);
            Box::new(match kept {
                Some((store, user)) => portal.keep(store, user),
                None => portal,
            })
        }
        SignIn::PortalKey => key(Key::portal(&credentials, &clock))?,
        SignIn::Basic => key(Key::basic(&credentials, &clock))?,
    })
}

impl SignIn {
    /// The system that this is for.
    ///
    /// A call of an endpoint of another system is rejected before it is sent: a password that
    /// another system's server has seen would have to be considered leaked.
    pub(crate) fn system(self) -> &'static str {
        match self {
            Self::OAuth => "forticloud",
            Self::Portal { .. } | Self::PortalKey => FORTIPORTAL,
            Self::Basic => FORTIAUTHENTICATOR,
        }
    }

    /// Where the responses to a sign-in say whether it succeeded.
    pub(crate) fn dialect(self) -> Dialect {
        match self {
            Self::OAuth => Dialect::Body,
            Self::Portal { .. } | Self::PortalKey | Self::Basic => Dialect::Http,
        }
    }
}
