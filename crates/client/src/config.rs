//! What a client has to know.

use std::time::Duration;

use fortilake_auth::{Credentials, transport::url::Url};

use crate::{Error, Result};

/// How a [`Client`](crate::Client) calls.
#[derive(Debug, Clone)]
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
            retries: Retries::default(),
        }
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
        Ok(())
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
