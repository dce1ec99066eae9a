//! Describes a response that is not what the caller expected.

use std::borrow::Cow;

use serde_json::error::Category;

use crate::quotable;

/// How many bytes of a response are examined.
const MAX_BYTES: usize = 4096;

/// How many characters of a title or text are quoted.
const MAX_CHARS: usize = 60;

/// Describes a body that is not the expected JSON, as in "an HTML page".
///
/// The description quotes the page's title or the beginning of the text, with `secrets` redacted,
/// so that a reader can tell which proxy, firewall or portal sent it.
pub fn describe_body(body: &[u8], secrets: &[&str]) -> String {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let head = &body[..body.len().min(MAX_BYTES)];
    let head = decode(head);
    let text = head.trim_start();
    let first = text.chars().next();
    let lower = text.to_ascii_lowercase();
    match first {
        None if body.len() > head.len() => "only whitespace".to_owned(),
        None => "empty".to_owned(),
        Some('<') if lower.starts_with("<?xml") && !lower.contains("<html") => "XML".to_owned(),
        Some('<') => match title(text, &lower) {
            Some(title) => format!("an HTML page titled \"{}\"", short(title, secrets)),
            None => "an HTML page".to_owned(),
        },
        Some('{' | '[') => json(body),
        Some(_) if text.chars().any(|c| c == '\0') => "binary data".to_owned(),
        Some(_) => format!("the text \"{}\"", short(text, secrets)),
    }
}

/// Says where the body stops being valid JSON, or that it is valid but unexpected.
fn json(body: &[u8]) -> String {
    match serde_json::from_slice::<serde::de::IgnoredAny>(body) {
        Ok(_) => "JSON of an unexpected form".to_owned(),
        Err(error) if error.classify() == Category::Eof => {
            format!("JSON that ends too early, after {} bytes", body.len())
        }
        Err(error) => format!(
            "invalid JSON at line {} column {}",
            error.line(),
            error.column()
        ),
    }
}

fn title<'a>(text: &'a str, lower: &str) -> Option<&'a str> {
    let start = lower.find("<title")?;
    let start = start + lower[start..].find('>')? + 1;
    let end = start + lower[start..].find("</title")?;
    Some(text.get(start..end)?.trim()).filter(|title| !title.is_empty())
}

fn short(text: &str, secrets: &[&str]) -> String {
    let line = quotable(text, secrets);
    match line.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Decodes UTF-8, or else Latin-1, in which every byte is a character.
fn decode(bytes: &[u8]) -> Cow<'_, str> {
    match str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        // The examined part may end in the middle of a character.
        Err(error) if error.error_len().is_none() => {
            String::from_utf8_lossy(&bytes[..error.valid_up_to()])
        }
        Err(_) => bytes.iter().map(|&byte| char::from(byte)).collect(),
    }
}

#[cfg(test)]
mod tests;
