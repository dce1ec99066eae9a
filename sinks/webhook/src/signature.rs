//! Signatures after the Standard Webhooks specification, version 1.0.0.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use fortilake_sink::{Error, Kind, Result};
use hmac::{Hmac, Mac as _};
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use sha2::Sha256;

/// What every secret begins with.
const PREFIX: &str = "whsec_";

/// The lengths of keys in bytes that the specification allows.
const LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;

/// The keys that sign; all of them, so that a receiver can change from one to the next at its own time.
#[derive(Debug, Default)]
pub(crate) struct Signer(Vec<SecretSlice<u8>>);

impl Signer {
    /// Reads secrets as `whsec_` and base64.
    pub(crate) fn new(secrets: &[SecretString]) -> Result<Self> {
        let keys: Result<_> = secrets.iter().map(key).collect();
        Ok(Self(keys?))
    }

    /// The value of `webhook-signature`, or nothing if there is no key.
    ///
    /// `body` is what the receiver's library sees: the body before it was compressed.
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

fn key(secret: &SecretString) -> Result<SecretSlice<u8>> {
    let wrong = |reason: &str| Error::new(Kind::Config, format!("a signing secret {reason}"));
    let text = secret.expose_secret();
    let Some(text) = text.strip_prefix(PREFIX) else {
        return Err(wrong("does not begin with `whsec_`"));
    };
    // The error of the decoder would name a byte of the secret.
    let key = STANDARD_NO_PAD
        .decode(text.trim_end_matches('='))
        .map_err(|_| wrong("is not base64 after `whsec_`"))?;
    if !LENGTHS.contains(&key.len()) {
        let (low, high) = (LENGTHS.start(), LENGTHS.end());
        return Err(wrong(&format!(
            "has {} bytes, and {low} to {high} are wanted",
            key.len()
        )));
    }
    Ok(key.into())
}

#[cfg(test)]
mod tests;
