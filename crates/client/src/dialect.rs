//! Where the answers of each system say whether a call succeeded.

use std::{borrow::Cow, collections::HashMap};

use fortilake_auth::{FORTIAUTHENTICATOR, FORTIPORTAL, models::Endpoint, quotable};
use serde_json::value::RawValue;

use crate::{
    Envelope, Status,
    envelope::{Content, Name, content_of, number_of, text_of},
};

/// Where the answers of a system say how it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// In the body: one object with the members that all FortiCloud APIs share.
    FortiCloud,
    /// In the HTTP status, as FortiPortal and FortiAuthenticator do it.
    ///
    /// A body is an object or a list, and its members are data: a `status` that is a word is that
    /// of a token or a device. Only the `status` object of FortiPortal is about the call.
    Http,
}

type Members<'a> = HashMap<Name<'a>, &'a RawValue>;

impl Dialect {
    /// That of the system to which this endpoint belongs.
    pub(crate) fn of(endpoint: &Endpoint) -> Self {
        match endpoint.client_id {
            Some(FORTIPORTAL | FORTIAUTHENTICATOR) => Self::Http,
            _ => Self::FortiCloud,
        }
    }

    /// What an answer says about itself, if it is one that this system gives.
    pub(crate) fn envelope(self, http: u16, text: &str, secrets: &[&str]) -> Option<Envelope> {
        match self {
            Self::FortiCloud => Envelope::read(text, secrets),
            // A failure needs no body to be one.
            Self::Http => {
                by_http(http, text, secrets).or_else(|| (http >= 400).then(Envelope::default))
            }
        }
    }
}

fn by_http(http: u16, text: &str, secrets: &[&str]) -> Option<Envelope> {
    if text.trim_ascii().is_empty() {
        // These statuses may come without a body. Any other answer without one is truncated.
        return matches!(http, 201 | 202 | 204).then(|| Envelope {
            content: Content::Blank,
            ..Envelope::default()
        });
    }
    let body: &RawValue = serde_json::from_str(text).ok()?;
    if body.get().starts_with('[') {
        return Some(Envelope {
            content: content_of(body),
            ..Envelope::default()
        });
    }
    let members: Members<'_> = serde_json::from_str(body.get()).ok()?;
    let status = status(&members);
    let message = (http >= 400 || matches!(status, Status::Code(_)))
        .then(|| message(&members))
        .flatten();
    let contents = members.values().map(|value| content_of(value));
    Some(Envelope {
        status,
        message: message.map(|text| quotable(&text, secrets)),
        content: contents.max().unwrap_or_default(),
        ..Envelope::default()
    })
}

/// FortiPortal's number; 0 is success, and so is what HTTP calls one.
fn status(members: &Members<'_>) -> Status {
    let code = inside(members, "status", "code").and_then(number_of);
    match code {
        Some(0 | 200..=299) | None => Status::Absent,
        Some(code) => Status::Code(code),
    }
}

/// Both systems leave their error format undocumented. These are the conventions of their
/// frameworks.
fn message(members: &Members<'_>) -> Option<String> {
    let text = |name| member(members, name).and_then(text_of);
    inside(members, "status", "message")
        .and_then(text_of)
        .or_else(|| text("error_message"))
        .or_else(|| text("message"))
        .or_else(|| text("detail"))
        .or_else(|| text("error"))
        .or_else(|| inside(members, "error", "message").and_then(text_of))
}

fn member<'a>(members: &Members<'a>, name: &'a str) -> Option<&'a RawValue> {
    members.get(&Name(Cow::Borrowed(name))).copied()
}

fn inside<'a>(members: &Members<'a>, name: &'a str, inner: &'a str) -> Option<&'a RawValue> {
    let members = serde_json::from_str(member(members, name)?.get()).ok()?;
    member(&members, inner)
}

#[cfg(test)]
mod tests;
