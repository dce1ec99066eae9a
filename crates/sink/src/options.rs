//! A sink's options, checked against the JSON Schema of the sink.

use std::fmt;

use schemars::{JsonSchema, Schema, schema_for};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use self::fields::Fields;
use crate::secret::{self, Lookup};
use crate::{Error, Kind, Result, nearest};

mod fields;
#[cfg(test)]
mod tests;

/// The options of one sink, by name.
///
/// A configuration refers to secrets by reference, and [`Options::resolve`] replaces the references by the secrets. So
/// that secrets cannot leak, the type cannot be serialized, and its debug output contains only names.
#[derive(Clone, Default, PartialEq)]
pub struct Options(pub Map<String, Value>);

impl fmt::Debug for Options {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug_names("Options", &self.0, formatter)
    }
}

/// Prints `NAME { option, option, .. }`, without values.
pub(crate) fn debug_names(
    name: &str,
    options: &Map<String, Value>,
    formatter: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    write!(formatter, "{name} {{ ")?;
    for option in options.keys() {
        write!(formatter, "{option}, ")?;
    }
    formatter.write_str(".. }")
}

impl Options {
    /// Reads the options into the sink's own type.
    ///
    /// The options are checked against the type's JSON Schema first, because serde's errors often do not name the
    /// option. Unknown options are refused whether or not the type has `deny_unknown_fields`.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`], with the option's name and the values that it accepts. For an unknown option, the message
    /// lists all options and suggests the closest one.
    pub fn parse<T: DeserializeOwned + JsonSchema>(self) -> Result<T> {
        check(schema_for!(T).as_value(), &self.0, Stage::Resolved)?;
        // Drop serde's error: it may quote a value, and the value may be a secret.
        serde_json::from_value(Value::Object(self.0))
            .map_err(|_| Error::new(Kind::Config, "the options do not fit the sink's schema"))
    }

    /// Replaces references to secrets by their values.
    ///
    /// `schema` comes from the sink's [`Descriptor`](crate::Descriptor) and marks the secret options.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] if a secret is written in plain text, and the kind of `lookup`'s error if a secret cannot be
    /// read.
    pub fn resolve(self, schema: &Schema, lookup: &Lookup<'_>) -> Result<Self> {
        let root = schema.as_value();
        let options = self.0.into_iter().map(|(name, value)| {
            let property = root.get("properties").and_then(|all| all.get(&name));
            let value = match property {
                Some(property) => secret::resolve(root, property, &name, value, lookup)?,
                None => value,
            };
            Ok((name, value))
        });
        options.collect::<Result<_>>().map(Self)
    }
}

impl<N: Into<String>> FromIterator<(N, Value)> for Options {
    fn from_iter<I: IntoIterator<Item = (N, Value)>>(options: I) -> Self {
        let options = options.into_iter();
        Self(options.map(|(name, value)| (name.into(), value)).collect())
    }
}

/// Whether secrets are still references (as written), or have been replaced by their values.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Written,
    Resolved,
}

/// What an option accepts, as in error messages; `None` for an unknown option.
pub(crate) fn accepts(schema: &Value, option: &str) -> Option<String> {
    Some(Fields::of(schema).find(option)?.describe())
}

/// The options that must be set.
pub(crate) fn required(schema: &Value) -> Vec<String> {
    Fields::of(schema).required().map(str::to_owned).collect()
}

/// Checks `options` against `schema`: no unknown, missing or invalid options.
pub(crate) fn check(schema: &Value, options: &Map<String, Value>, stage: Stage) -> Result<()> {
    let fields = Fields::of(schema);
    // Report unknown options before missing ones. A misspelled required option is both, and only the first message
    // suggests the right name.
    for (name, value) in options {
        match fields.find(name) {
            Some(wanted) => {
                if let Some(complaint) = wanted.complaint(value, stage) {
                    return Err(config(format!("option `{name}` {complaint}")));
                }
            }
            None if fields.open() => {}
            None => return Err(unknown(name, &fields)),
        }
    }
    let missing = fields.required().find(|name| !options.contains_key(*name));
    missing.map_or(Ok(()), |name| {
        Err(config(format!("option `{name}` is missing")))
    })
}

/// Whether the option `name` is required.
pub(crate) fn requires(schema: &Value, name: &str) -> bool {
    Fields::of(schema)
        .required()
        .any(|required| required == name)
}

/// Converts `text` to the type of the option `name`. It stays text if the option accepts text.
pub(crate) fn from_text(schema: &Value, name: &str, text: String) -> Value {
    match Fields::of(schema).find(name) {
        Some(wanted) => wanted.read_text(text),
        None => Value::String(text),
    }
}

/// Whether `name` is an option that is or may be a secret.
pub(crate) fn is_secret(schema: &Value, name: &str) -> bool {
    Fields::of(schema)
        .find(name)
        .is_some_and(|wanted| wanted.is_secret())
}

fn unknown(name: &str, fields: &Fields<'_>) -> Error {
    let names = fields.names();
    if names.is_empty() {
        return config(format!("unknown option `{name}`; this sink has no options"));
    }
    let list = nearest::list(name, &names);
    config(format!("unknown option `{name}`; the options are {list}"))
}

fn config(text: String) -> Error {
    Error::new(Kind::Config, text)
}
