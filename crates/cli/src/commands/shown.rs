//! Arguments as they may be seen.

use fortilake_crawler::client::models::Endpoint;
use serde_json::{Map, Value};

/// What stands for a value that must not be shown.
const HIDDEN: &str = "[hidden]";

/// The arguments of a call with secrets hidden, at any depth.
pub(super) fn shown(endpoint: &Endpoint, arguments: &Map<String, Value>) -> Map<String, Value> {
    let member = |(name, value): (&String, &Value)| {
        let value = if endpoint.is_secret(name) {
            Value::from(HIDDEN)
        } else {
            without_secrets(endpoint, value)
        };
        (name.clone(), value)
    };
    arguments.iter().map(member).collect()
}

fn without_secrets(endpoint: &Endpoint, value: &Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(shown(endpoint, members)),
        Value::Array(items) => items
            .iter()
            .map(|item| without_secrets(endpoint, item))
            .collect(),
        value => value.clone(),
    }
}
