//! Why and until when no call is made.

use std::{fmt, sync::Arc, time::Duration};

use fortilake_auth::Micros;

/// Why and until when no call is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pause {
    /// When a call may go out again, as far as anybody knows.
    pub resume_at: Micros,
    /// Why not now.
    pub reason: Reason,
}

/// Why no call is made; its text ends a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The errors that may be spent are spent.
    Errors,
    /// The server has counted too many errors.
    ErrorLimit,
    /// The server has counted too many calls, and said when it takes the next.
    Closed,
    /// Calls in a row have failed without an answer.
    Failures,
    /// This client has made as many calls as it may.
    MaxCalls,
    /// The client was told to stop.
    Stopped,
    /// The time that this client has is over, or will be before the next call fits.
    Deadline,
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Errors => "the errors that may be spent are spent",
            Self::ErrorLimit => "too many errors",
            Self::Closed => "too many calls",
            Self::Failures => "too many calls in a row have failed",
            Self::MaxCalls => "all the calls that may be made are made",
            Self::Stopped => "it was told to stop",
            Self::Deadline => "the time that there is does not suffice",
        })
    }
}

/// What to do where the next call has to wait for more than its turn in a window.
///
/// Waiting for a window is the normal work of a long crawl, and never a reason to pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// Fail with [`Kind::Paused`](crate::Kind::Paused) if it is for longer than this.
    Pause {
        /// What is waited for.
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

/// Is told, again and again, until when and why a call waits for more than its turn.
pub type OnWait = Arc<dyn Fn(Pause) + Send + Sync>;
