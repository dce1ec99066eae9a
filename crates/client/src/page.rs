//! A response with its secrets removed.

use fortilake_auth::Token;
use fortilake_models::{self as models, Dialect, Endpoint};
use fortilake_transport::Response;
use serde_json::Value;

use crate::{
    Envelope,
    class::{self, Class},
    dialect,
    envelope::{Content, Scan},
    request::{self, Call, SecretHandling},
    scrub::{self, SecretNames},
};

/// The response of an endpoint.
#[derive(Debug, Clone)]
pub struct Page {
    /// The response as received, except for its secrets: exactly one JSON text.
    ///
    /// From FortiCloud, it is always an object. The other systems also answer with lists, and
    /// without a body, which is stored as `{}`.
    pub body: String,
    /// What the response says about the call.
    pub envelope: Envelope,
    nothing_found: bool,
}

impl Page {
    /// Whether the API says explicitly that there is nothing.
    ///
    /// An empty list is not enough: the rest of the page has to be examined before that counts as
    /// proof.
    pub fn is_empty_result(&self) -> bool {
        self.nothing_found
    }

    /// Reads a saved response of this endpoint, without its HTTP status. Returns `None` if the text
    /// is not a response of the endpoint's system.
    pub fn saved(endpoint: &Endpoint, text: &str) -> Option<Self> {
        let text = models::legal_json(text.trim_start_matches('\u{feff}'));
        let text = &*text;
        let scan = scan(endpoint, endpoint.dialect, text);
        let token = match &scan {
            Some(scan) => scan.token(),
            None => serde_json::from_str(text)
                .ok()
                .and_then(|TokenMember { token }| token),
        };
        let token = token.unwrap_or_default();
        let envelope_without = |secrets: &[&str]| match &scan {
            Some(scan) => Some(scan.envelope(secrets)),
            None => dialect::envelope(endpoint.dialect, 200, text, secrets),
        };
        let envelope = envelope_without(&[&token])?;
        let class = class::classify(200, Some(&envelope));
        if matches!(class, Class::Success | Class::Empty) {
            let text = clean(endpoint, text, scan.as_ref(), &[&token]);
            return Some(Self::new(text, envelope, class));
        }
        // The message of a failure may repeat the value of a secret member.
        let mut secrets = secrets_in(endpoint, text);
        secrets.push(token);
        let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
        let envelope = envelope_without(&secrets)?;
        let text = clean(endpoint, text, scan.as_ref(), &secrets);
        Some(Self::new(text, envelope, class))
    }

    /// Whether a saved response reports a failure instead of containing data.
    pub fn is_failure(&self) -> bool {
        let class = class::classify(200, Some(&self.envelope));
        // An object without members is a truncated response, but it is not a failure that the API
        // reports.
        !matches!(class, Class::Success | Class::Empty | Class::Transient)
    }

    fn new(body: String, envelope: Envelope, class: Class) -> Self {
        // If there are rows, the response is not empty, whatever the API says.
        let nothing_found = class == Class::Empty && envelope.content < Content::Some;
        Self {
            body,
            envelope,
            nothing_found,
        }
    }
}

/// What a response says about the token it was requested with.
#[derive(serde::Deserialize)]
struct TokenMember {
    token: Option<String>,
}

/// Reads and classifies a response. There is a page only if the response is readable.
pub(crate) fn read(
    call: &Call,
    dialect: Dialect,
    response: &Response,
    token: Option<&Token>,
    credentials: &[String],
) -> (Class, Option<Page>) {
    let http = response.status.as_u16();
    // A single invalid byte must not cost the whole page, so it is replaced.
    let text = models::json_text(&response.body);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let token = token.map(Token::expose).unwrap_or_default();
    let sent = call.secrets.iter().map(String::as_str);
    let secrets: Vec<&str> = sent.chain([token]).collect();
    // A password may be a common word, so it is redacted from messages but not from data.
    let unsaid: Vec<&str> = credentials
        .iter()
        .map(String::as_str)
        .chain(secrets.iter().copied())
        .collect();
    let scan = scan(call.endpoint, dialect, text);
    let envelope = match &scan {
        Some(scan) => Some(scan.envelope(&unsaid)),
        None => dialect::envelope(dialect, http, text, &unsaid),
    };
    let class = class::classify(http, envelope.as_ref());
    let wanted =
        call.keep == SecretHandling::Secrets && matches!(class, Class::Success | Class::Empty);
    let page = envelope.map(|envelope| {
        let body = match text.trim_ascii() {
            "" => "{}".to_owned(),
            _ if wanted => without_token(text, token),
            _ if !matches!(class, Class::Success | Class::Empty) => {
                clean(call.endpoint, text, scan.as_ref(), &unsaid)
            }
            _ => clean(call.endpoint, text, scan.as_ref(), &secrets),
        };
        Page::new(body, envelope, class)
    });
    (class, page)
}

/// Returns the values of the response's secret members.
fn secrets_in(endpoint: &Endpoint, text: &str) -> Vec<String> {
    let body: Value = serde_json::from_str(text).unwrap_or_default();
    request::secrets(endpoint, [(&String::new(), &body)].into_iter().collect())
}

/// Reads a response whose envelope is in its body. `None` for any other response or text.
fn scan<'t>(endpoint: &Endpoint, dialect: Dialect, text: &'t str) -> Option<Scan<'t>> {
    let secrets = SecretNames::of(endpoint);
    (dialect == Dialect::Body)
        .then(|| Scan::of(text, |name| secrets.contains(name)))
        .flatten()
}

/// Removes everything that is secret, by member name and by value.
fn clean(endpoint: &Endpoint, text: &str, scan: Option<&Scan<'_>>, secrets: &[&str]) -> String {
    let text = match scan {
        Some(scan) => scrub::cut(text, &scan.secrets),
        None => scrub::remove(text, |name| endpoint.is_secret(name)),
    };
    secrets
        .iter()
        .fold(text, |text, secret| scrub::redact(text, secret))
}

/// Removes only the caller's own token, for callers that asked for the secrets in a response.
fn without_token(text: &str, token: &str) -> String {
    if token.is_empty() {
        // Without a token in the request, the response may itself be a token.
        return text.to_owned();
    }
    let text = scrub::remove(text, |name| name.eq_ignore_ascii_case("token"));
    scrub::redact(text, token)
}
