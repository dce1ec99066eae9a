//! What a client has to know.

use std::{fmt, sync::Arc, time::Duration};

use fortilake_auth::{
    Clock, Credentials, Micros, TokenStore, real_time,
    transport::{shown, url::Url},
};
use sha2::{Digest, Sha256};

use crate::{
    Error, OnWait, Queue, Result, Waiting,
    ledger::{ErrorLimit, Ledger, Limits, MemoryLedger},
};

/// Beyond this no service counts, and instants would overflow in the end.
const LONGEST_WINDOW: Duration = Duration::from_hours(31 * 24);

/// How a [`Client`](crate::Client) calls.
#[derive(Clone)]
pub struct Config {
    /// Where the resource APIs are; the paths of endpoints are appended.
    pub api_url: Url,
    /// Where tokens come from; sent as it is, with the trailing slash that the server wants.
    pub auth_url: Url,
    /// Who calls.
    pub credentials: Credentials,
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
    /// The service as it is documented, with its documented limits.
    #[expect(clippy::missing_panics_doc, reason = "the constants are addresses")]
    pub fn new(credentials: Credentials) -> Self {
        let parse = |url: &str| Url::parse(url).expect("the constant is a URL");
        Self {
            api_url: parse("https://support.fortinet.com"),
            auth_url: parse("https://customerapiauth.fortinet.com/api/v1/oauth/token/"),
            credentials,
            timeout: Duration::from_mins(1),
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

    pub(crate) fn check(&self) -> Result<()> {
        for (name, url) in [("api_url", &self.api_url), ("auth_url", &self.auth_url)] {
            if url.cannot_be_a_base() || !url.has_host() {
                return Err(Error::config(format!("`{name}` is no web address")));
            }
            if !url.username().is_empty() || url.password().is_some() {
                return Err(Error::config(format!(
                    "`{name}` must not hold a user or a password"
                )));
            }
        }
        if self
            .calls
            .iter()
            .any(|window| window.max == 0 || window.per.is_zero())
        {
            return Err(Error::config(
                "a limit of calls must allow at least one".to_owned(),
            ));
        }
        let lengths = self.calls.iter().map(|window| window.per);
        if lengths.chain(self.errors.map(|limit| limit.per)).max() > Some(LONGEST_WINDOW) {
            return Err(Error::config(
                "a window of a limit must not be longer than 31 days".to_owned(),
            ));
        }
        if self
            .errors
            .is_some_and(|limit| limit.usable() == 0 || limit.per.is_zero())
        {
            return Err(Error::config(
                "the limit of errors must be larger than its reserve".to_owned(),
            ));
        }
        if !(self.share > 0.0 && self.share <= 1.0) {
            return Err(Error::config(
                "`share` must be more than 0 and at most 1".to_owned(),
            ));
        }
        Ok(())
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Config")
            .field("api_url", &shown(&self.api_url))
            .field("auth_url", &shown(&self.auth_url))
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
