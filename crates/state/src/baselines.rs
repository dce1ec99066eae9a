//! Baselines: the figures that the guard compares the next snapshot with.

#[cfg(test)]
mod tests;

use crate::{Error, Kind, Result};

/// The figures of the last complete snapshot of some sources.
///
/// They are stored apart from the crawl, because old crawls are removed. If the last complete crawl
/// is removed after a series of failed ones, the guard must still have something to compare with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Baseline {
    /// The snapshot's name.
    pub snapshot: String,
    /// The figures, in the caller's own format.
    pub figures: String,
}

impl Baseline {
    /// The compressed figures.
    pub(crate) fn compressed(&self) -> Result<Vec<u8>> {
        zstd::encode_all(self.figures.as_bytes(), 0).map_err(|error| {
            let message = "cannot compress the row counts of a snapshot";
            Error::new(Kind::Unforeseen, message).with_source(error)
        })
    }

    /// A baseline with compressed figures; `None` if they cannot be read.
    pub(crate) fn decompressed(snapshot: String, body: &[u8]) -> Option<Self> {
        let figures = zstd::decode_all(body).ok()?;
        let figures = String::from_utf8(figures).ok()?;
        Some(Self { snapshot, figures })
    }
}
