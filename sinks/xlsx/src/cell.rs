//! Encodes one value as the XML of a cell.

use std::borrow::Cow;
use std::fmt::{Display, Write as _};

use jiff::SignedDuration;
use jiff::civil::{Date, DateTime, Time};

#[cfg(test)]
mod tests;

/// The number of characters that a cell can have. Excel counts UTF-16 code units.
pub(crate) const LONGEST: usize = 32_767;

/// The positions of the formats in `styles.xml`.
pub(crate) const HEADER: u8 = 1;
const TEXT: u8 = 2;
const TIME: u8 = 3;
const TIME_WITH_MILLISECONDS: u8 = 4;

/// The largest integer of 15 digits. Excel rounds longer ones when it shows them.
const LARGEST: u64 = 999_999_999_999_999;

/// The start of Unix time.
const EPOCH: DateTime = DateTime::from_parts(Date::constant(1970, 1, 1), Time::midnight());

/// 1970-01-01 as Excel counts days.
const EPOCH_DAY: i64 = 25_569;

/// 1900-03-01 and 10000-01-01 in microseconds of Unix time. Excel believes that 1900 was a leap year, so before March
/// of that year other programs see other dates.
const TIMES: std::ops::Range<i64> = -2_203_891_200_000_000..253_402_300_800_000_000;

const MILLISECONDS_PER_DAY: i64 = 86_400_000;

/// Where a cell is.
#[derive(Clone, Copy)]
pub(crate) struct CellPosition<'a> {
    /// The letters of the column.
    pub(crate) column: &'a str,
    /// The number of the row, from 1.
    pub(crate) row: u32,
}

/// The letters of a column, counted from 0: A to Z, then AA.
pub(crate) fn letters(column: usize) -> String {
    let mut letters = Vec::new();
    let mut rest = column + 1;
    while rest > 0 {
        let letter = u8::try_from((rest - 1) % 26).unwrap_or_default();
        letters.insert(0, char::from(b'A' + letter));
        rest = (rest - 1) / 26;
    }
    letters.into_iter().collect()
}

/// Appends a text, which must not be longer than [`LONGEST`].
pub(crate) fn text(xml: &mut String, place: CellPosition<'_>, text: &str) {
    styled_text(xml, place, text, TEXT);
}

/// Appends the name of a column.
pub(crate) fn header(xml: &mut String, place: CellPosition<'_>, name: &str) {
    styled_text(xml, place, name, HEADER);
}

fn styled_text(xml: &mut String, place: CellPosition<'_>, text: &str, style: u8) {
    let CellPosition { column, row } = place;
    if text.is_empty() {
        // Excel has no empty text. A cell with a format and without a value is the nearest to it.
        append(xml, format_args!(r#"<c r="{column}{row}" s="{style}"/>"#));
        return;
    }
    let keep = if text.trim().len() == text.len() {
        ""
    } else {
        r#" xml:space="preserve""#
    };
    let start = format_args!(r#"<c r="{column}{row}" s="{style}" t="inlineStr"><is><t{keep}>"#);
    append(xml, start);
    escape(xml, text);
    xml.push_str("</t></is></c>");
}

/// Appends an integer.
pub(crate) fn integer(
    xml: &mut String,
    place: CellPosition<'_>,
    value: impl Display,
    magnitude: u64,
) {
    if magnitude > LARGEST {
        text(xml, place, &value.to_string());
    } else {
        number(xml, place, value);
    }
}

/// Appends a floating-point number, in the shortest form that parses to the same value.
pub(crate) fn float(xml: &mut String, place: CellPosition<'_>, value: f64) {
    if value.is_finite() {
        // `Display` would write 1e300 with 300 zeros.
        number(xml, place, format_args!("{value:?}"));
    } else {
        text(xml, place, &value.to_string());
    }
}

/// Appends a boolean.
pub(crate) fn boolean(xml: &mut String, place: CellPosition<'_>, value: bool) {
    let (CellPosition { column, row }, value) = (place, u8::from(value));
    append(
        xml,
        format_args!(r#"<c r="{column}{row}" t="b"><v>{value}</v></c>"#),
    );
}

/// Appends a wall-clock time in microseconds since 1970. Returns `None`, and appends nothing, for a year that text
/// cannot have either.
pub(crate) fn time(xml: &mut String, place: CellPosition<'_>, microseconds: i64) -> Option<()> {
    if microseconds % 1000 != 0 || !TIMES.contains(&microseconds) {
        return time_as_text(xml, place, microseconds, "");
    }
    let milliseconds = microseconds / 1000;
    let day = milliseconds.div_euclid(MILLISECONDS_PER_DAY) + EPOCH_DAY;
    let rest = milliseconds.rem_euclid(MILLISECONDS_PER_DAY);
    let style = if rest % 1000 == 0 {
        TIME
    } else {
        TIME_WITH_MILLISECONDS
    };
    // Both numbers are far below 2^53, and the sum is exact to less than a tenth of a millisecond.
    #[expect(
        clippy::cast_precision_loss,
        reason = "the numbers are small, as said above"
    )]
    let serial = day as f64 + rest as f64 / MILLISECONDS_PER_DAY as f64;
    let CellPosition { column, row } = place;
    append(
        xml,
        format_args!(r#"<c r="{column}{row}" s="{style}"><v>{serial}</v></c>"#),
    );
    Some(())
}

/// Appends a time in microseconds since 1970 as text. Returns `None`, and appends nothing, outside the years 0000 to
/// 9999.
pub(crate) fn time_as_text(
    xml: &mut String,
    place: CellPosition<'_>,
    microseconds: i64,
    suffix: &str,
) -> Option<()> {
    let time = EPOCH.checked_add(SignedDuration::from_micros(microseconds));
    let time = time.ok().filter(|time| time.year() >= 0)?;
    let value = if microseconds % 1_000_000 == 0 {
        format!("{time:.0}{suffix}")
    } else {
        format!("{time:.6}{suffix}")
    };
    text(xml, place, &value);
    Some(())
}

/// The text as a cell can store it, with a note at its end if it was cut.
pub(crate) fn cut(text: &str) -> Cow<'_, str> {
    // No character has more UTF-16 units than bytes, so most texts need not be counted.
    if text.len() <= LONGEST || text.encode_utf16().count() <= LONGEST {
        return Cow::Borrowed(text);
    }
    let note = format!("… [cut: the text has {} characters]", text.chars().count());
    let mut left = LONGEST - note.encode_utf16().count();
    let fits = |char: &char| {
        let fits = char.len_utf16() <= left;
        left = left.saturating_sub(char.len_utf16());
        fits
    };
    let mut cut: String = text.chars().take_while(fits).collect();
    cut.push_str(&note);
    Cow::Owned(cut)
}

fn number(xml: &mut String, place: CellPosition<'_>, value: impl Display) {
    let CellPosition { column, row } = place;
    append(
        xml,
        format_args!(r#"<c r="{column}{row}"><v>{value}</v></c>"#),
    );
}

/// Appends text as XML.
///
/// XML cannot have control characters and U+FFFE and U+FFFF. Excel writes them as `_x000D_`, and a text that looks like
/// that as `_x005F_x000D_`. A carriage return would become a line feed when it is read.
pub(crate) fn escape(xml: &mut String, text: &str) {
    let mut copied = 0;
    for (at, byte) in text.bytes().enumerate() {
        // Most bytes need nothing. U+FFFE and U+FFFF begin with 0xEF.
        if !matches!(byte, 0..=0x1f | b'&' | b'<' | b'>' | b'_' | 0xef) {
            continue;
        }
        let rest = &text[at..];
        let Some(char) = rest.chars().next() else {
            continue;
        };
        let code;
        let escaped = match char {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            '_' if is_escape(rest) => "_x005F_",
            '\t' | '\n' => continue,
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {
                code = format!("_x{:04X}_", u32::from(char));
                &code
            }
            _ => continue,
        };
        xml.push_str(&text[copied..at]);
        xml.push_str(escaped);
        copied = at + char.len_utf8();
    }
    xml.push_str(&text[copied..]);
}

/// Whether the text begins as `_x000D_` does.
fn is_escape(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 7
        && bytes[1] == b'x'
        && bytes[2..6].iter().all(u8::is_ascii_hexdigit)
        && bytes[6] == b'_'
}

/// Appends formatted text, without a text in between.
pub(crate) fn append(xml: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to memory cannot fail.
    let _ = xml.write_fmt(text);
}
