//! The JSON Schema of values that a type alone does not describe.

use fortilake_crawler::System;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::INCLUDE;

pub(super) fn system(_: &mut SchemaGenerator) -> Schema {
    let names: Vec<_> = System::all().map(System::name).collect();
    json_schema!({ "type": "string", "enum": names })
}

pub(super) fn include(_: &mut SchemaGenerator) -> Schema {
    let names = INCLUDE.map(|(name, _)| name);
    json_schema!({ "type": "array", "items": { "type": "string", "enum": names }, "default": [] })
}

/// A password or key, which is never in the file itself.
pub(super) fn reference(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "anyOf": references() })
}

/// A name, which may be in the file or a reference.
pub(super) fn name(_: &mut SchemaGenerator) -> Schema {
    let mut forms = references();
    forms.push(json!({ "type": "string" }));
    json_schema!({ "anyOf": forms })
}

fn references() -> Vec<Value> {
    let text = json!({ "type": "string" });
    let words = json!({ "type": "array", "items": { "type": "string" }, "minItems": 1 });
    [("env", &text), ("file", &text), ("command", &words)]
        .into_iter()
        .map(|(form, value)| {
            json!({
                "type": "object",
                "properties": { form: value },
                "required": [form],
                "additionalProperties": false,
            })
        })
        .collect()
}
