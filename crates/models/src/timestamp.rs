//! Parses the API's dates as local times, exactly as written.
//!
//! `jiff` is not used here: it takes three times as long (700 to 900 ns for a time, and this takes
//! 230 to 280 ns), a product has dozens of times, and it rejects some forms that the APIs send, such
//! as the offset `-8:00`. The tests compare the results with `jiff`.

#[cfg(test)]
mod tests;

/// The meaning of a date text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stamp<'a> {
    /// "No date": a blank text, or the first instant that .NET can represent, which the vendor uses
    /// for it.
    Absent,
    /// A date and time without a known time zone.
    At {
        /// Microseconds since 1970-01-01T00:00:00 in the same, unknown time zone.
        micros: i64,
        /// The offset as written, such as `Z`, `-08:00` or `-8:00`. It is never applied.
        offset: Option<&'a str>,
    },
}

/// Parses a date with `T` or a space in the middle, with or without fraction, offset or time of
/// day.
///
/// The vendor's time zone is unknown, so nothing is converted; an offset is returned verbatim.
/// `None` means that the text is not a date.
///
/// ```
/// use fortilake_models::{Stamp, parse_timestamp};
/// let stamp = parse_timestamp("1970-01-01T00:00:01-8:00");
/// assert_eq!(stamp, Some(Stamp::At { micros: 1_000_000, offset: Some("-8:00") }));
/// ```
pub fn parse_timestamp(text: &str) -> Option<Stamp<'_>> {
    if let Some(micros) = plain(text) {
        return Some(Stamp::At {
            micros,
            offset: None,
        });
    }
    let text = text.trim();
    if text.is_empty() {
        return Some(Stamp::Absent);
    }
    let mut rest = Cursor(text);
    let year = rest.digits(4)?;
    rest.expect(b"-")?;
    let month = rest.digits(2)?;
    rest.expect(b"-")?;
    let day = rest.digits(2)?;
    if year == 0 || !(1..=12).contains(&month) || day == 0 || day > days_in_month(year, month) {
        return None;
    }
    let time = if rest.0.is_empty() {
        0
    } else {
        rest.expect(b"Tt ")?;
        time_of_day(&mut rest)?
    };
    // The offset is checked before the date counts as "none", so that a malformed date is never
    // taken for a missing one.
    let offset = offset(rest.0.trim_start())?;
    let micros = days_from_civil(year, month, day) * 86_400_000_000 + time;
    if (year, month, day, time) == (1, 1, 1, 0) {
        return Some(Stamp::Absent);
    }
    Some(Stamp::At { micros, offset })
}

/// Parses the form that nearly all dates have, `YYYY-MM-DDTHH:MM:SS`. `None` for any other form or
/// number, about which the general way decides.
fn plain(text: &str) -> Option<i64> {
    let bytes: &[u8; 19] = text.as_bytes().try_into().ok()?;
    let digit = |at: usize| match bytes[at].wrapping_sub(b'0') {
        digit @ 0..10 => Some(i64::from(digit)),
        _ => None,
    };
    let pair = |at| Some(digit(at)? * 10 + digit(at + 1)?);
    let marks = [bytes[4], bytes[7], bytes[10], bytes[13], bytes[16]];
    let (year, month, day) = (pair(0)? * 100 + pair(2)?, pair(5)?, pair(8)?);
    let (hour, minute, second) = (pair(11)?, pair(14)?, pair(17)?);
    // The first year may mean that there is no date.
    let is_plain = marks == *b"--T::"
        && year > 1
        && (1..=12).contains(&month)
        && (1..=days_in_month(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    let time = (hour * 60 + minute) * 60 + second;
    is_plain.then(|| (days_from_civil(year, month, day) * 86_400 + time) * 1_000_000)
}

/// The part of a text that has not been read yet.
struct Cursor<'a>(&'a str);

impl Cursor<'_> {
    fn digits(&mut self, count: usize) -> Option<i64> {
        let (digits, rest) = self.0.split_at_checked(count)?;
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        self.0 = rest;
        digits.parse().ok()
    }

    fn expect(&mut self, any_of: &[u8]) -> Option<()> {
        let first = self.0.as_bytes().first()?;
        any_of.contains(first).then(|| self.0 = &self.0[1..])
    }
}

/// Parses `HH:MM[:SS[.fraction]]` into microseconds. Digits after the sixth are cut off.
fn time_of_day(rest: &mut Cursor<'_>) -> Option<i64> {
    let hour = rest.digits(2)?;
    rest.expect(b":")?;
    let minute = rest.digits(2)?;
    let second = match rest.expect(b":") {
        Some(()) => rest.digits(2)?,
        None => 0,
    };
    // A second of 60 is rejected, because Arrow timestamps have no leap seconds.
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut fraction = 0;
    if rest.expect(b".,").is_some() {
        let length = rest.0.bytes().take_while(u8::is_ascii_digit).count();
        if length == 0 {
            return None;
        }
        let kept = length.min(6);
        fraction = rest.digits(kept)? * 10_i64.pow(u32::try_from(6 - kept).ok()?);
        rest.0 = &rest.0[length - kept..];
    }
    Some(((hour * 60 + minute) * 60 + second) * 1_000_000 + fraction)
}

/// Parses an offset: nothing, `Z`, or a sign with one or two digits of hours and optional minutes.
#[expect(
    clippy::option_option,
    reason = "no offset and a bad offset are two things"
)]
fn offset(text: &str) -> Option<Option<&str>> {
    if text.is_empty() {
        return Some(None);
    }
    if text.eq_ignore_ascii_case("z") {
        return Some(Some(text));
    }
    let digits = text.strip_prefix(['+', '-'])?;
    let (hours, minutes) = match digits.split_once(':') {
        Some((hours, minutes)) if minutes.len() == 2 => (hours, minutes),
        Some(_) => return None,
        None if digits.len() > 2 => digits.split_at_checked(digits.len() - 2)?,
        None => (digits, "00"),
    };
    let fits = |text: &str, limit: u8| {
        (1..=2).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_digit())
            && text.parse::<u8>().is_ok_and(|number| number <= limit)
    };
    (fits(hours, 23) && fits(minutes, 59)).then_some(Some(text))
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Returns the days since 1970-01-01 in the Gregorian calendar. It counts years that start in
/// March, so that the leap day is the last day of the year.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}
