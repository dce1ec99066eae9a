//! Reads responses as their described types.

use fortilake_auth::quotable;
use fortilake_models::Endpoint;
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;

use crate::{Error, Result};

/// Reads a response as the type from its description.
///
/// The response may contain secrets, so the error quotes none of its text. It only says where a
/// value does not fit and what kind of value it is.
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
        // A path consists of names that the server has chosen, so it has to be made printable.
        let path = quotable(&path.to_string(), &[]);
        let path = if path.is_empty() { "." } else { &path };
        Error::shape(label, path, reason.map(|reason| quotable(&reason, &[])))
    })
}

/// Removes from an error text everything that it quotes.
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
