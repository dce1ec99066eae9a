//! Which form a timestamp is written in, and how that looks.

use jiff::civil::DateTime;

use crate::random::hash;
use crate::scenario::Dates;

/// The form of one timestamp: tenants of mixed habits take turns by the second that is written.
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

/// The offset that is written after the wall clock.
pub(crate) fn offset_of(dates: Dates, at: &DateTime) -> Option<&'static str> {
    match form_of(dates, at) {
        Dates::Utc => Some("Z"),
        Dates::Offset => Some("-08:00"),
        Dates::ShortOffset => Some("-8:00"),
        Dates::Naive | Dates::Blank | Dates::Fraction | Dates::Mixed => None,
    }
}

/// Gives a timestamp the fraction of a second that it has where fractions are written.
pub(crate) fn with_fraction(dates: Dates, at: DateTime) -> DateTime {
    if form_of(dates, &at) != Dates::Fraction {
        return at;
    }
    // Steps of ten thousandths leave trailing zeros, which some services cut off.
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

/// The timestamp as the service writes it.
pub(crate) fn written(dates: Dates, at: &DateTime) -> String {
    let separator = if form_of(dates, at) == Dates::Blank {
        ' '
    } else {
        'T'
    };
    let offset = offset_of(dates, at).unwrap_or_default();
    // `%.f` writes the shortest fraction there is, and nothing for none.
    format!(
        "{}{separator}{}{offset}",
        at.date(),
        at.strftime("%H:%M:%S%.f")
    )
}
