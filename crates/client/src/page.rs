//! An answer, cleaned of secrets.

use fortilake_auth::{Token, models::is_secret, transport::Response};

use crate::{
    Envelope,
    class::{self, Class},
    envelope::Content,
    scrub,
};

/// One answer of an endpoint.
#[derive(Debug, Clone)]
pub struct Page {
    /// The answer as it was received, less the secrets in it: exactly one JSON object.
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

    /// An answer that was kept as it came, without its HTTP status; nothing if it is no JSON object.
    pub fn saved(text: &str) -> Option<Self> {
        let kept = serde_json::from_str(text.trim_start_matches('\u{feff}')).ok();
        let token = kept.and_then(|Kept { token }| token).unwrap_or_default();
        let page = clean(text, &token)?;
        let class = class::classify(200, Some(&page.envelope));
        Some(page.judged(class))
    }

    /// Whether a saved answer tells of a failure instead of holding data.
    pub fn is_failure(&self) -> bool {
        let class = class::classify(200, Some(&self.envelope));
        // An object without members is an answer that was cut off, and without rows all the same.
        !matches!(class, Class::Success | Class::Empty | Class::Transient)
    }

    fn judged(self, class: Class) -> Self {
        // Whatever the API says, rows that are there are not nothing.
        let nothing_found = class == Class::Empty && self.envelope.content < Content::Some;
        Self {
            nothing_found,
            ..self
        }
    }
}

/// What an answer tells of the token it was asked with.
#[derive(serde::Deserialize)]
struct Kept {
    token: Option<String>,
}

/// An answer and what it means; there is a page where it was readable at all.
pub(crate) fn read(response: Response, token: Option<&Token>) -> (Class, Option<Page>) {
    let http = response.status.as_u16();
    let token = token.map(Token::expose).unwrap_or_default();
    let text = String::from_utf8(Vec::from(response.body)).ok();
    let page = text.and_then(|text| clean(&text, token));
    let class = class::classify(http, page.as_ref().map(|page| &page.envelope));
    (class, page.map(|page| page.judged(class)))
}

/// Proves that it is JSON, and takes the secrets out.
fn clean(text: &str, token: &str) -> Option<Page> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let envelope = Envelope::read(text, &[token])?;
    // The commands that are after a secret will say so here.
    let body = scrub::redact(scrub::remove(text, is_secret), token);
    Some(Page {
        body,
        envelope,
        nothing_found: false,
    })
}
