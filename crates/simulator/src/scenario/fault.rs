//! Faults: which calls they hit and what they do.

use std::time::Duration;

use jiff::fmt::serde::unsigned_duration::friendly::compact::required as duration;
use serde::{Deserialize, Serialize};

/// Something that goes wrong with the calls that it matches.
///
/// A call must satisfy every matcher that is present; a fault without any hits every call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The call's path ends so, in any case of letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The call's `accountId`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<i64>,
    /// The call's `pageNumber`; a call without one asks for the first page, and so does one of a system that counts rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<u64>,
    /// Of the matching calls the one with this number, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nth: Option<u64>,
    /// Of the matching calls each one with a multiple of this number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<u64>,
    /// The chance of each matching call, from 0 to 1; it follows from the seed, the call and how often that call was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// How often the fault happens at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// How often it happens at most to calls with the same path and arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times_per_call: Option<u64>,
    /// What happens.
    pub action: Action,
}

/// What a fault does to a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Action {
    /// Answers with an HTTP status.
    Http {
        /// The HTTP status.
        status: u16,
        /// The body; plain text unless it starts with `{`.
        #[serde(default)]
        body: String,
        /// The text of a `Retry-After` header.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<String>,
    },
    /// Answers with a status in the service's own envelope; `FortiAuthenticator` has none and answers the text alone.
    Status {
        /// The envelope's `status`.
        status: i64,
        /// `error.errorCode`; without it, the error is a text.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<i64>,
        /// The error's text.
        #[serde(default)]
        message: String,
        /// The HTTP status.
        #[serde(default = "bad_request")]
        http: u16,
    },
    /// Closes the connection without an answer.
    Reset,
    /// Answers rightly, but the connection ends in the middle of the body.
    CutBody,
    /// Answers with a page for people.
    Html {
        /// The HTTP status.
        #[serde(default = "ok")]
        status: u16,
    },
    /// Answers rightly, but later.
    Delay {
        /// By how much.
        #[serde(with = "duration")]
        by: Duration,
    },
    /// Never answers.
    Silence,
    /// Answers as to a user without permission: error 202, or HTTP 403 from the other systems.
    Refuse,
    /// The called system forgets every token, then answers as to any call with a token that it does not know; keys stay.
    RevokeTokens,
    /// Answers `products/list`, or a list of another system, with the first page, whichever was asked for.
    RepeatPage,
    /// Leaves out the last rows of a page of `products/list`, or of a list of another system.
    DropRows {
        /// How many.
        rows: usize,
    },
    /// The account's first product vanishes before the call is answered, and stays away.
    Vanish,
    /// A product appears at the front of the account's list before the call is answered, and stays.
    Appear,
    /// States another number of pages in `products/list`.
    TotalPages {
        /// The number stated.
        total_pages: u64,
    },
    /// Answers with a body of nothing but `[`.
    Flood {
        /// Its length; on a port it is sent without being held in memory.
        bytes: u64,
    },
    /// Redirects elsewhere.
    Redirect {
        /// The HTTP status.
        status: u16,
        /// The `Location`.
        location: String,
    },
}

fn bad_request() -> u16 {
    400
}

fn ok() -> u16 {
    200
}
