//! Checks the access to a FortiAuthenticator and estimates the calls of a crawl.

use fortilake_auth::printable;
use fortilake_client::Client;
use serde_json::json;

use super::{COUNTERS, TOKENS, UNIT};
use crate::{
    Facts,
    systems::{Check, Estimate, ask},
};

/// Asks the unit for its identity.
pub(super) async fn check(client: &Client) -> Check {
    let found = ask(client, UNIT, json!({})).await.map(|facts| match facts {
        Ok(Facts::Unit(unit)) => {
            // A unit that is not part of a cluster has no second serial number.
            let texts = unit.iter().filter_map(|(_, value)| value.as_str());
            let texts = texts.filter(|text| !text.is_empty());
            printable(&texts.collect::<Vec<_>>().join(", "))
        }
        _ => String::new(),
    });
    Check::of_one("FortiAuthenticator", found)
}

/// Every unit needs the same calls, unless it has more tokens than fit into one response.
pub(super) fn estimate() -> Estimate {
    Estimate {
        calls: [UNIT, COUNTERS, TOKENS]
            .into_iter()
            .map(|endpoint| (endpoint.to_owned(), 1))
            .collect(),
        basis: "the calls that every unit needs, assuming at most 1000 tokens".to_owned(),
    }
}
