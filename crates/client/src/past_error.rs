//! Errors that count against the limit: when they happened, and why.

use std::{error, fmt, time::Duration};

/// What went wrong with a call, for messages. It does not affect counting, and contains no secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorReason {
    /// The call, such as "`products/list` for accountId 710112".
    pub call: String,
    /// The HTTP status, if there was a response.
    pub http: Option<u16>,
    /// What the response says, or why there was none, on one line. Empty if that is unknown.
    pub message: String,
}

/// A counted error and how long ago it happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastError {
    /// How long ago it was counted.
    pub ago: Duration,
    /// What went wrong.
    pub reason: ErrorReason,
}

impl fmt::Display for ErrorReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.http {
            Some(http) => write!(formatter, "HTTP {http} from {}", self.call)?,
            None => write!(formatter, "no response to {}", self.call)?,
        }
        match self.message.as_str() {
            "" => Ok(()),
            message => write!(formatter, ": {message}"),
        }
    }
}

impl fmt::Display for PastError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.ago.as_secs();
        write!(formatter, "{} ", self.reason)?;
        match seconds {
            0..60 => write!(formatter, "({seconds} s ago)"),
            60..3600 => write!(formatter, "({} min ago)", seconds / 60),
            _ => write!(formatter, "({} h ago)", seconds / 3600),
        }
    }
}

/// The errors that used up the error budget, on one line. It is among the sources of an error that
/// reports such a pause.
#[derive(Debug)]
pub struct LastErrors(String);

impl LastErrors {
    /// How many errors are listed in full.
    const NAMED: usize = 4;

    pub(crate) fn new(errors: &[PastError]) -> Self {
        let named = errors.iter().take(Self::NAMED);
        let mut text = named.map(ToString::to_string).collect::<Vec<_>>();
        if let Some(more @ 1..) = errors.len().checked_sub(Self::NAMED) {
            text.push(format!("{more} more"));
        }
        Self(format!("last errors: {}", text.join("; ")))
    }
}

impl fmt::Display for LastErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl error::Error for LastErrors {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_has_the_largest_unit_that_fits() {
        for (seconds, expected) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3599, "59 min"),
            (3600, "1 h"),
            (7199, "1 h"),
        ] {
            let error = PastError {
                ago: Duration::from_secs(seconds),
                reason: ErrorReason {
                    call: "`units/list`".to_owned(),
                    http: None,
                    message: "timeout".to_owned(),
                },
            };
            let expected = format!("no response to `units/list`: timeout ({expected} ago)");
            assert_eq!(error.to_string(), expected);
        }
    }
}
