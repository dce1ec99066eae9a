//! Checksums of rows.
//!
//! `SQLite` detects a damaged tree but not a damaged value, such as a flipped bit in a page's body.
//! Published tables and the rate limits depend on these values. So each important row has a column
//! with a checksum of its other columns, and every reader compares it. The checksum finds damage,
//! not manipulation: it has no key.

use std::hash::Hasher;

use twox_hash::XxHash3_64;

/// Computes the checksum of a row, column by column.
pub(crate) struct Checksum(XxHash3_64);

impl Checksum {
    /// Starts a row of this table. The same values in another table give another checksum.
    pub(crate) fn of(table: &str) -> Self {
        Self(XxHash3_64::new()).bytes(table.as_bytes())
    }

    pub(crate) fn int(mut self, value: i64) -> Self {
        self.0.write(&value.to_le_bytes());
        self
    }

    /// `None` differs from every value.
    pub(crate) fn maybe_int(self, value: Option<i64>) -> Self {
        match value {
            Some(value) => self.int(1).int(value),
            None => self.int(0),
        }
    }

    pub(crate) fn text(self, value: &str) -> Self {
        self.bytes(value.as_bytes())
    }

    /// `None` differs from every text.
    pub(crate) fn maybe_text(self, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.int(1).text(value),
            None => self.int(0),
        }
    }

    /// The length comes first, so that bytes cannot move between two neighboring columns unnoticed.
    pub(crate) fn bytes(self, value: &[u8]) -> Self {
        let mut longer = self.int(value.len().try_into().unwrap_or(i64::MAX));
        longer.0.write(value);
        longer
    }

    /// The checksum as a signed integer, because `SQLite` has no unsigned ones.
    pub(crate) fn finish(self) -> i64 {
        self.0.finish().cast_signed()
    }
}

/// A 64-bit digest of a text as 16 hexadecimal digits, the same in every build and on every
/// machine.
///
/// It is not cryptographic, so do not use it to hide a secret.
pub fn digest(text: &str) -> String {
    format!("{:016x}", XxHash3_64::oneshot(text.as_bytes()))
}

/// The hash of a key for the index on pages, which stores hashes instead of long keys.
pub(crate) fn hash(key: &str) -> i64 {
    XxHash3_64::oneshot(key.as_bytes()).cast_signed()
}
