//! What other authors of a description would write differently: each habit changes a rendering
//! without changing what it says about tables.

use serde_json::{Map, Value, json};

/// How an author writes descriptions.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Habit {
    /// No named schemas: every use contains the whole schema.
    Inline,
    /// A reference to a schema is the only part of an `allOf`, next to a title.
    Wrapped,
    /// The properties of an object are the second part of an `allOf`.
    Parts,
    /// No `format`.
    NoFormats,
    /// No `enum`.
    NoValues,
    /// No `type` where `properties` or `items` imply it.
    NoTypes,
    /// Objects allow further members, and say so.
    Open,
    /// All values may be null, as the extension `x-nullable` says.
    Nullable,
    /// All parameters, bodies and responses are shared parts of the description.
    Shared,
    /// The only response is `default`.
    DefaultResponse,
    /// No base path: every path is written in full.
    FullPaths,
    /// The base path has no slash in front.
    BareBase,
    /// The base path and the paths are in capitals.
    Capitals,
    /// Ids are numbers instead of text.
    NumericIds,
    /// Names of schemas contain dots, spaces and brackets.
    OddNames,
    /// Every path has the method `options`, as in exports of API gateways.
    Gateway,
    /// Names of schemas are those of types that hand-written code uses, but not of the same ones.
    MixedNames,
    /// No `operationId`, but tags, content types and extensions everywhere.
    Extensions,
    /// Paths end in a slash.
    Slashes,
    /// The version is a number, as if converted from YAML.
    FromYaml,
    /// Keywords that say nothing are null.
    Nulls,
    /// Lists are named schemas.
    NamedLists,
    /// Plain values are named schemas, which refer to other named schemas.
    NamedValues,
    /// Whether a value may be null is in a part of its own.
    NullableParts,
    /// Integers that are no ids are numbers.
    Numbers,
}

impl Habit {
    pub(crate) const ALL: [Self; 25] = [
        Self::Inline,
        Self::Wrapped,
        Self::Parts,
        Self::NoFormats,
        Self::NoValues,
        Self::NoTypes,
        Self::Open,
        Self::Nullable,
        Self::Shared,
        Self::DefaultResponse,
        Self::FullPaths,
        Self::BareBase,
        Self::Capitals,
        Self::NumericIds,
        Self::OddNames,
        Self::Gateway,
        Self::MixedNames,
        Self::Extensions,
        Self::Slashes,
        Self::FromYaml,
        Self::Nulls,
        Self::NamedLists,
        Self::NamedValues,
        Self::NullableParts,
        Self::Numbers,
    ];

    /// Rewrites a description in Swagger 2.0.
    pub(crate) fn apply(self, api: &mut Value) {
        match self {
            Self::Inline => {
                let definitions = api["definitions"].clone();
                each_schema(api, &mut |schema| {
                    inline(schema, &definitions, &mut Vec::new());
                });
                api["definitions"] = json!({});
            }
            Self::Wrapped => each_schema(api, &mut |schema| {
                if schema.get("$ref").is_some() {
                    *schema = json!({"title": "a part", "allOf": [schema.take()]});
                }
            }),
            Self::Parts => each_schema(api, &mut |schema| {
                if schema.get("properties").is_some() {
                    *schema = json!({"allOf": [{"type": "object"}, schema.take()]});
                }
            }),
            Self::NoFormats => each_schema(api, &mut |schema| remove(schema, "format")),
            Self::NoValues => each_schema(api, &mut |schema| remove(schema, "enum")),
            Self::NoTypes => each_schema(api, &mut |schema| {
                if schema.get("properties").is_some() || schema.get("items").is_some() {
                    remove(schema, "type");
                }
            }),
            Self::Open => each_schema(api, &mut |schema| {
                if schema
                    .get("properties")
                    .is_some_and(|properties| *properties != json!({}))
                {
                    schema["additionalProperties"] = json!({});
                }
            }),
            Self::Nullable => each_schema(api, &mut |schema| schema["x-nullable"] = json!(true)),
            Self::Shared => shared(api),
            Self::DefaultResponse => each_operation(api, &mut |operation| {
                let responses = operation["responses"].as_object().unwrap();
                let best = responses.get("200").or_else(|| responses.get("201"));
                if let Some(best) = best.cloned() {
                    operation["responses"] = json!({"default": best});
                }
            }),
            Self::FullPaths => {
                let base = api["basePath"].as_str().unwrap().to_owned();
                rename_paths(api, &|path| format!("{}{path}", base.trim_end_matches('/')));
                api.as_object_mut().unwrap().remove("basePath");
            }
            Self::BareBase => {
                let base = api["basePath"].as_str().unwrap();
                api["basePath"] = json!(base.trim_start_matches('/'));
            }
            Self::Capitals => {
                let base = api["basePath"].as_str().unwrap().to_uppercase();
                api["basePath"] = json!(base);
                rename_paths(api, &capitals);
            }
            Self::NumericIds => each_schema(api, &mut make_ids_numeric),
            Self::OddNames => rename_schemas(api, &|number| format!("List«Dto {number}» of a.b/c")),
            Self::FromYaml => api["swagger"] = json!(2.0),
            Self::Gateway => {
                for item in api["paths"].as_object_mut().unwrap().values_mut() {
                    item["options"] =
                        json!({"parameters": [], "responses": {"200": {"description": ""}}});
                }
            }
            Self::Extensions => add_extensions(api),
            Self::Nulls => each_schema(api, &mut |schema| {
                for keyword in ["allOf", "enum", "format", "items", "title", "x-nullable"] {
                    let members = schema.as_object_mut().unwrap();
                    members.entry(keyword).or_insert(Value::Null);
                }
            }),
            Self::NamedLists => name_schemas(api, &["array"]),
            Self::NamedValues => {
                name_schemas(api, &["boolean", "integer", "number", "string"]);
                name_schemas(api, &["reference"]);
            }
            Self::NullableParts => each_schema(api, &mut |schema| {
                if schema.get("type").is_some() {
                    *schema = json!({"allOf": [{"x-nullable": true}, schema.take()]});
                }
            }),
            Self::Numbers => each_schema(api, &mut |schema| {
                if schema["type"] == "integer" {
                    schema["type"] = json!("number");
                    remove(schema, "format");
                }
            }),
            Self::Slashes => rename_paths(api, &|path| format!("{}/", path.trim_end_matches('/'))),
            Self::MixedNames => rename_schemas(api, &|number| {
                let names = ["Asset", "Error", "LocationInput", "ProductsListResponse"];
                match names.get(number) {
                    Some(name) => (*name).to_owned(),
                    None => format!("ProductsListRequest{number}"),
                }
            }),
        }
    }
}

fn add_extensions(api: &mut Value) {
    each_schema(api, &mut |schema| schema["x-order"] = json!(1));
    each_operation(api, &mut |operation| {
        remove(operation, "operationId");
        operation["tags"] = json!(["a tag", "another"]);
        operation["consumes"] = json!(["text/json", "application/json"]);
        operation["x-sample"] = json!({"$ref": "sample.json"});
    });
    api["paths"]["x-paths"] = json!({"get": "nothing"});
}

fn make_ids_numeric(schema: &mut Value) {
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    for (name, schema) in properties.into_iter().flatten() {
        if name.ends_with("Id") && schema["type"] == "string" {
            schema["type"] = json!("number");
        }
    }
}

fn remove(schema: &mut Value, keyword: &str) {
    schema.as_object_mut().unwrap().remove(keyword);
}

/// The path in capitals, except for the names of parameters.
fn capitals(path: &str) -> String {
    let segments = path.split('/').map(|segment| match segment {
        parameter if parameter.starts_with('{') => parameter.to_owned(),
        segment => segment.to_uppercase(),
    });
    segments.collect::<Vec<_>>().join("/")
}

fn rename_paths(api: &mut Value, rename: &dyn Fn(&str) -> String) {
    let paths = api["paths"].as_object().unwrap().iter();
    let paths: Map<String, Value> = paths
        .map(|(path, item)| (rename(path), item.clone()))
        .collect();
    api["paths"] = Value::Object(paths);
}

/// Gives the named schemas other names, by their number.
fn rename_schemas(api: &mut Value, rename: &dyn Fn(usize) -> String) {
    let old: Vec<String> = api["definitions"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    each_schema(api, &mut |schema| {
        let Some(target) = schema.get("$ref").and_then(Value::as_str) else {
            return;
        };
        let known = old
            .iter()
            .position(|name| target.ends_with(&format!("/{name}")));
        let name = rename(known.unwrap()).replace('~', "~0").replace('/', "~1");
        schema["$ref"] = json!(format!("#/definitions/{}", name.replace(' ', "%20")));
    });
    let definitions = api["definitions"].as_object().unwrap().values().cloned();
    let named = definitions
        .enumerate()
        .map(|(number, schema)| (rename(number), schema));
    api["definitions"] = Value::Object(named.collect());
}

/// Makes named schemas of all schemas of these types that are not yet.
fn name_schemas(api: &mut Value, types: &[&str]) {
    let mut named = Map::new();
    let mut give_name = |schema: &mut Value| {
        let ty = match schema.get("$ref") {
            Some(_) => Some("reference"),
            None => schema.get("type").and_then(Value::as_str),
        };
        // A named enum gives its name to its type.
        if schema.get("enum").is_none() && ty.is_some_and(|ty| types.contains(&ty)) {
            let name = format!("{}{}", types[0], named.len());
            let link = json!({"$ref": format!("#/definitions/{name}")});
            named.insert(name, std::mem::replace(schema, link));
        }
    };
    each_schema(api, &mut give_name);
    api["definitions"].as_object_mut().unwrap().extend(named);
}

fn each_operation(api: &mut Value, change: &mut dyn FnMut(&mut Value)) {
    for item in api["paths"].as_object_mut().unwrap().values_mut() {
        for (method, operation) in item.as_object_mut().unwrap() {
            if method != "parameters" {
                change(operation);
            }
        }
    }
}

/// Changes every schema, those inside first.
fn each_schema(api: &mut Value, change: &mut dyn FnMut(&mut Value)) {
    for schema in api["definitions"].as_object_mut().unwrap().values_mut() {
        within(schema, change);
    }
    each_operation(api, &mut |operation| {
        for parameter in operation["parameters"].as_array_mut().unwrap() {
            if let Some(schema) = parameter.get_mut("schema") {
                within(schema, change);
            }
        }
        for response in operation["responses"].as_object_mut().unwrap().values_mut() {
            if let Some(schema) = response.get_mut("schema") {
                within(schema, change);
            }
        }
    });
}

fn within(schema: &mut Value, change: &mut dyn FnMut(&mut Value)) {
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties
            .values_mut()
            .for_each(|inner| within(inner, change));
    }
    if let Some(Value::Array(parts)) = schema.get_mut("allOf") {
        for inner in parts {
            within(inner, change);
        }
    }
    for keyword in ["items", "additionalProperties"] {
        if let Some(inner @ Value::Object(_)) = schema.get_mut(keyword) {
            within(inner, change);
        }
    }
    change(schema);
}

/// Replaces a reference by its schema, and all references in it.
fn inline(schema: &mut Value, definitions: &Value, open: &mut Vec<String>) {
    let Some(target) = schema.get("$ref").and_then(Value::as_str) else {
        return;
    };
    let name = target.rsplit('/').next().unwrap().to_owned();
    assert!(!open.contains(&name), "`{name}` contains itself");
    let mut whole = definitions[&name].clone();
    open.push(name);
    within(&mut whole, &mut |inner| inline(inner, definitions, open));
    open.pop();
    *schema = whole;
}

/// Moves parameters and responses into the shared sections of the description.
fn shared(api: &mut Value) {
    let (mut parameters, mut responses) = (Map::new(), Map::new());
    each_operation(api, &mut |operation| {
        for parameter in operation["parameters"].as_array_mut().unwrap() {
            let name = format!("p{}", parameters.len());
            let link = json!({"$ref": format!("#/parameters/{name}")});
            parameters.insert(name, std::mem::replace(parameter, link));
        }
        for response in operation["responses"].as_object_mut().unwrap().values_mut() {
            let name = format!("r {}", responses.len());
            let link = json!({"$ref": format!("#/responses/{}", name.replace(' ', "%20"))});
            responses.insert(name, std::mem::replace(response, link));
        }
    });
    api["parameters"] = Value::Object(parameters);
    api["responses"] = Value::Object(responses);
}
