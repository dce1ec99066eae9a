//! An answer, cleaned of secrets.

use fortilake_auth::{
    Token,
    models::is_secret,
    transport::{Response, bytes::Bytes},
};

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
}

/// An answer and what it means; there is a page where it was readable at all.
pub(crate) fn read(response: Response, token: Option<&Token>) -> (Class, Option<Page>) {
    let http = response.status.as_u16();
    let token = token.map(Token::expose).unwrap_or_default();
    let page = clean(response.body, token);
    let class = class::classify(http, page.as_ref().map(|page| &page.envelope));
    let page = page.map(|page| {
        // Whatever the API says, rows that are there are not nothing.
        let nothing_found = class == Class::Empty && page.envelope.content < Content::Some;
        Page {
            nothing_found,
            ..page
        }
    });
    (class, page)
}

/// Checks the encoding once, proves that it is JSON, and takes the secrets out.
fn clean(body: Bytes, token: &str) -> Option<Page> {
    let text = String::from_utf8(Vec::from(body)).ok()?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let envelope = Envelope::read(text, &[token])?;
    // The commands that are after a secret will say so here.
    let body = scrub::redact(scrub::remove(text, is_secret), token);
    Some(Page {
        body,
        envelope,
        nothing_found: false,
    })
}
