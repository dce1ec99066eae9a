//! Formats timestamps in the different forms that the service uses.

use jiff::civil::DateTime;

use crate::random::hash;
use crate::scenario::Dates;

/// Returns the form of a timestamp. Tenants with mixed forms alternate by the second that is
/// written.
pub(crate) fn form_of(dates: Dates, at: &DateTime) -> Dates {
    if dates != Dates::Mixed {
        return dates;
    }
    let second = at.strftime("%Y%m%d%H%M%S").to_string();
    match hash(second.as_bytes()) % 7 {
        0 => Dates::Utc,
        1 => Dates::Offset,
        2 => Dates::ShortOffset,
        3 => Dates::Blank,
        4 => Dates::Fraction,
        _ => Dates::Naive,
    }
}

/// Returns the offset that is written after the time.
pub(crate) fn offset_of(dates: Dates, at: &DateTime) -> Option<&'static str> {
    match form_of(dates, at) {
        Dates::Utc => Some("Z"),
        Dates::Offset => Some("-08:00"),
        Dates::ShortOffset => Some("-8:00"),
        Dates::Naive | Dates::Blank | Dates::Fraction | Dates::Mixed => None,
    }
}

/// Adds a fraction of a second to a timestamp if the form has one.
pub(crate) fn with_fraction(dates: Dates, at: DateTime) -> DateTime {
    if form_of(dates, &at) != Dates::Fraction {
        return at;
    }
    // Multiples of 100 microseconds have trailing zeros, which some services cut off.
    let drawn = hash(at.strftime("%Y%m%d%H%M%S").to_string().as_bytes());
    let microsecond = match drawn % 3 {
        0 => drawn % 1_000_000,
        1 => drawn % 10_000 * 100,
        _ => drawn % 10 * 100_000,
    };
    let nanosecond = i32::try_from(microsecond * 1000).unwrap_or_default();
    at.with()
        .subsec_nanosecond(nanosecond)
        .build()
        .unwrap_or(at)
}

/// Formats a timestamp as the service does.
pub(crate) fn written(dates: Dates, at: &DateTime) -> String {
    let separator = if form_of(dates, at) == Dates::Blank {
        ' '
    } else {
        'T'
    };
    let offset = offset_of(dates, at).unwrap_or_default();
    // `%.f` writes the fraction without trailing zeros, and nothing if it is zero.
    format!(
        "{}{separator}{}{offset}",
        at.date(),
        at.strftime("%H:%M:%S%.f")
    )
}
