//! Renders our descriptions as the vendor might have written them: as Swagger 2.0, with other
//! schema names, without `required` and descriptions, with ids as text, and in another order.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use serde_json::{Map, Value, json};

use crate::{habits::Habit, upgrade};

/// The properties of a rendering.
#[derive(Clone, Copy)]
pub(crate) struct Edition {
    /// The seed for the order of all members.
    pub(crate) seed: u64,
    /// Whether every body has an additional field.
    pub(crate) has_new_fields: bool,
    /// What else its author does differently.
    pub(crate) habits: &'static [Habit],
}

/// Renders all descriptions of a folder into another folder. Other files are copied.
pub(crate) fn render_folder(from: &Path, to: &Path, edition: Edition) {
    for entry in fs::read_dir(from).unwrap() {
        let file = entry.unwrap();
        let name = file.file_name().into_string().unwrap();
        let text = fs::read_to_string(file.path()).unwrap();
        let stem = name.strip_suffix(".json");
        let is_description = stem.is_some_and(|stem| !stem.contains(".patch"));
        let text = if is_description {
            render(&serde_json::from_str(&text).unwrap(), edition)
        } else {
            text
        };
        fs::write(to.join(name), text).unwrap();
    }
}

/// Renders all descriptions of a folder into one description of all services, and copies
/// `tables.toml`. The patches become the patch of that description.
pub(crate) fn render_together(from: &Path, to: &Path, edition: Edition) {
    let mut all = json!({"swagger": "2.0", "paths": {}, "definitions": {}});
    let mut changes: Vec<Value> = Vec::new();
    let mut files: Vec<_> = fs::read_dir(from).unwrap().map(Result::unwrap).collect();
    files.sort_by_key(fs::DirEntry::file_name);
    for (number, file) in files.iter().enumerate() {
        let name = file.file_name().into_string().unwrap();
        let text = fs::read_to_string(file.path()).unwrap();
        let Some(stem) = name.strip_suffix(".json") else {
            fs::write(to.join(name), text).unwrap();
            continue;
        };
        let content: Value = serde_json::from_str(&text).unwrap();
        if !stem.contains(".patch") {
            add(&mut all, swagger(&content, edition), number);
            continue;
        }
        for change in content["changes"].as_array().unwrap() {
            if !changes.contains(change) {
                changes.push(change.clone());
            }
        }
    }
    let patch = json!({"reason": "Mistakes of several services.", "changes": changes});
    fs::write(to.join("All.json"), shuffled(&all, edition)).unwrap();
    fs::write(to.join("All.patch.json"), patch.to_string()).unwrap();
}

/// Adds the paths and the schemas of a description to another one. A number makes the names of
/// schemas unique.
fn add(all: &mut Value, mut api: Value, number: usize) {
    let base = api["basePath"].as_str().unwrap().trim_end_matches('/');
    for (path, item) in object(&api["paths"]) {
        all["paths"][format!("{base}{path}")] = item.clone();
    }
    for (name, schema) in object(&api["definitions"].take()) {
        all["definitions"][format!("{number}.{name}")] = schema.clone();
    }
    let text = all.to_string();
    let text = text.replace("#/definitions/Dto", &format!("#/definitions/{number}.Dto"));
    *all = serde_json::from_str(&text).unwrap();
}

/// Renders one description.
pub(crate) fn render(api: &Value, edition: Edition) -> String {
    shuffled(&swagger(api, edition), edition)
}

fn shuffled(api: &Value, edition: Edition) -> String {
    let mut text = String::new();
    Shuffle(edition.seed).write(api, &mut text);
    text
}

fn swagger(api: &Value, edition: Edition) -> Value {
    let api = &upgrade::upgrade(api);
    let schemas = object(&api["components"]["schemas"]);
    let names = schemas.keys().enumerate();
    let renderer = Renderer {
        names: names
            .map(|(number, name)| (name.clone(), format!("Dto{}Of{number}", name.len())))
            .collect(),
    };
    let mut swagger = renderer.api(api);
    if edition.has_new_fields {
        add_fields(&mut swagger);
    }
    for habit in edition.habits {
        habit.apply(&mut swagger);
    }
    swagger
}

/// Adds a field to the schema of every body.
fn add_fields(api: &mut Value) {
    let paths = object(&api["paths"])
        .values()
        .flat_map(|path| object(path).values());
    let parameters = paths.filter_map(|operation| operation["parameters"].as_array());
    let bodies = parameters
        .flatten()
        .filter_map(|parameter| parameter["schema"]["$ref"].as_str());
    let names: Vec<String> = bodies
        .filter_map(|target| target.strip_prefix("#/definitions/"))
        .map(str::to_owned)
        .collect();
    for name in names {
        api["definitions"][name]["properties"]["isNewHere"] = json!({"type": "boolean"});
    }
}

struct Renderer {
    names: BTreeMap<String, String>,
}

impl Renderer {
    fn api(&self, api: &Value) -> Value {
        let base = path_of(&api["servers"]);
        // Swagger has only one base path. If a path has its own server, the base path is `/` and
        // all paths contain their full base.
        let shared = object(&api["paths"])
            .values()
            .all(|path| path["servers"].is_null());
        let mut paths = Map::new();
        for (path, item) in object(&api["paths"]) {
            let own = match &item["servers"] {
                Value::Null => &base,
                servers => &path_of(servers),
            };
            let full = if shared {
                path.clone()
            } else {
                format!("{own}{path}")
            };
            paths.insert(full, self.path(item));
        }
        let schemas = object(&api["components"]["schemas"]);
        let definitions: Map<String, Value> = schemas
            .iter()
            .map(|(name, schema)| (self.names[name].clone(), self.schema(schema, "")))
            .collect();
        json!({
            "swagger": "2.0",
            "info": {"title": "Another edition", "version": "9"},
            "host": "vendor.example",
            "basePath": if shared { base } else { "/".to_owned() },
            "schemes": ["https"],
            "paths": paths,
            "definitions": definitions,
        })
    }

    fn path(&self, item: &Value) -> Value {
        let mut path = Map::new();
        for (name, value) in object(item) {
            match (name.as_str(), value) {
                ("servers", _) => {}
                ("parameters", Value::Array(list)) => {
                    let list = list.iter().map(|parameter| self.parameter(parameter));
                    path.insert(name.clone(), list.collect());
                }
                (_, operation) => {
                    path.insert(name.clone(), self.operation(operation));
                }
            }
        }
        Value::Object(path)
    }

    fn operation(&self, operation: &Value) -> Value {
        let mut parameters: Vec<Value> = Vec::new();
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            parameters.push(self.parameter(parameter));
        }
        if let Some(schema) = schema_of(&operation["requestBody"]) {
            let schema = self.schema(schema, "");
            parameters.push(json!({"in": "body", "name": "payload", "schema": schema}));
        }
        let mut responses = Map::new();
        for (code, response) in object(&operation["responses"]) {
            let mut rendered = Map::new();
            rendered.insert("description".to_owned(), json!(""));
            if let Some(schema) = schema_of(response) {
                rendered.insert("schema".to_owned(), self.schema(schema, ""));
            }
            responses.insert(code.clone(), Value::Object(rendered));
        }
        json!({
            "operationId": "anotherName",
            "produces": ["application/json"],
            "parameters": parameters,
            "responses": responses,
        })
    }

    fn parameter(&self, parameter: &Value) -> Value {
        let name = parameter["name"].as_str().unwrap();
        let mut rendered = object(&self.schema(&parameter["schema"], name)).clone();
        rendered.insert("name".to_owned(), json!(name));
        rendered.insert("in".to_owned(), parameter["in"].clone());
        if parameter["in"] == "path" {
            rendered.insert("required".to_owned(), json!(true));
        }
        Value::Object(rendered)
    }

    /// Renders a schema. `name` is the property that it belongs to.
    fn schema(&self, schema: &Value, name: &str) -> Value {
        let mut rendered = Map::new();
        for (keyword, value) in object(schema) {
            let value = match keyword.as_str() {
                "description" | "example" | "required" | "nullable" | "summary" => continue,
                "$ref" => {
                    json!(format!("#/definitions/{}", self.names[&name_of(value)]))
                }
                "properties" => {
                    let members = object(value).iter();
                    members
                        .map(|(name, schema)| (name.clone(), self.schema(schema, name)))
                        .collect()
                }
                "items" => self.schema(value, name),
                "allOf" => {
                    let parts = value.as_array().unwrap().iter();
                    parts.map(|part| self.schema(part, name)).collect()
                }
                "additionalProperties" if value.is_object() => self.schema(value, ""),
                _ => value.clone(),
            };
            rendered.insert(keyword.clone(), value);
        }
        if is_id(name) && rendered.get("type") == Some(&json!("integer")) {
            rendered.insert("type".to_owned(), json!("string"));
            rendered.remove("format");
            rendered.remove("minimum");
        }
        Value::Object(rendered)
    }
}

/// Returns the name of the schema that a reference leads to.
fn name_of(reference: &Value) -> String {
    let target = reference.as_str().unwrap();
    let name = target.strip_prefix("#/definitions/");
    let name = name.or_else(|| target.strip_prefix("#/components/schemas/"));
    let name = name.unwrap().replace("%20", " ");
    name.replace("~1", "/").replace("~0", "~")
}

/// The ids in the descriptions whose names do not say so.
const OTHER_IDS: [&str; 7] = [
    "customer",
    "oid",
    "org",
    "service_provider",
    "site",
    "sites",
    "user",
];

fn is_id(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    lower == "id"
        || OTHER_IDS.contains(&name)
        || name.ends_with("Id")
        || name.ends_with("ID")
        || name.ends_with("Ids")
        || lower.ends_with("_oid")
}

fn object(value: &Value) -> &Map<String, Value> {
    static EMPTY: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    value.as_object().unwrap_or(&EMPTY)
}

fn schema_of(content: &Value) -> Option<&Value> {
    content["content"]["application/json"].get("schema")
}

/// Returns the path of the first server in lower case.
fn path_of(servers: &Value) -> String {
    let url = servers[0]["url"].as_str().unwrap_or_default();
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').map_or("", |slash| &rest[slash..]);
    path.to_ascii_lowercase()
}

/// Writes JSON with the members of every object in random order.
struct Shuffle(u64);

impl Shuffle {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 1).unwrap() % limit
    }

    fn write(&mut self, value: &Value, text: &mut String) {
        match value {
            Value::Object(members) => {
                let mut members: Vec<_> = members.iter().collect();
                for last in (1..members.len()).rev() {
                    let other = self.below(last + 1);
                    members.swap(last, other);
                }
                text.push('{');
                for (position, (name, value)) in members.into_iter().enumerate() {
                    let comma = if position == 0 { "" } else { "," };
                    write!(text, "{comma}{}:", json!(name)).unwrap();
                    self.write(value, text);
                }
                text.push('}');
            }
            Value::Array(items) => {
                text.push('[');
                for (position, item) in items.iter().enumerate() {
                    text.push_str(if position == 0 { "" } else { "," });
                    self.write(item, text);
                }
                text.push(']');
            }
            other => write!(text, "{other}").unwrap(),
        }
    }
}
