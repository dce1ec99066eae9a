//! Scope ids.

use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

/// One endpoint of one source, asked about one subject: `acme/products.list/account=1001`.
///
/// The id says what was asked, but not how: search patterns, page sizes and retries are not part of it. So a scope has
/// the same id in every crawl of the same configuration, and a destination can use the id to find the rows that a later
/// crawl replaces.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ScopeId {
    /// The source's name in the configuration.
    pub source: String,
    /// The endpoint, such as `products/list`.
    pub endpoint: String,
    /// What the endpoint was asked about, such as `account=1001`; empty if the endpoint takes no such argument.
    pub subject: String,
}

impl ScopeId {
    /// The scope of the table `coverage`.
    ///
    /// It is complete in every outcome and is delivered last, because its rows describe all other scopes.
    pub fn report() -> Self {
        Self {
            source: String::new(),
            endpoint: "report".to_owned(),
            subject: String::new(),
        }
    }

    /// The id as text for URLs and headers. It contains only `A-Z a-z 0-9 _ . = % /`.
    ///
    /// Different scopes never have the same text. Source, endpoint and subject are separated by `/`, which appears
    /// nowhere else: a `/` in the endpoint becomes `.`, and other characters that are not allowed are percent-encoded.
    pub fn text(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.source, |byte| byte == b'.');
        text.push('/');
        for (position, part) in self.endpoint.split('/').enumerate() {
            if position > 0 {
                text.push('.');
            }
            encode(&mut text, part, |_| false);
        }
        text.push('/');
        encode(&mut text, &self.subject, |byte| matches!(byte, b'.' | b'='));
        text
    }

    /// The number in a subject `name=number`. For `account=1001`, `subject_number("account")` is 1001.
    pub fn subject_number(&self, name: &str) -> Option<i64> {
        let (found, number) = self.subject.split_once('=')?;
        (found == name).then(|| number.parse().ok()).flatten()
    }
}

impl fmt::Display for ScopeId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text())
    }
}

/// Appends a part, percent-encoded.
///
/// Other programs compare ids by their text, so the encoded characters are defined here. A library could change its
/// sets of characters.
fn encode(text: &mut String, part: &str, is_allowed: impl Fn(u8) -> bool) {
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'_' || is_allowed(byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
}
