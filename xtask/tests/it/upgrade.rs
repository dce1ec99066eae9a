//! Converts Swagger 2.0 to the parts of `OpenAPI` 3.0 that [`crate::swagger`] renders, so that its
//! tests also pass when the descriptions in the repository are the vendor's originals.

use serde_json::{Map, Value, json};

/// Converts a description in Swagger 2.0. Other descriptions stay as they are.
pub(crate) fn upgrade(api: &Value) -> Value {
    if api["swagger"].is_null() {
        return api.clone();
    }
    let base = api["basePath"]
        .as_str()
        .unwrap_or_default()
        .trim_matches('/');
    let host = api["host"].as_str().unwrap_or("vendor.example");
    let paths = api["paths"].as_object().unwrap().iter();
    let paths: Map<String, Value> = paths
        .map(|(path, item)| (path.clone(), upgraded_path(api, item)))
        .collect();
    json!({
        "openapi": "3.0.3",
        "servers": [{"url": format!("https://{host}/{base}").trim_end_matches('/')}],
        "paths": paths,
        "components": {"schemas": api["definitions"]},
    })
}

fn upgraded_path(api: &Value, item: &Value) -> Value {
    let shared = item["parameters"].as_array().cloned().unwrap_or_default();
    let operations = item.as_object().unwrap().iter();
    let operations = operations.filter(|(_, operation)| operation.get("responses").is_some());
    let operations = operations.map(|(method, operation)| {
        let own = operation["parameters"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let all = shared.iter().chain(&own).map(|part| resolved(api, part));
        let (bodies, others): (Vec<_>, Vec<_>) = all.partition(|part| part["in"] == "body");
        let others: Vec<Value> = others.iter().map(parameter).collect();
        let responses = operation["responses"].as_object().unwrap().iter();
        let responses: Map<String, Value> = responses
            .map(|(code, response)| (code.clone(), content(&resolved(api, response))))
            .collect();
        let mut upgraded = json!({"parameters": others, "responses": responses});
        if let Some(body) = bodies.first() {
            upgraded["requestBody"] = content(body);
        }
        (method.clone(), upgraded)
    });
    Value::Object(operations.collect())
}

/// Follows a reference to a shared parameter or response.
fn resolved(api: &Value, part: &Value) -> Value {
    match part["$ref"].as_str() {
        Some(target) => {
            let pointer = target.trim_start_matches('#').replace("%20", " ");
            api.pointer(&pointer).unwrap().clone()
        }
        None => part.clone(),
    }
}

fn parameter(old: &Value) -> Value {
    let mut schema = old.clone();
    for member in ["name", "in", "required", "description"] {
        schema.as_object_mut().unwrap().remove(member);
    }
    json!({"name": old["name"], "in": old["in"], "schema": schema})
}

fn content(part: &Value) -> Value {
    match part.get("schema") {
        Some(schema) => json!({"content": {"application/json": {"schema": schema}}}),
        None => json!({}),
    }
}
