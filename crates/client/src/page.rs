//! An answer, cleaned of secrets.

use fortilake_auth::{Token, models::Endpoint, transport::Response};

use crate::{
    Envelope,
    class::{self, Class},
    dialect::Dialect,
    envelope::Content,
    request::{Call, Keep},
    scrub,
};

/// One answer of an endpoint.
#[derive(Debug, Clone)]
pub struct Page {
    /// The answer as it was received, less the secrets in it: exactly one JSON text.
    ///
    /// For FortiCloud it is an object; the other systems have lists as well, and answers without a
    /// body, which are `{}` here.
    pub body: String,
    /// What the answer says about itself.
    pub envelope: Envelope,
    nothing_found: bool,
}

impl Page {
    /// Whether the API says in so many words that there is nothing.
    ///
    /// A list that is merely empty does not count: what else its page says has to be looked at.
    pub fn is_empty_result(&self) -> bool {
        self.nothing_found
    }

    /// An answer of this endpoint that was kept as it came, without its HTTP status; nothing if it
    /// is no answer that the endpoint's system gives.
    pub fn saved(endpoint: &Endpoint, text: &str) -> Option<Self> {
        let text = text.trim_start_matches('\u{feff}');
        let kept = serde_json::from_str(text).ok();
        let token = kept.and_then(|Kept { token }| token).unwrap_or_default();
        let envelope = Dialect::of(endpoint).envelope(200, text, &[&token])?;
        let class = class::classify(200, Some(&envelope));
        let text = scrub::remove(text, |name| endpoint.is_secret(name));
        Some(Self::new(scrub::redact(text, &token), envelope, class))
    }

    /// Whether a saved answer tells of a failure instead of holding data.
    pub fn is_failure(&self) -> bool {
        let class = class::classify(200, Some(&self.envelope));
        // An object without members is an answer that was cut off, and without rows all the same.
        !matches!(class, Class::Success | Class::Empty | Class::Transient)
    }

    fn new(body: String, envelope: Envelope, class: Class) -> Self {
        // Whatever the API says, rows that are there are not nothing.
        let nothing_found = class == Class::Empty && envelope.content < Content::Some;
        Self {
            body,
            envelope,
            nothing_found,
        }
    }
}

/// What an answer tells of the token it was asked with.
#[derive(serde::Deserialize)]
struct Kept {
    token: Option<String>,
}

/// An answer and what it means; there is a page where it was readable at all.
pub(crate) fn read(
    call: &Call,
    dialect: Dialect,
    response: Response,
    token: Option<&Token>,
) -> (Class, Option<Page>) {
    let http = response.status.as_u16();
    let text = String::from_utf8(Vec::from(response.body)).unwrap_or_default();
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let token = token.map(Token::expose).unwrap_or_default();
    let sent = call.secrets.iter().map(String::as_str);
    let secrets: Vec<&str> = sent.chain([token]).collect();
    let envelope = dialect.envelope(http, text, &secrets);
    let class = class::classify(http, envelope.as_ref());
    let wanted = call.keep == Keep::Secrets && matches!(class, Class::Success | Class::Empty);
    let page = envelope.map(|envelope| {
        let body = match text.trim_ascii() {
            "" => "{}".to_owned(),
            _ if wanted => without_token(text, token),
            _ => clean(call.endpoint, text, &secrets),
        };
        Page::new(body, envelope, class)
    });
    (class, page)
}

/// Takes out all that is secret, by its name and by its value.
fn clean(endpoint: &Endpoint, text: &str, secrets: &[&str]) -> String {
    let text = scrub::remove(text, |name| endpoint.is_secret(name));
    secrets
        .iter()
        .fold(text, |text, secret| scrub::redact(text, secret))
}

/// Takes out the caller's own token alone, for those who are after the secrets of an answer.
fn without_token(text: &str, token: &str) -> String {
    if token.is_empty() {
        // Without one the answer may be a token itself.
        return text.to_owned();
    }
    let text = scrub::remove(text, |name| name.eq_ignore_ascii_case("token"));
    scrub::redact(text, token)
}
