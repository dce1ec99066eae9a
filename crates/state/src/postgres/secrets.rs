//! Encrypting tokens.
//!
//! A token lets its holder call the API as the user. In the file, file permissions protect it. A
//! database is read by more people and programs, and its backups are kept for years. So tokens are
//! encrypted and authenticated with a key that is not in the database. What a token belongs to is
//! authenticated with it, so that it cannot be moved to another user's row.

use std::fmt;

use ring::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    rand::{SecureRandom as _, SystemRandom},
};

use crate::{Error, Kind, Result};

/// The key that encrypts tokens.
pub struct TokenKey(LessSafeKey);

impl TokenKey {
    /// Reads a key of 32 bytes from 64 hexadecimal digits. Errors do not quote them.
    ///
    /// A passphrase would be easier to remember, but somebody with a copy of the database could guess
    /// it.
    ///
    /// # Errors
    ///
    /// [`Kind::Refused`] if the text is something else.
    pub fn parse(text: &str) -> Result<Self> {
        let digits: Option<Vec<u8>> = text
            .chars()
            .map(|digit| digit.to_digit(16).and_then(|digit| digit.try_into().ok()))
            .collect();
        let key = digits.filter(|digits| digits.len() == 64).map(|digits| {
            let bytes = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]);
            bytes.collect::<Vec<u8>>()
        });
        let key = key.and_then(|bytes| UnboundKey::new(&CHACHA20_POLY1305, &bytes).ok());
        let key = key.ok_or_else(|| {
            Error::new(
                Kind::Refused,
                "the key that encrypts tokens is not 64 hexadecimal digits",
            )
            .with_hint("make one with `openssl rand -hex 32`")
        })?;
        Ok(Self(LessSafeKey::new(key)))
    }

    /// Encrypts a text that belongs to `owner`. Returns the nonce and the result.
    ///
    /// Nonces are random. Two of them are equal after about 2^48 tokens, and there is one every hour.
    pub(super) fn seal(&self, owner: &[u8], text: &str) -> Option<(Vec<u8>, Vec<u8>)> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).ok()?;
        let mut sealed = text.as_bytes().to_vec();
        self.0
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(owner),
                &mut sealed,
            )
            .ok()?;
        Some((nonce.to_vec(), sealed))
    }

    /// Decrypts a text; `None` if it was encrypted with another key or for another owner, or was
    /// changed.
    pub(super) fn open(&self, owner: &[u8], nonce: &[u8], sealed: &[u8]) -> Option<String> {
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = sealed.to_vec();
        let text = self.0.open_in_place(nonce, Aad::from(owner), &mut text);
        String::from_utf8(text.ok()?.to_vec()).ok()
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TokenKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(digit: &str) -> TokenKey {
        TokenKey::parse(&digit.repeat(64)).expect("a key")
    }

    #[test]
    fn only_the_same_key_and_owner_open_a_token() {
        let (nonce, sealed) = key("a").seal(b"user iam", "EXAMPLE").expect("sealed");
        let open = |key: TokenKey, owner: &[u8], sealed: &[u8]| key.open(owner, &nonce, sealed);
        let found = open(key("a"), b"user iam", &sealed);
        assert_eq!(found.as_deref(), Some("EXAMPLE"));
        assert_eq!(open(key("b"), b"user iam", &sealed), None);
        assert_eq!(open(key("a"), b"user organization", &sealed), None);
        let mut changed = sealed.clone();
        changed[0] ^= 1;
        assert_eq!(open(key("a"), b"user iam", &changed), None);
        let again = key("a").seal(b"user iam", "EXAMPLE").expect("sealed");
        assert_ne!(again, (nonce.clone(), sealed));
    }

    #[test]
    fn what_is_no_key_is_refused_without_quoting_it() {
        for text in [
            "",
            "s3cret",
            &"a".repeat(63),
            &"g".repeat(64),
            &"ä".repeat(32),
        ] {
            let error = TokenKey::parse(text).expect_err("it is refused");
            assert_eq!(error.kind(), Kind::Refused);
            assert!(!error.to_string().contains("s3cret"));
        }
    }
}
