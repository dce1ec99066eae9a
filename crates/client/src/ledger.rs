//! The ledger of calls: the contract between the client and whatever records who called when.
//!
//! The limits are enforced with a sliding-window log. A token bucket would be smaller, but it
//! allows a burst on top of a full window; with the log, no window that the server may count in,
//! wherever it starts, holds more calls than allowed.
//!
//! The server counts a call at some unknown instant between the moment we send it and the moment we
//! receive its answer. To cover both ends, a call occupies its place from its reservation until one
//! window length plus [`MARGIN`] after its answer. The price is that slow calls lower the usable
//! rate a little.

use std::time::Duration;

use crate::{Result, Window};
pub use fortilake_auth::{Clock, Micros};

mod memory;

pub use self::memory::MemoryLedger;

/// Every window is this much longer for us than for the server, because the server's clock is not
/// ours.
///
/// This covers clocks whose speed differs by 28 parts per million, over an hour.
pub const MARGIN: Duration = Duration::from_millis(100);

/// Keeps the calls and errors of API users, for everyone who calls in their name.
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
/// Every method may block for as long as a file operation takes, and no longer.
pub trait Ledger: Send + Sync {
    /// Takes a place for a call if there is one, or says when to ask again.
    fn reserve(&self, user: &str, limits: &Limits, now: Micros) -> Result<Reservation>;

    /// Says how the call of a place has ended; a ticket that is unknown or settled is ignored.
    fn settle(&self, ticket: Ticket, now: Micros, verdict: Verdict) -> Result<()>;

    /// The server says: no call before `until`. An earlier instant than one said before changes
    /// nothing.
    fn close(&self, user: &str, until: Micros) -> Result<()>;

    /// What counts against the limits at this instant.
    fn usage(&self, user: &str, limits: &Limits, now: Micros) -> Result<Usage>;
}

/// The part of the API's limits that one client may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The windows for calls. All of them apply at the same time.
    pub calls: Vec<Window>,
    /// The limit for errors, if there is one.
    pub errors: Option<ErrorLimit>,
}

/// A limit of errors in any span of time of this length.
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
    /// A window is full; the earliest instant at which a call fits.
    At(Micros),
    /// Calls in flight (anybody's, also other processes') hold what is left of a window or of the
    /// error budget; ask again when one is answered, at the latest at the given instant.
    AfterAnswer(Micros),
    /// The error budget is spent down to its reserve, or the server closed the hour; nothing fits
    /// before this instant.
    Spent {
        /// The earliest instant at which a call fits.
        until: Micros,
        /// What is spent.
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

/// How a call has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// With an answer that the API does not count as an error.
    Good,
    /// With an answer that the API would count as an error, or with none that is known.
    Error,
    /// It never left the machine: the place is given back as if it had not been taken.
    Unsent,
}

/// What counts against the limits at one instant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// The number of calls in each window, in the order of [`Limits::calls`], including calls in
    /// flight.
    pub calls: Vec<u32>,
    /// The number of errors in their window. Calls in flight are not included.
    pub errors: u32,
    /// The calls in flight.
    pub in_flight: u32,
    /// Until when the server takes no calls, where it has said so and that is not over.
    pub closed_until: Option<Micros>,
}
