//! Signatures according to the Standard Webhooks specification, version 1.0.0.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use fortilake_sink::{Error, Kind, Result, Secret};
use hmac::{Hmac, Mac as _};
use secrecy::{ExposeSecret as _, SecretSlice};
use sha2::Sha256;

/// The prefix of every secret.
const PREFIX: &str = "whsec_";

/// The key lengths that the specification allows, in bytes.
const LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;

/// Signs with all configured keys, so that a receiver can change from one key to the next at any time.
#[derive(Debug, Default)]
pub(crate) struct Signer(Vec<SecretSlice<u8>>);

impl Signer {
    /// Decodes secrets of the form `whsec_` followed by base64.
    pub(crate) fn new(secrets: &[Secret]) -> Result<Self> {
        let keys: Result<_> = secrets.iter().map(key).collect();
        Ok(Self(keys?))
    }

    /// The value of the header `webhook-signature`; `None` if there is no key.
    ///
    /// `body` is the body before compression, because that is what a receiver's library verifies after the web
    /// framework has decompressed it.
    pub(crate) fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> Option<String> {
        let signatures: Vec<String> = self
            .0
            .iter()
            .map(|key| {
                let mut mac = Hmac::<Sha256>::new_from_slice(key.expose_secret())
                    .expect("HMAC takes keys of any length");
                mac.update(format!("{id}.{timestamp}.").as_bytes());
                mac.update(body);
                format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
            })
            .collect();
        (!signatures.is_empty()).then(|| signatures.join(" "))
    }
}

fn key(secret: &Secret) -> Result<SecretSlice<u8>> {
    let wrong = |reason: &str| Error::new(Kind::Config, format!("a signing secret {reason}"));
    let text = secret.expose();
    let Some(text) = text.strip_prefix(PREFIX) else {
        return Err(wrong("does not begin with `whsec_`"));
    };
    // The decoder's error is dropped, because it would name a byte of the secret.
    let key = STANDARD_NO_PAD
        .decode(text.trim_end_matches('='))
        .map_err(|_| wrong("is not base64 after `whsec_`"))?;
    if !LENGTHS.contains(&key.len()) {
        let (low, high) = (LENGTHS.start(), LENGTHS.end());
        return Err(wrong(&format!(
            "has {} bytes; it must have {low} to {high}",
            key.len()
        )));
    }
    Ok(key.into())
}

#[cfg(test)]
mod tests;
