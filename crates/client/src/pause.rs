//! Pauses: why and until when no calls are made.

use std::{fmt, sync::Arc, time::Duration};

use fortilake_auth::Micros;
use jiff::Timestamp;

/// Why and until when no calls are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pause {
    /// When the next call may be sent, as far as that is known.
    pub resume_at: Micros,
    /// Why no call may be sent now.
    pub reason: Reason,
}

/// Why no calls are made. The `Display` text completes a sentence, as in "paused: …".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The calls that a window allows are used up.
    Calls,
    /// The error budget is used up.
    Errors,
    /// The server reports too many errors.
    ErrorLimit,
    /// The server reports too many calls, and said when it accepts the next one.
    Closed,
    /// Several calls in a row failed without a response.
    Failures,
    /// This client has made as many calls as it may.
    MaxCalls,
    /// The client was told to stop.
    Stopped,
    /// The deadline has passed, or will pass before the next call fits.
    Deadline,
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Calls => "the call limit is used up",
            Self::Errors => "the error budget is used up",
            Self::ErrorLimit => "the API reports too many errors",
            Self::Closed => "the API reports too many calls",
            Self::Failures => "several calls in a row got no response",
            Self::MaxCalls => "reached `--max-calls`",
            Self::Stopped => "a stop was requested",
            Self::Deadline => "reached `--deadline`",
        })
    }
}

/// What to do if the next call has to wait: for a full window, for the error budget, or because the
/// server said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// Fail with [`Kind::Paused`](crate::Kind::Paused) if the wait is longer than this.
    Pause {
        /// The longest wait that is made in place.
        longer_than: Duration,
    },
    /// Wait for as long as it takes.
    Forever,
}

impl Default for Waiting {
    fn default() -> Self {
        Self::Pause {
            longer_than: Duration::from_mins(2),
        }
    }
}

/// A callback for calls that wait for more than their turn. It is called repeatedly while the wait
/// lasts, with its end and its reason.
pub type OnWait = Arc<dyn Fn(Pause) + Send + Sync>;

/// Converts a time to a timestamp. A time that has none comes from a broken clock, and becomes the
/// epoch.
pub(crate) fn timestamp(now: Micros) -> Timestamp {
    Timestamp::from_microsecond(now).unwrap_or_default()
}
