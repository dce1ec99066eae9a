//! How cells and lines are written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How cells and lines are written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Dialect {
    pub(crate) delimiter: Delimiter,
    pub(crate) newlines: Newlines,
    /// Whether the file begins with a byte order mark.
    pub(crate) has_mark: bool,
    pub(crate) dates: Dates,
    pub(crate) formulas: Formulas,
}

/// The character between two cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum Delimiter {
    #[default]
    #[serde(rename = ",")]
    Comma,
    #[serde(rename = ";")]
    Semicolon,
    #[serde(rename = "|")]
    Pipe,
    #[serde(rename = "tab")]
    Tab,
}

/// How lines end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Newlines {
    /// As RFC 4180 wants them.
    #[default]
    Crlf,
    /// As Unix programs do.
    Lf,
}

/// How times are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Dates {
    /// As `2026-09-01T12:00:00`, with a `Z` if they are in UTC.
    #[default]
    Iso,
    /// As `2026-09-01 12:00:00`, which spreadsheets recognize as a time.
    Excel,
}

/// What to do with text that a spreadsheet would run as a formula.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Formulas {
    /// Put a `'` before it, which tells spreadsheets that it is text.
    #[default]
    Prefix,
    /// Do not change it.
    Keep,
}

impl Delimiter {
    pub(crate) fn byte(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Semicolon => b';',
            Self::Pipe => b'|',
            Self::Tab => b'\t',
        }
    }
}

impl Newlines {
    pub(crate) fn bytes(self) -> &'static [u8] {
        match self {
            Self::Crlf => b"\r\n",
            Self::Lf => b"\n",
        }
    }
}
