//! Answers as types.

use fortilake_auth::models::Endpoint;
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;

use crate::{Error, Result};

/// Reads an answer as the type that the description gives it.
///
/// The answer may hold secrets, so the error quotes no text of it; it says where and of what kind
/// the value is that does not fit.
pub(crate) fn read<T: DeserializeOwned>(
    endpoint: &Endpoint,
    label: &str,
    answer: &str,
) -> Result<T> {
    let mut deserializer = serde_json::Deserializer::from_str(answer);
    serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path();
        let secret = path
            .iter()
            .any(|segment| matches!(segment, Segment::Map { key } if endpoint.is_secret(key)));
        let reason = (!secret).then(|| without_texts(&error.inner().to_string()));
        Error::shape(label, &path.to_string(), reason)
    })
}

/// The text of an error without what it quotes.
fn without_texts(error: &str) -> String {
    match (error.find('"'), error.rfind('"')) {
        (Some(start), Some(end)) if start < end => {
            format!("{}…{}", &error[..=start], &error[end..])
        }
        _ => error.to_owned(),
    }
}

#[cfg(test)]
mod tests;
