//! A sink's options, checked against the JSON Schema of the sink.

use schemars::{JsonSchema, schema_for};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use self::fields::Fields;
use crate::{Error, Kind, Result, nearest};

mod fields;
#[cfg(test)]
mod tests;

/// The options of one sink, by name, as they stand in the configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options(pub Map<String, Value>);

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
        check(schema_for!(T).as_value(), &self.0)?;
        serde_json::from_value(Value::Object(self.0))
            .map_err(|error| Error::new(Kind::Config, "the options do not fit").with_source(error))
    }
}

impl<N: Into<String>> FromIterator<(N, Value)> for Options {
    fn from_iter<I: IntoIterator<Item = (N, Value)>>(options: I) -> Self {
        let options = options.into_iter();
        Self(options.map(|(name, value)| (name.into(), value)).collect())
    }
}

/// Whether `options` are what `schema` describes.
pub(crate) fn check(schema: &Value, options: &Map<String, Value>) -> Result<()> {
    let fields = Fields(schema);
    // Report unknown options before missing ones. A misspelled required option is both, and only the first message
    // suggests the right name.
    for (name, value) in options {
        match fields.find(name) {
            Some(wanted) => {
                if let Some(complaint) = wanted.complaint(value) {
                    return Err(config(format!("option `{name}` wants {complaint}")));
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
    Fields(schema).required().any(|required| required == name)
}

/// Converts `text` to the type of the option `name`. It stays text if the option accepts text.
pub(crate) fn from_text(schema: &Value, name: &str, text: String) -> Value {
    match Fields(schema).find(name) {
        Some(wanted) => wanted.read_text(text),
        None => Value::String(text),
    }
}

fn unknown(name: &str, fields: &Fields<'_>) -> Error {
    let names = fields.names();
    if names.is_empty() {
        return config(format!("unknown option `{name}`; there are none"));
    }
    let list = nearest::list(name, &names);
    config(format!("unknown option `{name}`; the options are {list}"))
}

fn config(text: String) -> Error {
    Error::new(Kind::Config, text)
}
