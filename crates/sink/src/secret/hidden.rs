//! Options as they may be shown: secrets only as the place where they come from.

use serde_json::{Map, Value, json};

use super::{Reference, Secrecy, follow};

/// What stands in place of text that may be a secret.
const HIDDEN: &str = "…";

/// The JSON Schema keyword for words of which some may be a secret, such as the arguments of a program. Its value is the
/// number of words at the beginning of a list that are shown.
///
/// It changes only what is shown: such an option is written in plain text.
const SHOWN_WORDS: &str = "x-shown-words";

/// Replaces everything in `value` that `schema` marks as a secret, or as what may be one.
///
/// References stay, because they say where a secret is. Of a command only the program stays: its
/// arguments may be a token.
pub(crate) fn hide(root: &Value, schema: &Value, value: &Value) -> Value {
    if let Some(shown) = schema.get(SHOWN_WORDS).and_then(Value::as_u64) {
        return words(value, shown);
    }
    let schema = follow(root, schema);
    let branches = ["anyOf", "oneOf", "allOf"].into_iter();
    let mut branches = branches
        .filter_map(|key| schema.get(key)?.as_array())
        .flatten();
    let is_secret = Secrecy::of(schema).is_some()
        || branches.any(|branch| Secrecy::of(follow(root, branch)).is_some());
    if is_secret {
        return reference(value);
    }
    match value {
        Value::Array(values) => match schema.get("items") {
            Some(items) => values
                .iter()
                .map(|value| hide(root, items, value))
                .collect(),
            None => value.clone(),
        },
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| {
                let property = schema.get("properties").and_then(|all| all.get(name));
                let value = match property.or_else(|| schema.get("additionalProperties")) {
                    Some(wanted) => hide(root, wanted, value),
                    None => value.clone(),
                };
                (name.clone(), value)
            });
            Value::Object(members.collect())
        }
        other => other.clone(),
    }
}

/// The first words of a list or, if there are any, a word on its own; the other words are hidden.
fn words(value: &Value, shown: u64) -> Value {
    match value {
        Value::Array(words) => {
            let shown = usize::try_from(shown)
                .unwrap_or(usize::MAX)
                .min(words.len());
            let mut list = words[..shown].to_vec();
            list.resize(words.len().min(shown + 1), Value::from(HIDDEN));
            list.into()
        }
        Value::String(_) if shown == 0 => Value::from(HIDDEN),
        other => other.clone(),
    }
}

fn reference(value: &Value) -> Value {
    let found = value.as_object().and_then(Reference::read);
    match found {
        Some(Reference::Env(_) | Reference::File(_)) => value.clone(),
        Some(Reference::Command(words)) => {
            let mut shown = vec![words.into_iter().next().unwrap_or_default()];
            shown.push(HIDDEN.to_owned());
            json!({ "command": shown })
        }
        None if value.is_null() => Value::Null,
        None => Value::from(HIDDEN),
    }
}

/// All options of a sink, hidden where necessary.
pub(crate) fn hide_all(schema: &Value, options: &Map<String, Value>) -> Map<String, Value> {
    let shown = options.iter().map(|(name, value)| {
        let property = schema.get("properties").and_then(|all| all.get(name));
        let value = match property {
            Some(property) => hide(schema, property, value),
            None => value.clone(),
        };
        (name.clone(), value)
    });
    shown.collect()
}
