//! The ledger of calls: the contract between the client and whatever records who called when.
//!
//! The limits are enforced with a sliding-window log. A token bucket would be smaller, but it
//! allows a burst on top of a full window; with the log, no window that the server may count in,
//! wherever it starts, holds more calls than allowed.
//!
//! The server counts a call at some unknown instant between the moment we send it and the moment we
//! receive its response. To cover both ends, a call occupies its place from its reservation until
//! one window length plus [`MARGIN`] after its response. The price is that slow calls lower the
//! usable rate a little.

use std::time::Duration;

use async_trait::async_trait;

use crate::Result;

mod memory;

pub use self::memory::MemoryLedger;
pub use crate::{
    class::CallOutcome,
    past_error::{ErrorReason, PastError},
};

/// Every window is this much longer for us than for the server, because the server's clock is not
/// ours.
///
/// This covers clocks whose speed differs by 28 parts per million, over an hour.
pub const MARGIN: Duration = Duration::from_millis(100);

/// The longest time that a server may close for. No limit of this API lasts longer.
pub const LONGEST_CLOSE: Duration = Duration::from_hours(24);

/// The reasons of at most this many errors are kept.
pub const LAST_ERRORS: usize = 10;

/// Records the calls and errors of API users, for every client that calls in their name.
///
/// For each window, a call is granted only while the calls in flight plus those answered at a time
/// `t` with `t + per + MARGIN > now` are fewer than `max`. For errors, those that happened at such
/// a `t`, the calls in flight and this call must together be no more than `max - reserve`.
///
/// Every call in flight counts against the error budget because it may turn out to be an error. If
/// only finished errors counted, eight concurrent calls could fail at once with one error left, and
/// the API would block the user. The price is that fewer calls run in parallel when the budget is
/// nearly used up.
///
/// A call of a process that has died counts as answered from the moment its death is noticed. Its
/// outcome is unknown: it counts as an error if the user has had another error within the hour
/// before, and otherwise as a success, because a crash would otherwise cost an hour's pause.
///
/// A ledger has its own clock, and answers with waiting times instead of instants, because the
/// system clock can be set at any time. An implementation should measure with a clock that can't be
/// set, as far as possible, and nothing that it has stored may make a caller wait longer than the
/// longest window.
///
/// No method blocks its thread: a ledger in a file works on a thread for blocking operations, and one
/// behind a network waits for its answer.
///
/// # Cancellation
///
/// If a future is dropped, the ledger may still carry out what it was asked for. So a caller that may
/// be dropped has to reserve and settle in a task that is not.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Reserves a place for a call if there is one, or says when to ask again.
    async fn reserve(&self, user: &str, limits: &Limits) -> Result<Reservation>;

    /// Records how the call of a reservation ended and, for an error, the reason if it is known. A
    /// ticket that is unknown or already settled is ignored.
    async fn settle(
        &self,
        ticket: Ticket,
        outcome: CallOutcome,
        reason: Option<&ErrorReason>,
    ) -> Result<()>;

    /// Records that the server accepts no calls for this long, limited to [`LONGEST_CLOSE`]. An
    /// earlier closure that lasts longer stays in effect.
    async fn close(&self, user: &str, wait: Duration) -> Result<()>;

    /// Returns what counts against the limits now.
    async fn usage(&self, user: &str, limits: &Limits) -> Result<LedgerUsage>;
}

/// The part of the API's limits that one client may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The windows for calls. All of them apply at the same time.
    pub calls: Vec<Window>,
    /// The limit for errors, if there is one.
    pub errors: Option<ErrorLimit>,
}

/// A sliding-window limit: at most `max` calls in any period of length `per`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// How many calls are allowed.
    pub max: u32,
    /// The length of the window.
    pub per: Duration,
}

/// A sliding-window limit: at most `max` errors in any period of length `per`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorLimit {
    /// How many errors the API allows.
    pub max: u32,
    /// The length of the window.
    pub per: Duration,
    /// How many of these errors are kept in reserve and never used.
    pub reserve: u32,
}

impl ErrorLimit {
    /// Returns how many errors may happen before calls pause.
    pub fn usable(&self) -> u32 {
        self.max.saturating_sub(self.reserve)
    }
}

/// A reservation in the ledger. It ends with [`Ledger::settle`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub i64);

/// Whether a call may be sent. Waiting times start when the method returns, and are never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reservation {
    /// The call may be sent now.
    Granted(Ticket),
    /// A window is full. A call fits after this wait at the earliest.
    After(Duration),
    /// Calls in flight, possibly of other processes, occupy the rest of a window or of the error
    /// budget. Ask again when one of them is answered, and at the latest after this wait.
    AfterAnswer(Duration),
    /// The error budget is used up to its reserve, or the server closed. No call fits before this
    /// wait is over.
    Spent {
        /// The time until a call fits, at least.
        wait: Duration,
        /// What is used up.
        why: Spent,
    },
}

/// The reason why no call fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spent {
    /// The error budget is used up to its reserve.
    Errors,
    /// The server said that it accepts no calls until a certain time.
    Closed,
}

/// What counts against the limits at one instant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LedgerUsage {
    /// The number of calls in each window, in the order of [`Limits::calls`], including calls in
    /// flight.
    pub calls: Vec<u32>,
    /// The number of errors in their window. Calls in flight are not included.
    pub errors: u32,
    /// The most recent of these errors whose reasons are known, newest first, at most
    /// [`LAST_ERRORS`].
    pub last_errors: Vec<PastError>,
    /// The number of calls in flight.
    pub in_flight: u32,
    /// How much longer the server accepts no calls, if it said so.
    pub closed_for: Option<Duration>,
}
