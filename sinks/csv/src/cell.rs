//! Encodes one value as a cell.
//!
//! The `csv` crate is not used for writing. It quotes either all fields or only those that need quotes, and an empty
//! text does not need them. So an empty text would look like a null. The price is our own quoting code; the tests read
//! its output with the `csv` crate.

use std::io::Write;

use jiff::SignedDuration;
use jiff::civil::{Date, DateTime, Time};

#[cfg(test)]
mod tests;

/// The start of Unix time.
const EPOCH: DateTime = DateTime::from_parts(Date::constant(1970, 1, 1), Time::midnight());

/// What to do with text that a spreadsheet would run as a formula.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Formulas {
    /// Put a `'` before it, which tells spreadsheets that it is text.
    Prefix,
    /// Do not change it.
    Keep,
}

/// Appends a text. An empty text is quoted, to distinguish it from a null.
pub(crate) fn text(line: &mut Vec<u8>, text: &str, formulas: Formulas) {
    let prefix = formulas == Formulas::Prefix && is_formula(text);
    let quote = text.is_empty()
        || text
            .bytes()
            .any(|byte| matches!(byte, b',' | b'"' | b'\r' | b'\n'));
    if quote {
        line.push(b'"');
    }
    if prefix {
        line.push(b'\'');
    }
    if quote {
        let mut parts = text.split('"');
        line.extend_from_slice(parts.next().unwrap_or_default().as_bytes());
        for part in parts {
            line.extend_from_slice(b"\"\"");
            line.extend_from_slice(part.as_bytes());
        }
        line.push(b'"');
    } else {
        line.extend_from_slice(text.as_bytes());
    }
}

/// Whether a spreadsheet may take the text for a formula.
///
/// These are the characters that OWASP lists under "CSV injection":
/// some programs skip a leading tab or line break, and in East Asian settings the full-width forms count too.
fn is_formula(text: &str) -> bool {
    text.starts_with([
        '=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
    ])
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
pub(crate) fn timestamp(line: &mut Vec<u8>, microseconds: i64, suffix: &str) -> Option<()> {
    // Use a civil date, not jiff's `Timestamp`: that ends a day before the year 9999 does, and APIs use its last
    // second for "never".
    let time = EPOCH
        .checked_add(SignedDuration::from_micros(microseconds))
        .ok()?;
    let year = u16::try_from(time.year()).ok()?;
    let (month, day) = (time.month(), time.day());
    let (hour, minute, second) = (time.hour(), time.minute(), time.second());
    let _ = write!(
        line,
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
    );
    let fraction = time.subsec_nanosecond() / 1000;
    if fraction != 0 {
        let _ = write!(line, ".{fraction:06}");
    }
    line.extend_from_slice(suffix.as_bytes());
    Some(())
}
