//! What a client has to know.

mod check;

use std::{fmt, sync::Arc, time::Duration};

use fortilake_auth::{
    Clock, Credentials, Micros, TokenStore,
    models::Secret,
    real_time,
    transport::{shown, url::Url},
};
use sha2::{Digest, Sha256};

use crate::{
    OnWait, Queue, Waiting,
    ledger::{ErrorLimit, Ledger, Limits, MemoryLedger},
};

/// How long a token of FortiPortal is valid that nobody has given back.
///
/// Until then it may lock its user out, and it is renewed for as long as it is in use.
const PORTAL_LIFE: Duration = Duration::from_mins(30);

/// How a [`Client`](crate::Client) calls.
#[derive(Clone)]
pub struct Config {
    /// Where the resource APIs are; the paths of endpoints are appended.
    pub api_url: Url,
    /// Where tokens come from; sent as it is, with the trailing slash that the server wants.
    ///
    /// Where nobody signs in, it is the system's address.
    pub auth_url: Url,
    /// Who calls.
    pub credentials: Credentials,
    /// How the credentials are shown.
    pub sign_in: SignIn,
    /// How long one exchange may take.
    pub timeout: Duration,
    /// How many calls the API allows, sign-ins included; all windows hold at once.
    pub calls: Vec<Window>,
    /// How many errors it allows, and how many of them are never spent.
    pub errors: Option<ErrorLimit>,
    /// Which part of all these limits is ours: more than 0 and at most 1.
    ///
    /// The rest is for others who call as the same user and do not know of the ledger.
    pub share: f64,
    /// Where calls and errors are counted; all who call as the same user should share one.
    pub ledger: Arc<dyn Ledger>,
    /// In which order calls go out; all clients in a process should share one.
    pub queue: Queue,
    /// Where tokens are kept between runs, if anywhere.
    pub tokens: Option<Arc<dyn TokenStore>>,
    /// What time it is, for all that is kept longer than the process.
    ///
    /// Clients that share a ledger share the clock as well.
    pub clock: Clock,
    /// What to do where the next call has to wait for more than its turn in a window.
    pub waiting: Waiting,
    /// Is told of such waits while they last.
    pub on_wait: Option<OnWait>,
    /// How many calls this client may make, sign-ins and repetitions included.
    pub max_calls: Option<u64>,
    /// When this client sends its last call.
    pub deadline: Option<Micros>,
    /// When and how often a failed call is repeated.
    pub retries: Retries,
}

/// How a caller shows its credentials, by which the system is known as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignIn {
    /// To FortiCloud: the password gets a token per `client_id` from [`Config::auth_url`].
    OAuth,
    /// To FortiPortal: the password gets the one token of the user from [`Config::auth_url`],
    /// which [`Client::sign_out`](crate::Client::sign_out) gives back.
    Portal {
        /// How long the token is valid if nobody gives it back: whole minutes, at most 30 days.
        life: Duration,
    },
    /// To FortiPortal: the password is an API key from its GUI, and the user is not sent.
    PortalKey,
    /// To FortiAuthenticator: the password is the user's API key.
    Basic,
}

/// A limit of calls in any span of time of this length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// How many calls there may be.
    pub max: u32,
    /// In which span of time.
    pub per: Duration,
}

/// When and how often a failed call is repeated.
#[derive(Debug, Clone)]
pub struct Retries {
    /// How often a call is tried in all, and how often it may be throttled.
    pub attempts: u32,
    /// The longest pause after the first failure; it doubles with each further one.
    pub first_pause: Duration,
    /// The longest pause after any failure.
    pub longest_pause: Duration,
    /// How long all pauses of one call may be together.
    ///
    /// Together with `attempts` and the timeout of an exchange this bounds the time of a call,
    /// beside what it waits for its turn.
    pub patience: Duration,
}

impl Config {
    /// FortiCloud as it is documented, with its documented limits.
    #[expect(clippy::missing_panics_doc, reason = "the constants are addresses")]
    pub fn new(credentials: Credentials) -> Self {
        let parse = |url: &str| Url::parse(url).expect("the constant is a URL");
        let auth_url = parse("https://customerapiauth.fortinet.com/api/v1/oauth/token/");
        Self {
            calls: vec![
                Window {
                    max: 100,
                    per: Duration::from_mins(1),
                },
                Window {
                    max: 1000,
                    per: Duration::from_hours(1),
                },
            ],
            errors: Some(ErrorLimit {
                max: 10,
                per: Duration::from_hours(1),
                reserve: 2,
            }),
            ..Self::bare(
                parse("https://support.fortinet.com"),
                auth_url,
                credentials,
                SignIn::OAuth,
            )
        }
    }

    /// A FortiPortal at this address, signed in to for a short while; it has no limits of calls.
    pub fn portal(url: Url, credentials: Credentials) -> Self {
        let mut auth_url = url.clone();
        if let Ok(mut path) = auth_url.path_segments_mut() {
            path.pop_if_empty()
                .extend(["fpc", "api", "auth", "tokenlogin", ""]);
        }
        let life = PORTAL_LIFE;
        Self::bare(url, auth_url, credentials, SignIn::Portal { life })
    }

    /// A FortiPortal at this address, called with a key from its GUI, which is from this origin.
    pub fn portal_key(url: Url, key: Secret, origin: String) -> Self {
        let credentials = Credentials {
            username: String::new(),
            username_origin: origin.clone(),
            password: key,
            password_origin: origin,
        };
        Self::bare(url.clone(), url, credentials, SignIn::PortalKey)
    }

    /// A FortiAuthenticator at this address; the password is the user's API key, and there are no
    /// limits of calls.
    pub fn authenticator(url: Url, credentials: Credentials) -> Self {
        Self::bare(url.clone(), url, credentials, SignIn::Basic)
    }

    /// A system without limits of its own.
    fn bare(api_url: Url, auth_url: Url, credentials: Credentials, sign_in: SignIn) -> Self {
        Self {
            api_url,
            auth_url,
            credentials,
            sign_in,
            timeout: Duration::from_mins(1),
            calls: Vec::new(),
            errors: None,
            share: 1.0,
            ledger: Arc::new(MemoryLedger::new()),
            queue: Queue::new(),
            tokens: None,
            clock: real_time(),
            waiting: Waiting::default(),
            on_wait: None,
            max_calls: None,
            deadline: None,
            retries: Retries::default(),
        }
    }

    /// The id under which the ledger and the store of tokens know the user.
    pub fn user(&self) -> String {
        // Two servers on one host are two services, each with limits of its own.
        let host = self.auth_url.host_str().unwrap_or_default();
        let port = self.auth_url.port_or_known_default().unwrap_or_default();
        let digest = Sha256::digest(format!("{host}:{port} {}", self.credentials.username));
        format!("{digest:x}")
    }

    /// The limits as far as they are ours.
    pub fn limits(&self) -> Limits {
        let window = |window: &Window| Window {
            max: self.part(window.max).max(1),
            ..*window
        };
        let errors = |limit: ErrorLimit| ErrorLimit {
            // The reserve is for the surprises of this client, which no share makes fewer;
            // so what is left of a small share is a single error.
            max: self.part(limit.max).max(limit.reserve + 1),
            ..limit
        };
        Limits {
            calls: self.calls.iter().map(window).collect(),
            errors: self.errors.map(errors),
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the share lies between 0 and 1"
    )]
    fn part(&self, max: u32) -> u32 {
        /// Keeps 0.29 of 100 from being 28, since no binary fraction is exactly 0.29.
        const ROUNDING: f64 = 1e-9;
        (f64::from(max) * self.share + ROUNDING) as u32
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Config")
            .field("api_url", &shown(&self.api_url))
            .field("auth_url", &shown(&self.auth_url))
            .field("sign_in", &self.sign_in)
            .field("limits", &self.limits())
            .field("waiting", &self.waiting)
            .finish_non_exhaustive()
    }
}

impl Default for Retries {
    fn default() -> Self {
        Self {
            attempts: 3,
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(30),
            patience: Duration::from_mins(5),
        }
    }
}

#[cfg(test)]
mod tests;
