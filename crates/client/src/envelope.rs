//! What a response says about the call, apart from its data.

use std::{borrow::Cow, collections::HashMap, fmt};

use fortilake_auth::quotable;
use serde::{
    Deserialize, Deserializer as _,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// The members that the responses of all FortiCloud APIs share.
///
/// FortiPortal and FortiAuthenticator only have a message if something failed, and FortiPortal also
/// a number.
///
/// Services differ in what they send, by service and by age, so every member is optional. Texts are
/// shortened to one line, with the token redacted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Envelope {
    /// Whether the call succeeded, as far as the response says.
    pub status: Status,
    /// The error that the response reports, if any.
    pub error: EnvelopeError,
    /// The error's message if there is one, otherwise the general message.
    pub message: Option<String>,
    /// The version of the API that answered.
    pub version: Option<String>,
    /// What the response contains besides these members.
    pub(crate) content: Content,
}

/// The member `status`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// Missing or null.
    #[default]
    Absent,
    /// A number, possibly written as a string. 0 means success.
    Number(i64),
    /// A word, such as `success` from the token server.
    Word(String),
    /// The number of a failure inside an object, as in FortiPortal.
    Code(i64),
    /// Anything that is not a status of the FortiCloud APIs.
    Other,
}

/// The member `error`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// Missing, null or blank.
    #[default]
    None,
    /// An error without a number.
    Text,
    /// An error with this number.
    Code(i64),
}

/// What a response contains besides the envelope.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Content {
    /// No other members.
    #[default]
    None,
    /// Only members that are null, empty, or single values.
    Blank,
    /// At least one list or object that is not empty.
    Some,
}

impl Envelope {
    /// Reads a text that is exactly one JSON object, however deeply it is nested.
    pub(crate) fn read(text: &str, secrets: &[&str]) -> Option<Self> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let raw = deserializer.deserialize_map(RawVisitor).ok()?;
        deserializer.end().ok()?;
        let (error, error_text) = raw.error.map_or((EnvelopeError::None, None), read_error);
        let message = error_text.or_else(|| raw.message.and_then(text_of));
        let line = |text: String| Some(quotable(&text, secrets)).filter(|line| !line.is_empty());
        Some(Self {
            status: raw
                .status
                .map_or(Status::Absent, |status| read_status(status, secrets)),
            error,
            message: message.and_then(line),
            version: raw.version.and_then(text_of).and_then(line),
            content: raw.content,
        })
    }

    /// Whether the message says that the token is missing or invalid, whatever the error number is.
    pub(crate) fn refuses_token(&self) -> bool {
        if self.status == Status::Number(0) {
            return false;
        }
        let text = self.message.as_deref().unwrap_or_default();
        let text = text.to_ascii_lowercase();
        // Other known errors have their own texts, which may mention a token without refusing it.
        let known = matches!(self.error, EnvelopeError::Code(code) if code != 201);
        text.starts_with("please provide token")
            || text.starts_with("invalid security token")
            || (!known && TOKEN_REFUSALS.iter().any(|refusal| text.contains(refusal)))
    }
}

/// The messages by which services refuse a token. One service sends them without an error number.
const TOKEN_REFUSALS: [&str; 10] = [
    "invalid security token",
    "security token is invalid",
    "security token has expired",
    "security token expired",
    "invalid access token",
    "access token expired",
    "access token has expired",
    "invalid_token",
    "token is invalid",
    "token has expired",
];

/// The envelope members in their original JSON text.
#[derive(Default)]
struct Raw<'a> {
    status: Option<&'a RawValue>,
    error: Option<&'a RawValue>,
    message: Option<&'a RawValue>,
    version: Option<&'a RawValue>,
    content: Content,
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw<'de>, A::Error> {
        let mut raw = Raw::default();
        while let Some(name) = map.next_key::<Name<'de>>()? {
            let value: &RawValue = map.next_value()?;
            match &*name.0 {
                "status" => raw.status = Some(value),
                "error" => raw.error = Some(value),
                "message" => raw.message = Some(value),
                "version" => raw.version = Some(value),
                _ => raw.content = raw.content.max(content_of(value)),
            }
        }
        Ok(raw)
    }
}

#[derive(Deserialize, PartialEq, Eq, Hash)]
pub(crate) struct Name<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

pub(crate) fn content_of(value: &RawValue) -> Content {
    let inside = value
        .get()
        .strip_prefix(['[', '{'])
        .map(str::trim_ascii_start);
    match inside {
        Some(inside) if !inside.starts_with([']', '}']) => Content::Some,
        _ => Content::Blank,
    }
}

fn read_status(value: &RawValue, secrets: &[&str]) -> Status {
    match (number_of(value), text_of(value), value.get()) {
        (Some(number), ..) => Status::Number(number),
        (_, Some(word), _) => Status::Word(quotable(&word, secrets)),
        (_, _, "null") => Status::Absent,
        _ => Status::Other,
    }
}

/// Reads `error`. Its description says that it is a string, but real responses contain an object or
/// null.
fn read_error(value: &RawValue) -> (EnvelopeError, Option<String>) {
    if let Ok(members) = serde_json::from_str::<HashMap<Name<'_>, &RawValue>>(value.get()) {
        let member = |name| members.get(&Name(Cow::Borrowed(name))).copied();
        let message = member("message").and_then(text_of);
        let error = match member("errorCode").and_then(number_of) {
            Some(code) if code != 0 => EnvelopeError::Code(code),
            _ if message.is_none() => EnvelopeError::None,
            _ => EnvelopeError::Text,
        };
        return (error, message);
    }
    match text_of(value) {
        Some(text) => (EnvelopeError::Text, Some(text)),
        None => (EnvelopeError::None, None),
    }
}

/// Reads an integer, which may be written as a string.
pub(crate) fn number_of(value: &RawValue) -> Option<i64> {
    text_of(value)
        .as_deref()
        .unwrap_or(value.get())
        .trim()
        .parse()
        .ok()
}

/// Reads a string, unless it is blank.
pub(crate) fn text_of(value: &RawValue) -> Option<String> {
    serde_json::from_str::<String>(value.get())
        .ok()
        .filter(|text| !text.trim().is_empty())
}

#[cfg(test)]
mod tests;
