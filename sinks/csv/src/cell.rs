//! Encodes one value as a cell.
//!
//! The `csv` crate is not used for writing. It quotes either all fields or only those that need quotes, and an empty
//! text does not need them. So an empty text would look like a null. The price is our own quoting code; the tests read
//! its output with the `csv` crate.

use std::borrow::Cow;
use std::io::Write;

use jiff::SignedDuration;
use jiff::civil::{Date, DateTime, Time};

use crate::dialect::{Dates, Delimiter, Dialect, Formulas};

#[cfg(test)]
mod tests;

/// The start of Unix time.
const EPOCH: DateTime = DateTime::from_parts(Date::constant(1970, 1, 1), Time::midnight());

/// Appends a text. An empty text is quoted, to distinguish it from a null.
pub(crate) fn text(line: &mut Vec<u8>, text: &str, dialect: Dialect) {
    if is_plain(text, dialect.delimiter.byte()) {
        line.extend_from_slice(text.as_bytes());
        return;
    }
    let text = match dialect.formulas {
        Formulas::Prefix => disarm(text, dialect.delimiter),
        Formulas::Keep => Cow::Borrowed(text),
    };
    let delimiter = dialect.delimiter.byte();
    let quote = text.is_empty()
        || text
            .bytes()
            .any(|byte| byte == delimiter || matches!(byte, b'"' | b'\r' | b'\n'));
    if !quote {
        line.extend_from_slice(text.as_bytes());
        return;
    }
    line.push(b'"');
    let mut parts = text.split('"');
    line.extend_from_slice(parts.next().unwrap_or_default().as_bytes());
    for part in parts {
        line.extend_from_slice(b"\"\"");
        line.extend_from_slice(part.as_bytes());
    }
    line.push(b'"');
}

/// Whether a text certainly needs neither quotes nor a prefix, as most texts do.
fn is_plain(text: &str, delimiter: u8) -> bool {
    // Without a separator, only the beginning can be that of a formula. All bytes are looked at, without a branch for
    // each, because the compiler then compares many at once.
    let is_special =
        |byte: u8| byte == delimiter || matches!(byte, b',' | b';' | b'"' | b'\r' | b'\n');
    let has_special = text
        .bytes()
        .fold(false, |found, byte| found | is_special(byte));
    !text.is_empty() && !has_special && !text.starts_with(FORMULA)
}

/// The characters that OWASP lists under "CSV injection". Some programs skip a leading tab or line break, and with East
/// Asian settings the full-width characters count too.
const FORMULA: [char; 11] = [
    '=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
];

/// Puts a `'` before everything that a spreadsheet may interpret as the beginning of a formula.
///
/// That is the beginning of the text and, where the list separator is another one than ours, what comes after it: such
/// a spreadsheet does not see our quotes, because for it they are in the middle of a cell, and divides the text. For
/// the same reason a line break begins a cell. After a comma, text is always quoted where the comma is our own
/// delimiter, so that a semicolon is the only other separator to expect.
pub(crate) fn disarm(text: &str, delimiter: Delimiter) -> Cow<'_, str> {
    let mut disarmed = String::new();
    let mut copied = 0;
    let mut begins = true;
    for (at, char) in text.char_indices() {
        let is_break = matches!(char, '\t' | '\r' | '\n');
        if begins && FORMULA.contains(&char) && (at == 0 || !is_break) {
            disarmed.push_str(&text[copied..at]);
            disarmed.push('\'');
            copied = at;
        }
        begins = match char {
            ';' => true,
            ',' => delimiter != Delimiter::Comma,
            // Quotes and blanks before a formula do not keep it from being one, except at the beginning of the text,
            // where our own quotes make them part of the cell.
            '"' | ' ' => begins && at > 0,
            '\r' | '\n' => at > 0,
            _ => false,
        };
    }
    if copied == 0 && disarmed.is_empty() {
        return Cow::Borrowed(text);
    }
    disarmed.push_str(&text[copied..]);
    Cow::Owned(disarmed)
}

/// Appends an integer or a boolean, which never needs quotes.
pub(crate) fn plain(line: &mut Vec<u8>, value: impl std::fmt::Display) {
    // Writing to memory cannot fail.
    let _ = write!(line, "{value}");
}

/// Appends a floating-point number in the shortest form that parses to the same value.
pub(crate) fn float(line: &mut Vec<u8>, value: f64) {
    // `Display` would write 1e300 with 300 zeros.
    let _ = write!(line, "{value:?}");
}

/// Appends a timestamp in microseconds since 1970. Returns `None`, and appends nothing, outside the years 0000 to 9999.
///
/// Spreadsheets take a time for text if it has a `T`, a `Z` or more than three decimals. So `Dates::Excel` writes it
/// without them, and microseconds are cut off.
pub(crate) fn timestamp(
    line: &mut Vec<u8>,
    microseconds: i64,
    suffix: &str,
    dates: Dates,
) -> Option<()> {
    // Use a civil date, not jiff's `Timestamp`: that ends a day before the year 9999 does, and APIs use its last
    // second for "never".
    let time = EPOCH
        .checked_add(SignedDuration::from_micros(microseconds))
        .ok()?;
    let year = u16::try_from(time.year()).ok()?;
    let between = match dates {
        Dates::Iso => b'T',
        Dates::Excel => b' ',
    };
    // A table has several times per row, and `write!` would take most of the time of writing one.
    let parts = [
        (None, year / 100),
        (None, year % 100),
        (Some(b'-'), time.month().unsigned_abs().into()),
        (Some(b'-'), time.day().unsigned_abs().into()),
        (Some(between), time.hour().unsigned_abs().into()),
        (Some(b':'), time.minute().unsigned_abs().into()),
        (Some(b':'), time.second().unsigned_abs().into()),
    ];
    for (before, number) in parts {
        line.extend(before);
        line.extend(two_digits(number));
    }
    let fraction = time.subsec_nanosecond() / 1000;
    match dates {
        Dates::Iso => {
            if fraction != 0 {
                let _ = write!(line, ".{fraction:06}");
            }
            line.extend_from_slice(suffix.as_bytes());
        }
        Dates::Excel => {
            if fraction >= 1000 {
                let _ = write!(line, ".{:03}", fraction / 1000);
            }
        }
    }
    Some(())
}

/// A number below 100 in two digits.
fn two_digits(number: u16) -> [u8; 2] {
    let digit = |value: u16| b'0' + u8::try_from(value).unwrap_or_default();
    [digit(number / 10), digit(number % 10)]
}
