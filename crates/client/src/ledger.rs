//! Who has called when: the contract between the client and whatever keeps the record.
//!
//! A sliding-window log rather than a token bucket: whatever windows the server counts in,
//! none of them ever holds more calls than allowed.
//! The server counts a call at some instant between sending it and receiving its answer.
//! So a call holds its place from its reservation until a window's length, and [`MARGIN`],
//! after its answer, which covers both ends.

use std::time::Duration;

use crate::{Result, Window};
pub use fortilake_auth::{Clock, Micros};

mod memory;

pub use self::memory::MemoryLedger;

/// What a window is longer for us than for the server, whose clock is not ours.
///
/// It covers clocks that disagree by 28 parts in a million over an hour.
pub const MARGIN: Duration = Duration::from_millis(100);

/// Keeps the calls and errors of API users, for everyone who calls in their name.
///
/// For each window, a call is granted only while the calls in flight and those answered at a time
/// `t` with `t + per + MARGIN > now` are together fewer than `max`.
/// For errors, those that happened at such a `t`, the calls in flight and this call must together
/// be no more than `max - reserve`: every call in flight may turn out to be an error.
///
/// A call of a process that has died counts as answered when that is noticed. Nobody knows how it
/// ended: it counts as an error too if the user has had an error within the hour before, and
/// otherwise not, because a crash would else cost an hour's pause.
/// A clock that steps back frees no place early: an implementation takes for now the later of
/// `now` and the latest instant that it has ever recorded for the user.
/// Every method may block for as long as a file takes, and no longer.
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

/// What one client may use of what the API allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The windows of calls, all of which hold at once.
    pub calls: Vec<Window>,
    /// The limit of errors.
    pub errors: Option<ErrorLimit>,
}

/// A limit of errors in any span of time of this length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorLimit {
    /// How many errors the API allows.
    pub max: u32,
    /// In which span of time.
    pub per: Duration,
    /// How many of them are never spent.
    pub reserve: u32,
}

impl ErrorLimit {
    /// How many errors may be spent.
    pub fn usable(&self) -> u32 {
        self.max.saturating_sub(self.reserve)
    }
}

/// One place in the ledger; it is given back with [`Ledger::settle`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub i64);

/// Whether a call may go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reservation {
    /// Now.
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

/// What is spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spent {
    /// The budget of errors, down to its reserve.
    Errors,
    /// The server's patience: it has said when it takes calls again.
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
    /// The calls in each window, in the order of [`Limits::calls`], those in flight included.
    pub calls: Vec<u32>,
    /// The errors in their window, without the calls in flight.
    pub errors: u32,
    /// The calls in flight.
    pub in_flight: u32,
    /// Until when the server takes no calls, where it has said so and that is not over.
    pub closed_until: Option<Micros>,
}
