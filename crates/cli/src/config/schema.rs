//! The JSON Schema of the configuration file, with the options of every sink in this build.

use fortilake_sink::{Descriptor, registry};
use schemars::schema_for;
use serde_json::{Map, Value, json};

use super::file::File;
use crate::exit::Result;

/// The JSON Schema of `fortilake.toml`.
pub(crate) fn schema() -> Result<Value> {
    let mut schema = schema_for!(File).to_value();
    schema["title"] = json!("fortilake.toml");
    let mut sinks = Vec::new();
    for descriptor in registry::all()? {
        let (sink, definitions) = sink(descriptor);
        sinks.push(sink);
        for (name, definition) in definitions {
            schema["$defs"][name] = definition;
        }
    }
    schema["properties"]["sink"]["items"] = json!({ "oneOf": sinks });
    tidy(&mut schema);
    Ok(schema)
}

/// The schema of one `[[sink]]`, and the definitions that it refers to.
fn sink(descriptor: &Descriptor) -> (Value, Map<String, Value>) {
    let mut schema = (descriptor.options)().to_value();
    // Two sinks may have different types of the same name.
    let prefix = format!("{}.", descriptor.name);
    rename(&mut schema, &prefix);
    let definitions = match schema.as_object_mut().and_then(|map| map.remove("$defs")) {
        Some(Value::Object(definitions)) => definitions
            .into_iter()
            .map(|(name, definition)| (format!("{prefix}{name}"), definition))
            .collect(),
        _ => Map::new(),
    };
    let mut required = vec![json!("type")];
    if let Some(Value::Array(names)) = schema.get("required") {
        required.extend(names.iter().cloned());
    }
    let mut properties = json!({ "type": { "const": descriptor.name } });
    if let (Value::Object(all), Some(Value::Object(own))) =
        (&mut properties, schema.get("properties"))
    {
        all.extend(own.clone());
    }
    let schema = json!({
        "title": descriptor.name,
        "description": descriptor.summary,
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": schema.get("additionalProperties").unwrap_or(&json!(false)),
    });
    (schema, definitions)
}

/// Adds a prefix to the names of all definitions that a schema refers to.
fn rename(schema: &mut Value, prefix: &str) {
    const DEFINITIONS: &str = "#/$defs/";
    match schema {
        Value::Object(members) => {
            if let Some(Value::String(target)) = members.get_mut("$ref")
                && let Some(name) = target.strip_prefix(DEFINITIONS)
            {
                *target = format!("{DEFINITIONS}{prefix}{name}");
            }
            members
                .values_mut()
                .for_each(|member| rename(member, prefix));
        }
        Value::Array(values) => values.iter_mut().for_each(|value| rename(value, prefix)),
        _ => {}
    }
}

/// Removes what editors cannot use: null, which TOML does not have, and the formats of Rust's
/// numbers, which some validators refuse.
fn tidy(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::Array(types)) = members.get_mut("type") {
                types.retain(|name| name != "null");
                if let [one] = types.as_slice() {
                    let one = one.clone();
                    members.insert("type".to_owned(), one);
                }
            }
            if let Some(Value::Array(branches)) = members.get_mut("anyOf") {
                branches.retain(|branch| branch != &json!({ "type": "null" }));
            }
            members.retain(|name, member| match name.as_str() {
                "format" => !member.is_string(),
                "default" => !member.is_null(),
                _ => true,
            });
            members.values_mut().for_each(tidy);
        }
        Value::Array(values) => values.iter_mut().for_each(tidy),
        _ => {}
    }
}
