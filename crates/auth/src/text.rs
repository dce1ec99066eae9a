//! Makes text from servers safe to show in our messages.

/// How much of a foreign text is quoted.
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
    }
    let plain = text.replace(|c: char| c.is_control() || is_invisible(c), " ");
    let line = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = line.trim_end_matches(['.', ' ']);
    match line.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

/// Characters that reorder or hide the text around them, and are no control characters by name.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests;
