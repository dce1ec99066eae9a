//! Short digests of long names, for message ids and store keys.

use std::fmt::{self, Write as _};

use sha2::{Digest as _, Sha256};

/// Half of a SHA-256 digest: short enough for a readable id, and still practically free of collisions.
const BYTES: usize = 16;

/// A digest as lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Digest(String);

impl Digest {
    /// Parses the output of [`Display`](fmt::Display) and accepts no other spelling.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let is_digest = text.len() == 2 * BYTES && text.bytes().all(is_digit);
        is_digest.then(|| Self(text.to_owned()))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The digest of a list of texts.
///
/// Each text is hashed with its length, so `["ab", "c"]` and `["a", "bc"]` have different digests.
pub(crate) fn of(texts: &[&str]) -> Digest {
    let mut hasher = Sha256::new();
    for text in texts {
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text);
    }
    Digest(hex(&hasher.finalize()[..BYTES]))
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
