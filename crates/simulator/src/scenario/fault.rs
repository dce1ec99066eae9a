//! Faults: which calls they affect, and what happens to them.

use std::time::Duration;

use jiff::fmt::serde::unsigned_duration::friendly::compact::required as duration;
use serde::{Deserialize, Serialize};

/// A fault, and the calls that it affects.
///
/// A call must satisfy every matcher that is set. A fault without matchers affects every call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The path of the call must end with this text, ignoring case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The call must have this `accountId`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<i64>,
    /// The call must have this `pageNumber`. A call without one asks for the first page, as do
    /// calls of systems that page by rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<u64>,
    /// Only the matching call with this number, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nth: Option<u64>,
    /// Every matching call whose number is a multiple of this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<u64>,
    /// The probability for each matching call, from 0 to 1. Whether it happens depends on the seed,
    /// the call, and how often that call was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// The maximum number of times that the fault happens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// The maximum number of times for calls with the same path and arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times_per_call: Option<u64>,
    /// What happens to the call.
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
        /// The body. It is sent as plain text unless it starts with `{`.
        #[serde(default)]
        body: String,
        /// The value of a `Retry-After` header.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<String>,
    },
    /// Answers with a status in the service's own envelope. `FortiAuthenticator` has no envelope,
    /// so it only answers with the text.
    Status {
        /// The `status` of the envelope.
        status: i64,
        /// The `error.errorCode`. Without it, `error` is a text.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<i64>,
        /// The text of the error.
        #[serde(default)]
        message: String,
        /// The HTTP status.
        #[serde(default = "bad_request")]
        http: u16,
    },
    /// Closes the connection without a response.
    Reset,
    /// Gives the correct response, but closes the connection in the middle of the body.
    CutBody,
    /// Answers with an HTML page.
    Html {
        /// The HTTP status.
        #[serde(default = "ok")]
        status: u16,
    },
    /// Gives the correct response, but later.
    Delay {
        /// How much later.
        #[serde(with = "duration")]
        by: Duration,
    },
    /// Never answers.
    Silence,
    /// Answers as to a user without permission: error 202, or HTTP 403 from the other systems.
    Refuse,
    /// The system forgets all tokens before it answers, so the call's token is unknown. Keys stay
    /// valid.
    RevokeTokens,
    /// Answers `products/list`, or a list of another system, with the first page instead of the
    /// requested one.
    RepeatPage,
    /// Leaves out the last rows of a page of `products/list`, or of a list of another system.
    DropRows {
        /// How many rows.
        rows: usize,
    },
    /// Removes the account's first product, permanently, before the call is answered.
    Vanish,
    /// Adds a product to the front of the account's list, permanently, before the call is answered.
    Appear,
    /// Reports a wrong number of pages in `products/list`.
    TotalPages {
        /// The reported number of pages.
        total_pages: u64,
    },
    /// Gives the correct response, but renames one of its members.
    RenameMember {
        /// The correct name.
        from: String,
        /// The new name.
        to: String,
    },
    /// Gives the correct response, but changes the value of one member.
    SetMember {
        /// The name of the member.
        member: String,
        /// Its new value, as JSON. Without one, the member is left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<String>,
    },
    /// Gives the correct response, but replaces a text in its body.
    Replace {
        /// The text to replace.
        find: String,
        /// The replacement.
        #[serde(default)]
        with: String,
        /// The replacement as bytes, which don't have to be valid UTF-8.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        bytes: Vec<u8>,
        /// Whether only the first occurrence is replaced.
        #[serde(default)]
        once: bool,
    },
    /// Gives the correct response, but with this HTTP status.
    HttpStatus {
        /// The HTTP status.
        status: u16,
    },
    /// Answers with a body that consists only of `[`.
    Flood {
        /// The length of the body in bytes. On a port, it is sent without being held in memory.
        bytes: u64,
    },
    /// Answers with a redirect.
    Redirect {
        /// The HTTP status.
        status: u16,
        /// The value of the `Location` header.
        location: String,
    },
}

fn bad_request() -> u16 {
    400
}

fn ok() -> u16 {
    200
}
