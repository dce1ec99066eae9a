//! Removes secrets from a response before anything else sees it.
//!
//! Every response of the API repeats the caller's token, and some contain license files or keys.
//! They are cut out of the text itself instead of parsing and printing it again, so that every
//! other byte stays as received, including number formats and the order of members.
//!
//! The text has already been validated as JSON. Nothing in this module recurses, so deep nesting
//! can't overflow the stack.

use std::borrow::Cow;

use fortilake_models::{Endpoint, generated::SECRETS};

/// The replacement for a token inside a string.
const REDACTED: &str = "[redacted]";

/// Shorter texts are not redacted: they are too weak to be secrets, and would match all over the
/// data.
pub(crate) const SHORTEST_SECRET: usize = 8;

/// The names of the secret members of an endpoint's responses.
pub(crate) struct SecretNames<'e> {
    endpoint: &'e Endpoint,
    /// The bits of all secret names. Nearly all other names have another bit, which saves comparing
    /// each of them with all secret ones.
    bits: u64,
}

impl<'e> SecretNames<'e> {
    pub(crate) fn of(endpoint: &'e Endpoint) -> Self {
        let names = SECRETS.iter().chain(endpoint.secrets);
        let bits = names.fold(0, |bits, name| bits | bit(name));
        Self { endpoint, bits }
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.bits & bit(name) != 0 && self.endpoint.is_secret(name)
    }
}

/// One of 64 bits, by the length and the first letter of a name. Case does not matter.
fn bit(name: &str) -> u64 {
    let first = name.bytes().next().unwrap_or_default().to_ascii_lowercase();
    1 << ((name.len() ^ usize::from(first)) % 64)
}

/// Removes all members whose names are secret, at any depth.
pub(crate) fn remove(text: &str, is_secret: impl Fn(&str) -> bool) -> String {
    let bytes = text.as_bytes();
    let mut secrets = Vec::new();
    let mut at = 0;
    while let Some((start, end)) = next_string(bytes, at) {
        at = end;
        let colon = skip_blanks(bytes, end);
        if bytes.get(colon) == Some(&b':') && is_secret(&name(&text[start..end])) {
            secrets.push(start);
        }
    }
    cut(text, &secrets)
}

/// Removes the members whose names begin at these positions, in the order of the text.
pub(crate) fn cut(text: &str, members: &[usize]) -> String {
    let bytes = text.as_bytes();
    let mut kept = String::with_capacity(text.len());
    let mut seen = 0;
    for &start in members {
        // A member inside of one that was removed is gone already.
        if start < seen {
            continue;
        }
        kept.push_str(&text[seen..start]);
        let colon = skip_blanks(bytes, skip_string(bytes, start));
        seen = skip_value(bytes, skip_blanks(bytes, colon + 1));
        let comma = skip_blanks(bytes, seen);
        if bytes.get(comma) == Some(&b',') {
            seen = comma + 1;
        } else {
            // If the last member is removed, the comma before it has to go too.
            let before = kept.trim_ascii_end();
            let before = before.strip_suffix(',').unwrap_or(before).len();
            kept.truncate(before);
        }
    }
    kept.push_str(&text[seen..]);
    kept
}

/// Replaces a secret, such as a token, wherever it occurs in a string.
pub(crate) fn redact(text: String, token: &str) -> String {
    // Some servers escape a slash as `\/`.
    let escaped = token.replace('/', r"\/");
    let found = |text: &str| {
        text.contains(token) || (escaped.len() != token.len() && text.contains(&escaped))
    };
    // A token occurs in every response, but most other secrets in none. Checking first saves
    // copying the text.
    if token.len() < SHORTEST_SECRET || !found(&text) {
        return text;
    }
    let mut kept = String::with_capacity(text.len());
    let mut seen = 0;
    while let Some((start, end)) = next_string(text.as_bytes(), seen) {
        kept.push_str(&text[seen..start]);
        kept.push_str(
            &text[start..end]
                .replace(token, REDACTED)
                .replace(&escaped, REDACTED),
        );
        seen = end;
    }
    kept.push_str(&text[seen..]);
    kept
}

/// Returns the name that a JSON key stands for, with its escapes resolved.
fn name(quoted: &str) -> Cow<'_, str> {
    let plain = quoted.trim_matches('"');
    if !plain.contains('\\') {
        return Cow::Borrowed(plain);
    }
    // An invalid key, such as half a surrogate pair, can't be one of our names.
    serde_json::from_str(quoted).map_or(Cow::Borrowed(plain), Cow::Owned)
}

/// Returns where the next string starts and ends, including its quotes.
fn next_string(bytes: &[u8], from: usize) -> Option<(usize, usize)> {
    let start = from + bytes.get(from..)?.iter().position(|&byte| byte == b'"')?;
    Some((start, skip_string(bytes, start)))
}

/// Returns the position after the string that starts here.
fn skip_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    loop {
        match bytes.get(at) {
            Some(b'"') => return at + 1,
            Some(b'\\') => at += 2,
            Some(_) => at += 1,
            None => return bytes.len(),
        }
    }
}

/// Returns the position after the value that starts here.
fn skip_value(bytes: &[u8], start: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = start;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at = skip_string(bytes, at);
                if depth == 0 {
                    return at;
                }
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' | b',' | b' ' | b'\t' | b'\n' | b'\r' if depth == 0 => return at,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    at
}

fn skip_blanks(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    from + rest
        .iter()
        .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
        .count()
}

#[cfg(test)]
mod tests;
