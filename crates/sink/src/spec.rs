//! Sink specifications such as `NAME:TARGET?option=value`.

use std::str::FromStr;

use serde_json::{Map, Value};

use crate::{Context, Error, Kind, Options, Result, Sink, options, registry};

#[cfg(test)]
mod tests;

/// A sink by name, with its options: what a command line or a configuration file says of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// The name of the sink.
    pub sink: String,
    /// Its options. Secrets are still references.
    pub options: Map<String, Value>,
}

impl Spec {
    /// Reads `NAME`, `NAME:TARGET` or `NAME:TARGET?option=value&option=value`, and checks it.
    ///
    /// The target sets the option that the sink names for it, such as `path`. Target and values are percent-decoded, so
    /// `%3F` is a question mark in a path. Values become numbers or booleans if the option has that type.
    /// For a secret option `NAME`, write `NAME_env=VARIABLE` or `NAME_file=PATH`.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] for an unknown sink, and for unknown, missing or invalid options.
    pub fn parse(text: &str) -> Result<Self> {
        // Split at the first `?` before the first `:`, because option values such as URLs contain colons.
        let (head, query) = match text.split_once('?') {
            Some((head, query)) => (head, Some(query)),
            None => (text, None),
        };
        let (name, target) = match head.split_once(':') {
            Some((name, target)) => (name, Some(target)),
            None => (head, None),
        };
        let descriptor = registry::find(name)?;
        let schema = (descriptor.options)();
        let mut pairs = Vec::new();
        if let Some(target) = target.filter(|target| !target.is_empty()) {
            pairs.push((descriptor.target, target));
        }
        for pair in query.into_iter().flat_map(|query| query.split('&')) {
            let wants_value = || {
                // What stands there may be a secret that a `&` has cut in two.
                config(format!("an option of `{name}` is not `option=value`"))
            };
            pairs.push(pair.split_once('=').ok_or_else(wants_value)?);
        }

        let mut spec = Self {
            sink: name.to_owned(),
            options: Map::new(),
        };
        for (option, value) in pairs {
            let value = options::from_text(schema.as_value(), option, decode(value)?);
            if spec.options.insert(option.to_owned(), value).is_some() {
                return Err(config(format!(
                    "option `{option}` of `{name}` is given twice"
                )));
            }
        }
        if !spec.options.contains_key(descriptor.target)
            && options::requires(schema.as_value(), descriptor.target)
        {
            let target = descriptor.target.to_uppercase();
            let message = format!("`{name}` does not say where to: write `{name}:{target}`");
            return Err(spec.wrap("configure", config(message)));
        }
        spec.check()?;
        Ok(spec)
    }

    /// Checks the name and the options without opening the sink.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`], as for [`Spec::parse`].
    pub fn check(&self) -> Result<()> {
        let descriptor = registry::find(&self.sink)?;
        options::check((descriptor.options)().as_value(), &self.options)
            .map_err(|error| self.wrap("configure", error))
    }

    /// Opens the sink with resolved options, wrapped in [`Checked`].
    ///
    /// # Errors
    ///
    /// Whatever the sink finds wrong, under the sink's name.
    pub async fn open(self, context: Context) -> Result<Box<dyn Sink>> {
        let descriptor = registry::find(&self.sink)?;
        let opening = (descriptor.open)(context, Options(self.options.clone()));
        opening.await.map_err(|error| self.wrap("open", error))
    }

    fn wrap(&self, action: &str, error: Error) -> Error {
        Error::new(
            error.kind(),
            format!("cannot {action} sink `{}`", self.sink),
        )
        .with_source(error)
    }
}

impl FromStr for Spec {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

/// Decodes `%XX`.
///
/// Unlike in HTML forms, `+` stays a plus sign, because it is common in paths. A `%` without two hexadecimal digits is
/// an error, because it is not clear what the user meant.
fn decode(text: &str) -> Result<String> {
    let wrong = || {
        config(format!(
            "`{text}` is not percent-encoded; write `%25` for a percent sign"
        ))
    };
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, tail) = tail.split_at_checked(2).ok_or_else(wrong)?;
        let digit = |at: usize| char::from(digits[at]).to_digit(16).ok_or_else(wrong);
        bytes.push(u8::try_from(digit(0)? * 16 + digit(1)?).map_err(|_| wrong())?);
        rest = tail;
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}

fn config(text: String) -> Error {
    Error::new(Kind::Config, text)
}
