//! Secret options: written as a reference, looked up by the caller, and never printed.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::{Error, Kind, Result};

mod hidden;
#[cfg(test)]
mod tests;

pub(crate) use self::hidden::hide_all;

/// The JSON Schema keyword that marks a secret option. Its value is `true` or [`ALLOWED`].
pub(crate) const KEYWORD: &str = "x-secret";

/// The value of [`KEYWORD`] for options that may also be written in plain text.
const ALLOWED: &str = "allowed";

/// An option that is a secret, such as a password.
///
/// A configuration contains only a reference to it: `{ env = "NAME" }`, `{ file = "PATH" }` or
/// `{ command = ["PROGRAM", "ARGUMENT"] }`. The caller looks up the value before it opens the sink.
/// The type cannot be serialized, and its debug output is `[secret]`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// An option that may be a secret, such as a URL with a token in it.
///
/// A configuration contains a reference as for [`Secret`], or plain text if the value is not secret.
#[derive(Clone, PartialEq, Eq)]
pub struct MaybeSecret {
    text: String,
    secret: bool,
}

/// Where to find a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// In the environment variable of this name.
    Env(String),
    /// In this file. Line breaks at the end are removed.
    File(PathBuf),
    /// In the output of this program, which is the first word; its arguments follow. Never empty.
    Command(Vec<String>),
}

/// Looks up the value behind a [`Reference`].
///
/// The caller decides what counts as the environment. The command line includes a `.env` file.
pub type Lookup<'a> = dyn Fn(&Reference) -> Result<String> + Send + Sync + 'a;

/// How a schema treats the value of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Secrecy {
    /// The value must be a reference.
    Required,
    /// The value may be a reference or plain text.
    Allowed,
}

impl Secrecy {
    /// What the keyword in `schema` says; `None` for an ordinary option.
    pub(crate) fn of(schema: &Value) -> Option<Self> {
        match schema.get(KEYWORD)? {
            Value::Bool(true) => Some(Self::Required),
            Value::String(word) if word == ALLOWED => Some(Self::Allowed),
            _ => None,
        }
    }
}

impl Secret {
    /// The value. Do not log it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl MaybeSecret {
    /// The value. Do not log it: even plain text may contain a token.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// Whether it was written as a reference, so that no part of it may be shown.
    ///
    /// `false` does not mean that the text is harmless: a user may have written a token in plain text.
    pub fn is_secret(&self) -> bool {
        self.secret
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<String> for MaybeSecret {
    fn from(text: String) -> Self {
        Self {
            text,
            secret: false,
        }
    }
}

impl Reference {
    /// Reads `{ env }`, `{ file }` or `{ command }`; `None` for any other object.
    pub(crate) fn read(object: &Map<String, Value>) -> Option<Self> {
        let mut members = object.iter();
        let (name, value) = members.next()?;
        if members.next().is_some() {
            return None;
        }
        match (name.as_str(), value) {
            ("env", Value::String(name)) => Some(Self::Env(name.clone())),
            ("file", Value::String(path)) => Some(Self::File(path.into())),
            ("command", Value::Array(words)) => {
                let words = words.iter().map(|word| word.as_str().map(str::to_owned));
                let words: Vec<_> = words.collect::<Option<_>>()?;
                (!words.is_empty()).then_some(Self::Command(words))
            }
            _ => None,
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[secret]")
    }
}

impl fmt::Debug for MaybeSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[secret]")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

/// A [`MaybeSecret`] as [`Options::resolve`](crate::Options::resolve) leaves it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Resolved {
    Plain(String),
    Secret { secret: String },
}

impl<'de> Deserialize<'de> for MaybeSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Resolved::deserialize(deserializer)? {
            Resolved::Plain(text) => Self::from(text),
            Resolved::Secret { secret: text } => Self { text, secret: true },
        })
    }
}

impl JsonSchema for Secret {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ KEYWORD: true, "anyOf": references() })
    }
}

impl JsonSchema for MaybeSecret {
    fn schema_name() -> Cow<'static, str> {
        "MaybeSecret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mut forms = references();
        forms.push(serde_json::json!({ "type": "string" }));
        json_schema!({ KEYWORD: ALLOWED, "anyOf": forms })
    }
}

/// The schemas of the three kinds of references.
fn references() -> Vec<Value> {
    let one = |name: &str, schema: Value| {
        serde_json::json!({
            "type": "object",
            "properties": { name: schema },
            "required": [name],
            "additionalProperties": false,
        })
    };
    let text = serde_json::json!({ "type": "string" });
    let words =
        serde_json::json!({ "type": "array", "items": { "type": "string" }, "minItems": 1 });
    vec![
        one("env", text.clone()),
        one("file", text),
        one("command", words),
    ]
}

/// Replaces every reference in `value` that `schema` marks as a secret by what `lookup` returns.
///
/// `path` names the option in errors. A secret in plain text is refused, and errors never quote it.
pub(crate) fn resolve(
    root: &Value,
    schema: &Value,
    path: &str,
    value: Value,
    lookup: &Lookup<'_>,
) -> Result<Value> {
    let schema = follow(root, schema);
    if let Some(secrecy) = Secrecy::of(schema) {
        return look_up(secrecy, path, value, lookup);
    }
    // An optional secret is `anyOf` the secret and null.
    let branches = ["anyOf", "oneOf", "allOf"].into_iter();
    let branches = branches
        .filter_map(|key| schema.get(key)?.as_array())
        .flatten();
    for branch in branches.map(|branch| follow(root, branch)) {
        if let Some(secrecy) = Secrecy::of(branch).filter(|_| !value.is_null()) {
            return look_up(secrecy, path, value, lookup);
        }
    }
    match value {
        Value::Array(values) => {
            let Some(items) = schema.get("items") else {
                return Ok(Value::Array(values));
            };
            let values = values.into_iter().enumerate().map(|(index, value)| {
                resolve(root, items, &format!("{path}[{index}]"), value, lookup)
            });
            values.collect::<Result<_>>().map(Value::Array)
        }
        Value::Object(members) => {
            let members = members.into_iter().map(|(name, value)| {
                let property = schema.get("properties").and_then(|all| all.get(&name));
                let Some(wanted) = property.or_else(|| schema.get("additionalProperties")) else {
                    return Ok((name, value));
                };
                let path = format!("{path}.{name}");
                Ok((name, resolve(root, wanted, &path, value, lookup)?))
            });
            members.collect::<Result<_>>().map(Value::Object)
        }
        other => Ok(other),
    }
}

/// The schema that a `$ref` points to, or `schema` itself.
fn follow<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let target = schema.get("$ref").and_then(Value::as_str);
    let target = target.and_then(|target| root.pointer(target.strip_prefix('#')?));
    target.unwrap_or(schema)
}

fn look_up(secrecy: Secrecy, path: &str, value: Value, lookup: &Lookup<'_>) -> Result<Value> {
    let reference = match &value {
        Value::String(_) if secrecy == Secrecy::Allowed => return Ok(value),
        Value::String(_) => {
            let text = format!(
                "option `{path}` is a secret and cannot be written in plain text; \
                 use {{ env = … }}, {{ file = … }} or {{ command = […] }}"
            );
            return Err(Error::new(Kind::Config, text));
        }
        Value::Object(members) => Reference::read(members),
        _ => None,
    };
    let Some(reference) = reference else {
        let text =
            format!("option `{path}` must be {{ env = … }}, {{ file = … }} or {{ command = […] }}");
        return Err(Error::new(Kind::Config, text));
    };
    let found = lookup(&reference).map_err(|error| {
        Error::new(error.kind(), format!("cannot read option `{path}`")).with_source(error)
    })?;
    // Files and program output usually end with a line break that is not part of the secret.
    let found = found.trim_end_matches(['\r', '\n']);
    if found.is_empty() {
        return Err(Error::new(
            Kind::Config,
            format!("the secret for option `{path}` is empty"),
        ));
    }
    let found = Value::String(found.to_owned());
    // An optional secret is marked, so that the sink still knows that it came from a reference and must not be shown.
    Ok(match secrecy {
        Secrecy::Required => found,
        Secrecy::Allowed => serde_json::json!({ "secret": found }),
    })
}
