//! Repairs responses that are almost JSON.
//!
//! One invalid byte must not cost a response with thousands of rows. So whatever JSON forbids
//! inside strings is made legal before the text is parsed. Rejecting the response would be simpler,
//! but the whole account would be missing until somebody at the vendor corrects one description.
//! What can't be kept becomes U+FFFD, and the decoder records an issue for each value that contains
//! it.

use std::borrow::Cow;

use crate::json::next_special;

#[cfg(test)]
mod tests;

/// The replacement for a character that could not be decoded.
pub(crate) const UNREADABLE: char = '\u{fffd}';

/// Decodes the bytes of a response: UTF-8, or UTF-16 with or without a byte order mark.
///
/// Invalid UTF-8 becomes U+FFFD, and strings are made legal as in [`legal_json`].
pub fn json_text(bytes: &[u8]) -> Cow<'_, str> {
    let text = match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        // JSON starts with an ASCII character, so the zero byte next to it reveals the byte order.
        [1..=0x7f, 0, ..] => utf16(bytes, u16::from_le_bytes),
        [0, 1..=0x7f, ..] => utf16(bytes, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest),
        _ => utf8(bytes),
    };
    match text {
        Cow::Borrowed(text) => legal_json(text),
        Cow::Owned(text) => legal_json(&text).into_owned().into(),
    }
}

/// Checks the whole text first, which is several times as fast as looking for what is invalid.
fn utf8(bytes: &[u8]) -> Cow<'_, str> {
    str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Cow<'static, str> {
    let (pairs, _) = bytes.as_chunks::<2>();
    let units = pairs.iter().map(|pair| unit(*pair));
    let text = char::decode_utf16(units).map(|unit| unit.unwrap_or(UNREADABLE));
    Cow::Owned(text.collect())
}

/// Returns the text with strings that every JSON parser accepts.
///
/// Raw control characters are escaped, and half a surrogate pair becomes U+FFFD.
pub fn legal_json(text: &str) -> Cow<'_, str> {
    repaired(text, Nul::Kept)
}

/// Returns the text so that databases accept it in a JSON column: legal, and without NUL
/// characters.
pub(crate) fn storable_json(text: &str) -> Cow<'_, str> {
    repaired(text, Nul::Unreadable)
}

/// What to do with NUL, which is legal JSON but which databases don't store.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nul {
    Kept,
    Unreadable,
}

fn repaired(text: &str, nul: Nul) -> Cow<'_, str> {
    let has_controls = has_controls(text);
    let mut legal = String::new();
    let mut copied = 0;
    let mut replace = |from: usize, to: usize, with: &str| {
        legal.push_str(&text[copied..from]);
        legal.push_str(with);
        copied = to;
    };
    // Works on bytes, because every character that matters is ASCII and never part of another UTF-8
    // character.
    let bytes = text.as_bytes();
    let unreadable = UNREADABLE.to_string();
    // Without control characters, only escapes can be illegal, and they are only in strings.
    let (mut at, mut in_string) = (0, !has_controls);
    loop {
        if !has_controls {
            // An escape of a character with several bytes is no JSON, and ends within it.
            at = text.ceil_char_boundary(at);
            at = text[at..]
                .find('\\')
                .map_or(bytes.len(), |found| at + found);
        } else if in_string {
            at = next_special(bytes, at);
        }
        let Some(&byte) = bytes.get(at) else {
            break;
        };
        match byte {
            b'"' => in_string = !in_string,
            b'\\' if in_string => {
                let escape = escape(bytes, at, nul);
                if escape.is_illegal {
                    replace(at, at + escape.bytes, &unreadable);
                }
                at += escape.bytes;
                continue;
            }
            0 if in_string && nul == Nul::Unreadable => replace(at, at + 1, &unreadable),
            ..0x20 if in_string => replace(at, at + 1, &format!("\\u{byte:04x}")),
            _ => {}
        }
        at += 1;
    }
    // Almost all responses are legal, so nothing is copied for them.
    if copied == 0 {
        return text.into();
    }
    legal.push_str(&text[copied..]);
    legal.into()
}

/// Whether a text has control characters, such as line breaks. Most responses have none, and this is
/// several times as fast as looking at their strings.
fn has_controls(text: &str) -> bool {
    let least = |chunk: &[u8]| chunk.iter().fold(u8::MAX, |least, byte| least.min(*byte));
    let mut chunks = text.as_bytes().chunks(4096);
    chunks.any(|chunk| least(chunk) < 0x20)
}

/// An escape sequence. Both halves of a surrogate pair count as one.
struct Escape {
    bytes: usize,
    is_illegal: bool,
}

fn escape(bytes: &[u8], at: usize, nul: Nul) -> Escape {
    let is_illegal = match unit(bytes, at) {
        None => {
            return Escape {
                bytes: 2.min(bytes.len() - at),
                is_illegal: false,
            };
        }
        Some(0xd800..=0xdbff) => {
            if matches!(unit(bytes, at + 6), Some(0xdc00..=0xdfff)) {
                return Escape {
                    bytes: 12,
                    is_illegal: false,
                };
            }
            true
        }
        Some(0xdc00..=0xdfff) => true,
        Some(number) => number == 0 && nul == Nul::Unreadable,
    };
    Escape {
        bytes: 6,
        is_illegal,
    }
}

/// Returns the number in an escape with four hex digits.
fn unit(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    let digits = std::str::from_utf8(digits).ok()?;
    let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_hex
        .then(|| u16::from_str_radix(digits, 16).ok())
        .flatten()
}
