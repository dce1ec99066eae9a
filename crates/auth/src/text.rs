//! Makes text from servers safe to show in our messages.

use std::fmt::Write as _;

use fortilake_transport::url::form_urlencoded;

/// How many characters of a server's text are quoted.
const MAX_CHARS: usize = 200;

/// The replacement for a secret.
const REDACTED: &str = "[redacted]";

/// Turns a server's text into one short line, with `secrets` redacted and no trailing full stop.
///
/// Servers repeat what they were sent, so their messages may contain the password or the token.
pub fn quotable(text: &str, secrets: &[&str]) -> String {
    let mut text = text.to_owned();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        text = text.replace(secret, REDACTED);
        // A server that echoes the request may echo it URL-encoded, as a form.
        let encoded: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        text = text.replace(&encoded, REDACTED);
    }
    let plain = text.replace(is_unprintable, " ");
    let line = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = line.trim_end_matches(['.', ' ']);
    match line.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

/// Replaces characters that would control a terminal, or hide or reorder text, by spaces.
pub fn printable(text: &str) -> String {
    text.replace(is_unprintable, " ")
}

/// Escapes characters in a JSON text that would control a terminal, or hide or reorder text.
///
/// The result means the same JSON: outside of strings, JSON allows no such characters except line
/// breaks and tabs, which stay.
pub fn printable_json(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\n' | '\r' | '\t') || !is_unprintable(c) {
            escaped.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a string does not fail.
            let _ = write!(escaped, "\\u{unit:04x}");
        }
    }
    escaped
}

/// Whether this is a control character, a line separator, or a character that is invisible or
/// reorders the text around it.
fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests;
