//! The limits that a tenant enforces.

use std::time::Duration;

use jiff::fmt::serde::unsigned_duration::friendly::compact::required as duration;
use serde::{Deserialize, Serialize};

/// What `FortiCloud` allows an API user; every call to it counts, sign-ins included. The other systems limit nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quota {
    /// Limits on calls; a call that breaks one is refused, counts as an error and not as a call.
    pub calls: Vec<CallLimit>,
    /// The limit on answers that are errors: an HTTP code from 400 or a status that is neither 0 nor 1008.
    pub errors: Option<ErrorLimit>,
    /// How a breach is answered.
    pub answer: QuotaAnswer,
    /// Whether HTTP 429 carries `Retry-After`, in seconds.
    pub retry_after: bool,
    /// The status in the body, in place of the one that fits the window (-10, -11, -30).
    pub status: Option<i64>,
}

/// At most so many calls in a window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallLimit {
    /// How many calls.
    pub max: u64,
    /// Length of the window.
    #[serde(with = "duration")]
    pub per: Duration,
    /// How the window moves.
    #[serde(default)]
    pub kind: WindowKind,
}

/// At most so many errors in a sliding window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorLimit {
    /// How many errors are answered before everything is refused.
    pub max: u64,
    /// Length of the window.
    #[serde(with = "duration")]
    pub per: Duration,
}

/// How a window moves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WindowKind {
    /// It ends now, whenever now is.
    #[default]
    Sliding,
    /// It starts anew at each multiple of its length since the simulator's start.
    Fixed,
}

/// How a breach is answered; no real one was ever published.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum QuotaAnswer {
    /// HTTP 429.
    #[default]
    Http,
    /// HTTP 200 with status -10 (windows up to a minute), -11 (longer ones) or -30 (errors).
    Body,
}
