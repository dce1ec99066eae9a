//! Text that never appears in output.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::{Nullable, lenient};

#[cfg(test)]
mod tests;

/// A secret in a request or a response: a license file, a registration code, a token.
///
/// It is wiped from memory when dropped, and its `Debug` output hides it. It does not implement
/// `Serialize`, so a type that contains one cannot be written to a log or a file by accident. A
/// request that has to be sent names [`serialize_secret`] at the field.
#[derive(Clone, Default)]
pub struct Secret(SecretString);

impl Secret {
    /// Returns the text itself.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(SecretString::from(text))
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(SecretString::from(text))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[secret]")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[secret]")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

/// Serializes the secrets of a request in plain text, for the `serialize_with` of a field.
pub fn serialize_secret<S: Serializer>(
    secret: &impl SerializeSecret,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    secret.serialize_secret(serializer)
}

/// A field of a request that consists of secrets; see [`serialize_secret`].
pub trait SerializeSecret {
    /// Serializes the secrets in plain text.
    fn serialize_secret<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;
}

/// Serializes what it wraps in plain text.
struct Exposed<'a, T>(&'a T);

impl<T: SerializeSecret> Serialize for Exposed<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize_secret(serializer)
    }
}

impl SerializeSecret for Secret {
    fn serialize_secret<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.expose())
    }
}

impl<T: SerializeSecret> SerializeSecret for &T {
    fn serialize_secret<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (*self).serialize_secret(serializer)
    }
}

impl<T: SerializeSecret> SerializeSecret for Option<T> {
    fn serialize_secret<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_ref().map(Exposed).serialize(serializer)
    }
}

impl<T: SerializeSecret> SerializeSecret for Nullable<T> {
    fn serialize_secret<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let secret = match self {
            Self::Absent | Self::Null => None,
            Self::Value(secret) => Some(secret),
        };
        secret.serialize_secret(serializer)
    }
}

impl<T: SerializeSecret> SerializeSecret for Vec<T> {
    fn serialize_secret<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Exposed))
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = lenient::text(deserializer)?;
        text.map(Self::from)
            .ok_or_else(|| D::Error::custom("expected a secret, found null"))
    }
}
