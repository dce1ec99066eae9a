//! Where the responses of each system say whether a call succeeded.

use std::{borrow::Cow, collections::HashMap};

use fortilake_auth::quotable;
use fortilake_models::Dialect;
use serde_json::value::RawValue;

use crate::{
    Envelope, EnvelopeError, Status,
    envelope::{Content, Name, content_of, number_of, text_of},
};

type Members<'a> = HashMap<Name<'a>, &'a RawValue>;

/// What a response says about itself, if it is one that a system of this dialect sends.
pub(crate) fn envelope(
    dialect: Dialect,
    http: u16,
    text: &str,
    secrets: &[&str],
) -> Option<Envelope> {
    match dialect {
        Dialect::Body => Envelope::read(text, secrets),
        // A failure needs no body to be one.
        Dialect::Http => {
            by_http(http, text, secrets).or_else(|| (http >= 400).then(Envelope::default))
        }
    }
}

fn by_http(http: u16, text: &str, secrets: &[&str]) -> Option<Envelope> {
    if text.trim_ascii().is_empty() {
        // These statuses may come without a body. Any other response without one is truncated.
        return matches!(http, 201 | 202 | 204).then(|| Envelope {
            content: Content::Blank,
            ..Envelope::default()
        });
    }
    let body: &RawValue = serde_json::from_str(text).ok()?;
    if body.get().starts_with('[') {
        return Some(Envelope {
            content: content_of(body.get()),
            ..Envelope::default()
        });
    }
    let members: Members<'_> = serde_json::from_str(body.get()).ok()?;
    let status = status(&members);
    let complaint = inside(&members, "messages", "error").and_then(texts_of);
    let error = match complaint {
        Some(_) => EnvelopeError::Text,
        None => EnvelopeError::None,
    };
    let message = complaint.or_else(|| {
        (http >= 400 || matches!(status, Status::Code(_)))
            .then(|| message(&members))
            .flatten()
    });
    let contents = members.values().map(|value| content_of(value.get()));
    Some(Envelope {
        status,
        error,
        message: message.map(|text| quotable(&text, secrets)),
        content: contents.max().unwrap_or_default(),
        ..Envelope::default()
    })
}

/// Reads a string, or a list of strings.
///
/// FortiAuthenticator uses both, next to HTTP 200, for what it did not do.
fn texts_of(value: &RawValue) -> Option<String> {
    let texts: Vec<String> = serde_json::from_str(value.get()).unwrap_or_default();
    let listed = Some(texts.join(", ")).filter(|text| !text.trim().is_empty());
    text_of(value).or(listed)
}

/// FortiPortal's status number. 0 means success, and so does any number with an HTTP success
/// status.
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
        .or_else(|| complaints(members))
}

/// What is wrong with each argument: FortiAuthenticator gives a list of texts for each.
fn complaints(members: &Members<'_>) -> Option<String> {
    let complaints = members.iter().filter_map(|(Name(name), value)| {
        let texts: Vec<String> = serde_json::from_str(value.get()).ok()?;
        let texts: Vec<_> = texts
            .iter()
            .map(|text| text.trim_end_matches('.'))
            .collect();
        (!texts.is_empty()).then(|| format!("{name}: {}", texts.join(", ")))
    });
    let mut complaints: Vec<_> = complaints.collect();
    complaints.sort();
    Some(complaints.join("; ")).filter(|text| !text.is_empty())
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
