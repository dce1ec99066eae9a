//! The configuration of a client.

mod check;

use std::{
    fmt,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use fortilake_auth::{Clock, Credentials, Micros, TokenStore, real_time};
use fortilake_models::Secret;
use fortilake_transport::{shown, url::Url};
use sha2::{Digest, Sha256};

use crate::{
    OnWait, Queue, RetryPolicy, Waiting, Window,
    ledger::{ErrorLimit, Ledger, Limits, MemoryLedger},
};

/// How long a FortiPortal token is valid if it is not given back.
///
/// A token left behind by a crash may lock its user out for this long, so it is short. While it is
/// in use, it is renewed.
const PORTAL_LIFE: Duration = Duration::from_mins(30);

/// The default time limit for one exchange with a server.
///
/// Large lists are slow: the vendor's own clients wait for 250 seconds.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_mins(5);

/// How a [`Client`](crate::Client) makes its calls.
#[derive(Clone)]
pub struct Config {
    /// The base URL of the resource APIs. The paths of endpoints are appended to it.
    pub api_url: Url,
    /// The URL that issues tokens, used exactly as given: FortiCloud requires the trailing slash.
    ///
    /// For systems without a sign-in, this is the address of the system.
    pub auth_url: Url,
    /// The user who makes the calls.
    pub credentials: Credentials,
    /// How the user authenticates, which also says which system it is.
    pub sign_in: SignIn,
    /// The time limit for one exchange, from connecting to the last byte of the response. The wait
    /// for the call's turn is not included.
    pub timeout: Duration,
    /// How many calls the API allows, sign-ins included. All windows apply at the same time.
    pub calls: Vec<Window>,
    /// How many errors the API allows, and how many of them are kept in reserve.
    pub errors: Option<ErrorLimit>,
    /// The share of all these limits that this client may use: more than 0, at most 1.
    ///
    /// The rest is left to programs that call as the same user but do not use the ledger.
    pub share: f64,
    /// Counts calls and errors. All clients of the same user should share one.
    pub ledger: Arc<dyn Ledger>,
    /// The name of the budget that the ledger counts for; `None` gives each user their own.
    ///
    /// Users with the same budget share its limits, for a server that counts per organization.
    pub budget: Option<String>,
    /// The order in which calls are sent. All clients of one process should share one.
    pub queue: Queue,
    /// The token store that outlives the process, if there is one.
    pub tokens: Option<Arc<dyn TokenStore>>,
    /// The clock for tokens and for reported times, such as the end of a pause.
    ///
    /// The ledger has its own clock.
    pub clock: Clock,
    /// What to do if the next call has to wait for more than its turn in a window.
    pub waiting: Waiting,
    /// A callback that is called from time to time during such waits.
    pub on_wait: Option<OnWait>,
    /// How many calls this client may make, including sign-ins and retries. Clients that share
    /// `call_count` may make this many together.
    pub max_calls: Option<u64>,
    /// Counts the calls that `max_calls` limits.
    pub call_count: Arc<AtomicU64>,
    /// After this time, the client sends no further calls.
    pub deadline: Option<Micros>,
    /// How failed calls are retried.
    pub retries: RetryPolicy,
}

/// How a caller authenticates. This also identifies the system that is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignIn {
    /// FortiCloud: the password gets one token per `client_id` from [`Config::auth_url`].
    OAuth,
    /// FortiPortal: the password gets the user's single token from [`Config::auth_url`].
    /// [`Client::sign_out`](crate::Client::sign_out) gives it back.
    Portal {
        /// How long the token is valid if it is not given back: whole minutes, at most 30 days.
        life: Duration,
    },
    /// FortiPortal: the password is an API key from its GUI, and the user name is not sent.
    PortalKey,
    /// FortiAuthenticator: the password is the user's API key.
    Basic,
}

impl Config {
    /// FortiCloud with its documented addresses and limits.
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

    /// A FortiPortal at this address, with short-lived tokens and without limits.
    pub fn portal(url: Url, credentials: Credentials) -> Self {
        let mut auth_url = url.clone();
        if let Ok(mut path) = auth_url.path_segments_mut() {
            path.pop_if_empty()
                .extend(["fpc", "api", "auth", "tokenlogin", ""]);
        }
        let life = PORTAL_LIFE;
        Self::bare(url, auth_url, credentials, SignIn::Portal { life })
    }

    /// A FortiPortal at this address, called with an API key from its GUI. `origin` says where the
    /// key came from.
    pub fn portal_key(url: Url, key: Secret, origin: String) -> Self {
        let credentials = Credentials {
            username: String::new(),
            username_origin: origin.clone(),
            password: key,
            password_origin: origin,
        };
        Self::bare(url.clone(), url, credentials, SignIn::PortalKey)
    }

    /// A FortiAuthenticator at this address, without limits. The password of `credentials` is the
    /// user's API key.
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
            timeout: DEFAULT_TIMEOUT,
            calls: Vec::new(),
            errors: None,
            share: 1.0,
            ledger: Arc::new(MemoryLedger::new()),
            budget: None,
            queue: Queue::new(),
            tokens: None,
            clock: real_time(),
            waiting: Waiting::default(),
            on_wait: None,
            max_calls: None,
            call_count: Arc::default(),
            deadline: None,
            retries: RetryPolicy::default(),
        }
    }

    /// Returns the id of the user in the token store, and in the ledger if there is no `budget`.
    ///
    /// The server counts all calls of a user, however the user and the host are spelled. So case,
    /// surrounding spaces, a default port and a final dot in the host name make no difference.
    pub fn user(&self) -> String {
        let user = self.credentials.username.trim().to_lowercase();
        self.id(&user)
    }

    /// Returns the id under which the ledger counts calls and errors.
    pub fn ledger_key(&self) -> String {
        match &self.budget {
            // No user name contains a line break, so a budget is never taken for a user.
            Some(budget) => self.id(&format!("budget\n{}", budget.trim().to_lowercase())),
            None => self.user(),
        }
    }

    /// An id for something that the server at the sign-in's address knows by this name.
    fn id(&self, name: &str) -> String {
        let host = self.auth_url.host_str().unwrap_or_default();
        let host = host.trim_end_matches('.').to_lowercase();
        // Two servers on one host are two services, each with its own limits.
        let port = self.auth_url.port_or_known_default().unwrap_or_default();
        let digest = Sha256::digest(format!("{host}:{port} {name}"));
        format!("{digest:x}")
    }

    /// Returns the limits, reduced to this client's share.
    pub fn limits(&self) -> Limits {
        let window = |window: &Window| Window {
            max: self.part(window.max).max(1),
            ..*window
        };
        let errors = |limit: ErrorLimit| ErrorLimit {
            // The reserve covers surprises of this client, which do not become fewer with a smaller
            // share. So a small share still leaves one usable error.
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
        /// Without this, 0.29 of 100 would round down to 28, because no binary fraction is exactly
        /// 0.29.
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

#[cfg(test)]
mod tests;
