//! Checks that a response can be trusted, by the rules of a crawl.

use fortilake_crawler::{Facts, Names};
use fortilake_models::Endpoint;
use serde_json::{Map, Value};

/// The facts of a response to a call with these arguments.
///
/// # Errors
///
/// If a crawl would fail the scope of this response: its rows are missing and it does not prove
/// that there are none, or they belong to something else than what was asked for.
pub(super) fn facts(
    endpoint: &Endpoint,
    arguments: &Map<String, Value>,
    response: &str,
) -> anyhow::Result<Facts> {
    let facts = Facts::read(endpoint.id, response, Names::Unwanted)?;
    match facts.mismatch(arguments) {
        Some(mismatch) => Err(anyhow::Error::msg(mismatch)),
        None => Ok(facts),
    }
}
