//! The limits that a tenant enforces.

use std::time::Duration;

use jiff::fmt::serde::unsigned_duration::friendly::compact::required as duration;
use serde::{Deserialize, Serialize};

/// What FortiCloud allows an API user. Every call counts, including sign-ins. The other systems
/// have no limits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quota {
    /// The limits on calls. A call that exceeds one is refused; the refusal counts as an error but
    /// not as a call.
    pub calls: Vec<CallLimit>,
    /// The limit on error responses: those with an HTTP status of 400 or more, or with a status
    /// other than 0 and 1008.
    pub errors: Option<ErrorLimit>,
    /// How a refused call is answered.
    pub answer: QuotaAnswer,
    /// Whether HTTP 429 has a `Retry-After` header, in seconds.
    pub retry_after: bool,
    /// The status in the body, instead of the one for the window (-10, -11 or -30).
    pub status: Option<i64>,
}

/// A maximum number of calls in a window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallLimit {
    /// How many calls are allowed.
    pub max: u64,
    /// The length of the window.
    #[serde(with = "duration")]
    pub per: Duration,
    /// How the window moves.
    #[serde(default)]
    pub kind: WindowKind,
}

/// A maximum number of errors in a sliding window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorLimit {
    /// How many errors are answered before every call is refused.
    pub max: u64,
    /// The length of the window.
    #[serde(with = "duration")]
    pub per: Duration,
}

/// How a window moves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WindowKind {
    /// A sliding window: it always ends at the current time.
    #[default]
    Sliding,
    /// A fixed window: it restarts at every multiple of its length after the simulator's start.
    Fixed,
}

/// How a refused call is answered. No real response has been published.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum QuotaAnswer {
    /// HTTP 429.
    #[default]
    Http,
    /// HTTP 200 with status -10 (windows up to a minute), -11 (longer windows) or -30 (errors).
    Body,
}
