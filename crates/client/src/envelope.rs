//! What a response says about the call, apart from its data.

use std::{borrow::Cow, collections::HashMap};

use fortilake_auth::quotable;
use fortilake_models::json::{Reader, Text};
use serde::Deserialize;
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
        Some(Scan::of(text, |_| false)?.envelope(secrets))
    }

    fn of(raw: &Raw<'_>, secrets: &[&str]) -> Self {
        let (error, error_text) = raw.error.map_or((EnvelopeError::None, None), read_error);
        let message = error_text.or_else(|| raw.message.and_then(text_of));
        let line = |text: String| Some(quotable(&text, secrets)).filter(|line| !line.is_empty());
        Self {
            status: raw
                .status
                .map_or(Status::Absent, |status| read_status(status, secrets)),
            error,
            message: message.and_then(line),
            version: raw.version.and_then(text_of).and_then(line),
            content: raw.content,
        }
    }

    /// Whether the message says that nothing was found, such as `No product found`. The number of that
    /// error stands for other business rules too, and a text may report any failure.
    pub(crate) fn says_nothing_found(&self) -> bool {
        let text = self.message.as_deref().unwrap_or_default();
        let text = text.to_ascii_lowercase();
        let words: Vec<&str> = text
            .split(|letter: char| !letter.is_alphanumeric())
            .collect();
        let has = |word: &&str| words.contains(word);
        has(&"nothing")
            || text == "none"
            || (has(&"no") && SUBJECTS.iter().any(|subject| text.contains(subject)))
            || (has(&"not") && (text.contains("found") || text.contains("exist")))
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

/// The words that follow "no" in messages such as `No product found` or `No matching records`.
const SUBJECTS: [&str; 12] = [
    "found", "match", "record", "result", "data", "product", "asset", "account", "license",
    "contract", "folder", "unit",
];

/// What one pass over a response finds.
///
/// Answers are large, so everything that is needed before the rows are read is found at once.
pub(crate) struct Scan<'a> {
    raw: Raw<'a>,
    /// Where the names of secret members begin, in the order of the text.
    pub(crate) secrets: Vec<usize>,
}

impl<'a> Scan<'a> {
    /// Reads a text that is exactly one JSON object, however deeply it is nested.
    pub(crate) fn of(text: &'a str, is_secret: impl Fn(&str) -> bool) -> Option<Self> {
        let mut json = Reader::new(text);
        let mut secrets = Vec::new();
        let mut check = |name: Text<'_>| {
            let found = match name.plain() {
                Some(plain) => is_secret(plain),
                // A name that is not text, such as half a surrogate pair, can't be one of ours.
                None => name.value().is_ok_and(|value| is_secret(&value)),
            };
            if found {
                secrets.push(name.start());
            }
        };
        let mut raw = Raw::default();
        let mut members = json.open_object().ok()?;
        while let Some(name) = json.next_name(&mut members).ok()? {
            check(name);
            let value = json.skip_with(&mut check).ok()?;
            raw.add(&name.value().ok()?, value);
        }
        json.end().ok()?;
        Some(Self { raw, secrets })
    }

    pub(crate) fn envelope(&self, secrets: &[&str]) -> Envelope {
        Envelope::of(&self.raw, secrets)
    }

    /// The token in the response, if it is a text and there is only one.
    pub(crate) fn token(&self) -> Option<String> {
        let [token] = self.raw.tokens[..] else {
            return None;
        };
        serde_json::from_str(token.get()).ok()
    }
}

/// The envelope members in their original JSON text.
#[derive(Default)]
struct Raw<'a> {
    status: Option<&'a RawValue>,
    error: Option<&'a RawValue>,
    message: Option<&'a RawValue>,
    version: Option<&'a RawValue>,
    tokens: Vec<&'a RawValue>,
    content: Content,
}

impl<'a> Raw<'a> {
    fn add(&mut self, name: &str, value: &'a str) {
        let raw = || serde_json::from_str(value).ok();
        match name {
            "status" => self.status = raw(),
            "error" => self.error = raw(),
            "message" => self.message = raw(),
            "version" => self.version = raw(),
            _ => {
                self.content = self.content.max(content_of(value));
                if name == "token" {
                    self.tokens.extend(raw());
                }
            }
        }
    }
}

#[derive(Deserialize, PartialEq, Eq, Hash)]
pub(crate) struct Name<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

pub(crate) fn content_of(value: &str) -> Content {
    let inside = value.strip_prefix(['[', '{']).map(str::trim_ascii_start);
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
