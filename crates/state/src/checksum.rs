//! Checksums of rows.
//!
//! `SQLite` notices a damaged tree but not a damaged value, and a value is what the tables of a
//! crawl and the calls of an hour depend on. So each row that matters carries a checksum of the
//! others of its columns, and whoever reads the row compares.

use std::hash::Hasher;

use twox_hash::XxHash3_64;

/// The checksum of a row, fed column by column.
pub(crate) struct Checksum(XxHash3_64);

impl Checksum {
    /// Begins a row of this table: the same values in another table give another checksum.
    pub(crate) fn of(table: &str) -> Self {
        Self(XxHash3_64::new()).bytes(table.as_bytes())
    }

    pub(crate) fn int(mut self, value: i64) -> Self {
        self.0.write(&value.to_le_bytes());
        self
    }

    /// No value differs from every value.
    pub(crate) fn maybe_int(self, value: Option<i64>) -> Self {
        match value {
            Some(value) => self.int(1).int(value),
            None => self.int(0),
        }
    }

    pub(crate) fn text(self, value: &str) -> Self {
        self.bytes(value.as_bytes())
    }

    /// No text differs from every text.
    pub(crate) fn maybe_text(self, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.int(1).text(value),
            None => self.int(0),
        }
    }

    /// The length goes first, so that neighbors cannot lend each other bytes.
    pub(crate) fn bytes(self, value: &[u8]) -> Self {
        let mut longer = self.int(value.len().try_into().unwrap_or(i64::MAX));
        longer.0.write(value);
        longer
    }

    /// As the file keeps it.
    pub(crate) fn finish(self) -> i64 {
        self.0.finish().cast_signed()
    }
}

/// A short name for a text, the same in every build and on every machine; no secret is safe in it.
pub fn digest(text: &str) -> String {
    format!("{:016x}", XxHash3_64::oneshot(text.as_bytes()))
}

/// Where a key is found in an index that keeps no keys.
pub(crate) fn hash(key: &str) -> i64 {
    XxHash3_64::oneshot(key.as_bytes()).cast_signed()
}
