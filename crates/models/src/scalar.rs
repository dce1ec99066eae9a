//! Parses numbers and booleans from text, in quotes or not.
//!
//! Columns and typed responses both use these functions, so a value that fits one also fits the
//! other.

/// Below this limit, a double can tell an integer from a number with a few decimal digits.
///
/// Above it, the fraction may be rounded away: `394767139935398.99` would be an integer for one
/// parser, and a misfit for another that rounds the last bit differently. Plain digits have no such
/// limit, and no API writes larger counts with a decimal point or an exponent.
const EXACT: f64 = 1e9;

/// Parses an integer: digits, or a number without a fraction such as `5.0` or `1e3`.
pub(crate) fn integer(text: &str) -> Option<i64> {
    let plain = text.parse().ok();
    plain
        .or_else(|| text.trim().parse().ok())
        .or_else(|| whole(float(text)?))
}

/// Converts a number without a fraction to an integer.
#[expect(clippy::cast_possible_truncation, reason = "it is whole and in range")]
pub(crate) fn whole(number: f64) -> Option<i64> {
    // Above the limit, a double may have lost its fraction, so it can't be called an integer.
    (number.fract() == 0.0 && number.abs() < EXACT).then_some(number as i64)
}

/// Parses a finite number.
pub(crate) fn float(text: &str) -> Option<f64> {
    text.trim()
        .parse()
        .ok()
        .filter(|number: &f64| number.is_finite())
}

/// Parses a boolean: true or false in any case, or 1 or 0.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" => return Some(true),
        "false" => return Some(false),
        _ => {}
    }
    let text = text.trim();
    if text.eq_ignore_ascii_case("true") {
        return Some(true);
    }
    if text.eq_ignore_ascii_case("false") {
        return Some(false);
    }
    match integer(text)? {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
