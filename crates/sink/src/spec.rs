//! Sink specifications such as `NAME:TARGET?option=value`.

use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value, json};

use crate::options::Stage;
use crate::secret::Lookup;
use crate::{Checked, Context, Error, Kind, Options, Result, Sink, options, registry, secret};

#[cfg(test)]
mod tests;

/// A sink's name and options, as written on the command line or in a configuration file.
#[derive(Clone, PartialEq)]
pub struct Spec {
    /// The name of the sink.
    pub sink: String,
    /// Its options. Secrets are still references.
    pub options: Map<String, Value>,
}

impl fmt::Debug for Spec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        options::debug_names(&format!("Spec {}", self.sink), &self.options, formatter)
    }
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
                // Do not print the text: it may be the rest of a secret that contains a `&`.
                config(format!(
                    "an option of `{name}` does not have the form `option=value`"
                ))
            };
            pairs.push(pair.split_once('=').ok_or_else(wants_value)?);
        }

        let mut spec = Self {
            sink: name.to_owned(),
            options: Map::new(),
        };
        for (option, value) in pairs {
            let (option, value) = read(schema.as_value(), option, decode(value)?);
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
            let message = format!("`{name}` needs a target; write `{name}:{target}`");
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
        let schema = (descriptor.options)();
        options::check(schema.as_value(), &self.options, Stage::Written)
            .map_err(|error| self.wrap("configure", error))
    }

    /// The options as written, to be stored for a later run.
    ///
    /// References to secrets are included. If an option may be a secret and is written in plain text, it is omitted.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] for an unknown sink.
    pub fn written_options(&self) -> Result<Map<String, Value>> {
        let schema = (registry::find(&self.sink)?.options)();
        let mut options = self.options.clone();
        options.retain(|name, value| {
            value.is_object() || !options::is_secret(schema.as_value(), name)
        });
        Ok(options)
    }

    /// The options as they may be shown to a person.
    ///
    /// References to secrets are included, but of a command only the program. If an option may be a secret and is written
    /// in plain text, `…` stands in its place.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] for an unknown sink.
    pub fn shown_options(&self) -> Result<Map<String, Value>> {
        let schema = (registry::find(&self.sink)?.options)();
        Ok(secret::hide_all(schema.as_value(), &self.options))
    }

    /// The options with references to secrets replaced by their values.
    ///
    /// `lookup` may read files and run programs, so call this where blocking is allowed.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] if a secret is not written as a reference, and the kind of `lookup`'s error if that fails.
    pub fn resolve(&self, lookup: &Lookup<'_>) -> Result<Options> {
        let descriptor = registry::find(&self.sink)?;
        let options = Options(self.options.clone());
        options
            .resolve(&(descriptor.options)(), lookup)
            .map_err(|error| self.wrap("configure", error))
    }

    /// Opens the sink with resolved options, wrapped in [`Checked`].
    ///
    /// # Errors
    ///
    /// The sink's error as the cause of "cannot open sink …", with the same kind.
    pub async fn open(&self, context: Context, options: Options) -> Result<Box<dyn Sink>> {
        let descriptor = registry::find(&self.sink)?;
        let tables = context.tables.clone();
        let opened = (descriptor.open)(context, options).await;
        let sink = opened.map_err(|error| self.wrap("open", error))?;
        Ok(Box::new(Checked::new(sink, tables)))
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

/// The option's name and value. `NAME_env=X` and `NAME_file=X` become references if `NAME` is a secret option.
fn read<'a>(schema: &Value, option: &'a str, text: String) -> (&'a str, Value) {
    // The suffixes have a meaning only for secret options, because an ordinary option may be called `log_file`.
    for form in ["env", "file"] {
        let base = option
            .strip_suffix(form)
            .and_then(|base| base.strip_suffix('_'));
        if let Some(base) = base.filter(|base| options::is_secret(schema, base)) {
            return (base, json!({ form: text }));
        }
    }
    (option, options::from_text(schema, option, text))
}

/// Decodes `%XX`.
///
/// Unlike in HTML forms, `+` stays a plus sign, because it is common in paths. A `%` without two hexadecimal digits is
/// an error, because it is not clear what the user meant. The crate `percent-encoding` would keep it as it is, so the
/// check would have to be written here anyway.
fn decode(text: &str) -> Result<String> {
    let wrong = || {
        config(format!(
            "`{text}` is not valid percent-encoding; write `%25` for a percent sign"
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
