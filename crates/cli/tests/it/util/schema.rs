//! A validator for the part of JSON Schema that `config schema` uses.
//!
//! It panics on a keyword that it does not know, so that no test passes because a rule was skipped.

use serde_json::Value;

/// Why `value` does not fit the schema, by path; empty if it does.
pub(crate) fn complaints(schema: &Value, value: &Value) -> Vec<String> {
    check(schema, schema, value, "")
}

fn check(root: &Value, schema: &Value, value: &Value, path: &str) -> Vec<String> {
    let Value::Object(keywords) = schema else {
        return match schema {
            Value::Bool(true) => Vec::new(),
            Value::Bool(false) => vec![format!("{path}: not allowed")],
            _ => panic!("{schema} is no schema"),
        };
    };
    let mut found = Vec::new();
    for (keyword, rule) in keywords {
        let fits = |branch: &&Value| check(root, branch, value, path).is_empty();
        let branches = || rule.as_array().unwrap().iter();
        let length = value.as_array().map(Vec::len);
        let is_met = match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" | "default" | "x-secret"
            | "x-shown-words" => true,
            "$ref" => {
                let target = rule.as_str().unwrap().strip_prefix('#').unwrap();
                let target = root.pointer(target).unwrap_or_else(|| panic!("no {rule}"));
                found.extend(check(root, target, value, path));
                true
            }
            "type" => match rule {
                Value::String(name) => is(value, name),
                names => {
                    (names.as_array().unwrap().iter()).any(|name| is(value, name.as_str().unwrap()))
                }
            },
            "const" => value == rule,
            "enum" => branches().any(|word| word == value),
            "minimum" => value
                .as_f64()
                .is_none_or(|number| number >= rule.as_f64().unwrap()),
            "maximum" => value
                .as_f64()
                .is_none_or(|number| number <= rule.as_f64().unwrap()),
            "minItems" => length.is_none_or(|length| length as u64 >= rule.as_u64().unwrap()),
            "maxItems" => length.is_none_or(|length| length as u64 <= rule.as_u64().unwrap()),
            "anyOf" => branches().any(|branch| fits(&branch)),
            "oneOf" => branches().filter(fits).count() == 1,
            "required" => branches().all(|name| {
                let members = value.as_object();
                members.is_none_or(|members| members.contains_key(name.as_str().unwrap()))
            }),
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    found.extend(check(root, rule, item, &format!("{path}[{index}]")));
                }
                true
            }
            "properties" | "additionalProperties" => {
                let properties = &schema["properties"];
                for (name, member) in value.as_object().into_iter().flatten() {
                    let known = properties.get(name);
                    let rule = match keyword.as_str() {
                        "properties" => known,
                        _ => known.is_none().then_some(rule),
                    };
                    let path = format!("{path}.{name}");
                    found.extend(
                        rule.into_iter()
                            .flat_map(|rule| check(root, rule, member, &path)),
                    );
                }
                true
            }
            other => panic!("the validator does not know `{other}`"),
        };
        if !is_met {
            found.push(format!("{path}: `{keyword}` is not met"));
        }
    }
    found
}

fn is(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        _ => panic!("the validator does not know the type `{name}`"),
    }
}
