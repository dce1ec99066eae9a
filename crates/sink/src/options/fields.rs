//! Reads the accepted values of each option from a JSON Schema.
//!
//! This supports only the small part of JSON Schema that `schemars` generates for option types. A complete validator
//! would report that "no branch of `anyOf` matches", while these messages name the option and the accepted values. The
//! price is that a keyword that is not known here, such as `pattern`, is not checked, and serde has to catch the value.

use serde_json::{Map, Value};

use super::Stage;
use crate::nearest;
use crate::secret::Secrecy;

/// The options that a schema describes, or the keys of a table in one of them.
pub(super) struct Fields<'a> {
    /// The schema of all options, which references point into.
    root: &'a Value,
    schema: &'a Value,
}

impl<'a> Fields<'a> {
    /// The options of a sink.
    pub(super) fn of(root: &'a Value) -> Self {
        Self { root, schema: root }
    }

    pub(super) fn names(&self) -> Vec<&'a str> {
        let properties = self.properties();
        properties.map_or_else(Vec::new, |map| map.keys().map(String::as_str).collect())
    }

    pub(super) fn required(&self) -> impl Iterator<Item = &'a str> {
        let required = self.schema.get("required").and_then(Value::as_array);
        required.into_iter().flatten().filter_map(Value::as_str)
    }

    /// Whether the schema accepts names that it does not list, as for a map.
    pub(super) fn open(&self) -> bool {
        let additional = self.schema.get("additionalProperties");
        additional.is_some_and(|additional| additional != &Value::Bool(false))
    }

    pub(super) fn find(&self, name: &str) -> Option<Wanted<'a>> {
        let mut wanted = Wanted::default();
        wanted.gather(self.root, self.properties()?.get(name)?);
        Some(wanted)
    }

    /// What is wrong with the keys of a table, as the end of a sentence about the option.
    fn complaint(&self, table: &Map<String, Value>, stage: Stage) -> Option<String> {
        let unknown = |name: &String| {
            let list = nearest::list(name, &self.names());
            format!("has the unknown key `{name}`; the keys are {list}")
        };
        let found = table.iter().find_map(|(name, value)| {
            let Some(wanted) = self.find(name) else {
                return Some(unknown(name));
            };
            let complaint = wanted.complaint(value, stage)?;
            Some(format!("cannot be used: `{name}` {complaint}"))
        });
        let missing = || {
            let name = self.required().find(|name| !table.contains_key(*name))?;
            Some(format!("needs the key `{name}`"))
        };
        found.or_else(missing)
    }

    fn properties(&self) -> Option<&'a Map<String, Value>> {
        self.schema.get("properties").and_then(Value::as_object)
    }
}

/// The values that one option accepts, collected from all branches of its schema.
#[derive(Default)]
pub(super) struct Wanted<'a> {
    /// The accepted types, by their names in JSON Schema; empty if every type is accepted.
    types: Vec<&'a str>,
    /// The accepted words, from `enum` and `const`.
    words: Vec<&'a str>,
    /// Whether any text is accepted, not only `words`.
    free_text: bool,
    minimum: Option<f64>,
    maximum: Option<f64>,
    secrecy: Option<Secrecy>,
    /// The forms of a table with fixed keys.
    tables: Vec<Fields<'a>>,
}

impl<'a> Wanted<'a> {
    fn gather(&mut self, root: &'a Value, schema: &'a Value) {
        if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
            let target = target.strip_prefix('#').and_then(|path| root.pointer(path));
            if let Some(target) = target {
                self.gather(root, target);
            }
        }
        if let Some(secrecy) = Secrecy::of(schema) {
            self.secrecy = Some(secrecy);
        }
        for key in ["anyOf", "oneOf", "allOf"] {
            let branches = schema.get(key).and_then(Value::as_array);
            for branch in branches.into_iter().flatten() {
                self.gather(root, branch);
            }
        }
        let fields = Fields { root, schema };
        if fields.properties().is_some() && !fields.open() {
            self.tables.push(fields);
        }
        let types = self.types.len();
        match schema.get("type") {
            Some(Value::Array(names)) => self.types.extend(names.iter().filter_map(Value::as_str)),
            Some(Value::String(name)) => self.types.push(name),
            _ => {}
        }
        // Look only at the types of this schema node. A branch that accepts any text has `"type": "string"` and no
        // `enum`, and it must not be confused with a branch that lists words, which has the same type.
        let text = self.types[types..].contains(&"string");
        let listed = schema.get("enum").and_then(Value::as_array);
        let words = listed.into_iter().flatten().chain(schema.get("const"));
        let known = self.words.len();
        self.words.extend(words.filter_map(Value::as_str));
        self.free_text |= text && self.words.len() == known;
        self.minimum = self.minimum.or_else(|| schema.get("minimum")?.as_f64());
        self.maximum = self.maximum.or_else(|| schema.get("maximum")?.as_f64());
    }

    /// Converts `text` to a number or boolean if the option accepts that and not the text itself.
    pub(super) fn read_text(&self, text: String) -> Value {
        if self.free_text || self.words.contains(&text.as_str()) {
            return Value::String(text);
        }
        match serde_json::from_str::<Value>(&text) {
            Ok(value @ (Value::Bool(_) | Value::Number(_))) if self.fits(&value) => value,
            _ => Value::String(text),
        }
    }

    /// What is wrong with `value`, as the end of a sentence about the option; `None` if the value is accepted.
    ///
    /// A value of a wrong type is not quoted, because it may be a secret that the user put into the wrong option.
    pub(super) fn complaint(&self, value: &Value, stage: Stage) -> Option<String> {
        if self.secrecy.is_some() && stage == Stage::Resolved && value.is_string() {
            return None;
        }
        if self.secrecy == Some(Secrecy::Required) && value.is_string() {
            let forms = "{ env = … }, { file = … } or { command = […] }";
            return Some(format!("must be {forms}, because it is a secret"));
        }
        if !self.fits(value) {
            return Some(format!(
                "must be {}, not {}",
                self.describe(),
                article(name(value))
            ));
        }
        if let Some(number) = value.as_f64() {
            let below = self.minimum.is_some_and(|minimum| number < minimum);
            let above = self.maximum.is_some_and(|maximum| number > maximum);
            return (below || above).then(|| format!("must be {}, not {value}", self.describe()));
        }
        if let (Value::Object(table), [fields], None) = (value, &self.tables[..], self.secrecy) {
            return fields.complaint(table, stage);
        }
        let word = value.as_str()?;
        if self.free_text || self.words.is_empty() || self.words.contains(&word) {
            return None;
        }
        let list = nearest::list(word, &self.words);
        Some(format!("is `{word}`, but must be one of {list}"))
    }

    pub(super) fn is_secret(&self) -> bool {
        self.secrecy.is_some()
    }

    fn fits(&self, value: &Value) -> bool {
        let name = name(value);
        self.types.is_empty()
            || self.types.contains(&name)
            || (name == "integer" && self.types.contains(&"number"))
    }

    /// The accepted values, such as "an integer of at least 1".
    pub(super) fn describe(&self) -> String {
        let words = (!self.free_text && !self.words.is_empty())
            .then(|| format!("one of {}", nearest::quoted(&self.words)));
        let mut wanted: Vec<String> = words.into_iter().collect();
        if self.secrecy.is_some() {
            wanted.push("a reference such as { env = … }".to_owned());
        }
        for name in &self.types {
            let known = *name == "null"
                || (*name == "string" && !self.free_text)
                // Each form of a reference is a table.
                || (*name == "object" && self.secrecy.is_some());
            let article = article(name).to_owned();
            if !known && !wanted.contains(&article) {
                wanted.push(article);
            }
        }
        let range = match (self.minimum, self.maximum) {
            (Some(low), Some(high)) => format!(" from {low} to {high}"),
            (Some(low), None) => format!(" of at least {low}"),
            (None, Some(high)) => format!(" of at most {high}"),
            (None, None) => String::new(),
        };
        wanted.join(" or ") + &range
    }
}

/// The type of a value, by its name in JSON Schema.
fn name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// A type's name as it appears in a message, with its article.
fn article(name: &str) -> &str {
    match name {
        "null" => "nothing",
        "boolean" => "true or false",
        "integer" => "an integer",
        "number" => "a number",
        "string" => "text",
        "array" => "a list",
        "object" => "a table of values",
        other => other,
    }
}
