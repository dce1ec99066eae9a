//! Hides secrets in arguments before they are printed.

use fortilake_models::Endpoint;
use serde_json::{Map, Value};

/// Replaces the value of a secret.
const HIDDEN: &str = "[hidden]";

/// The arguments of a call, with secrets replaced at any depth.
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
