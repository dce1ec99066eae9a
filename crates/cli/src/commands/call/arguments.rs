//! The arguments of a call, parsed and checked against the endpoint's description.

use std::{
    fs,
    io::{self, Read as _},
};

use anyhow::{Context as _, anyhow};
use fortilake_models::{Endpoint, Parameter};
use fortilake_sink::nearest;
use serde_json::{Map, Value};

use crate::exit::{CommandError, Result};

/// Reads the arguments from `--data` and from `name=value` pairs; a pair wins over `--data`.
pub(super) fn read(
    endpoint: &Endpoint,
    data: Option<&str>,
    pairs: &[String],
) -> Result<Map<String, Value>> {
    let mut arguments = match data {
        None => Map::new(),
        Some(data) => object(&text_of(data)?)?,
    };
    for (name, value) in &arguments {
        let parameter = parameter(endpoint, name)?;
        if !fits(parameter.json_type, value) {
            return Err(misfit(endpoint, parameter));
        }
    }
    let mut given = Map::new();
    for pair in pairs {
        let (name, text) = pair.split_once('=').ok_or_else(|| {
            CommandError::not_started(anyhow!("an argument is not of the form `name=value`"))
                .hint("use `--data` to pass a JSON object")
        })?;
        let parameter = parameter(endpoint, name)?;
        add(&mut given, endpoint, parameter, text)?;
    }
    refuse_secrets(endpoint, &given)?;
    arguments.extend(given);
    if let Some(missing) = endpoint.parameters.iter().find(|parameter| {
        parameter.required && arguments.get(parameter.name).is_none_or(Value::is_null)
    }) {
        let error = anyhow!("`{}` requires the argument `{}`", endpoint.id, missing.name);
        return Err(CommandError::not_started(error).hint(see(endpoint)));
    }
    Ok(arguments)
}

/// Refuses secrets in `name=value` pairs, at any depth.
///
/// Secrets in `--data` are accepted: a program that builds the JSON may have no other way to pass
/// them, and `--data @FILE` keeps them off the command line.
fn refuse_secrets(endpoint: &Endpoint, arguments: &Map<String, Value>) -> Result<()> {
    let Some(name) = secret_in(endpoint, arguments) else {
        return Ok(());
    };
    let error = anyhow!("`{name}` is a secret, and other users can see command lines");
    Err(CommandError::not_started(error).hint("put it into a JSON file and pass `--data @FILE`"))
}

fn secret_in<'a>(endpoint: &Endpoint, members: &'a Map<String, Value>) -> Option<&'a str> {
    members.iter().find_map(|(name, value)| match value {
        _ if endpoint.is_secret(name) => Some(name.as_str()),
        Value::Object(members) => secret_in(endpoint, members),
        Value::Array(items) => items
            .iter()
            .filter_map(Value::as_object)
            .find_map(|members| secret_in(endpoint, members)),
        _ => None,
    })
}

fn text_of(data: &str) -> Result<String> {
    match data.strip_prefix('@') {
        None => Ok(data.to_owned()),
        Some("-") => io::read_to_string(io::stdin().lock().take(LONGEST))
            .context("the arguments on standard input cannot be read")
            .map_err(CommandError::not_started),
        Some(path) => fs::read_to_string(path)
            .with_context(|| format!("the arguments in `{path}` cannot be read"))
            .map_err(CommandError::not_started),
    }
}

/// How many bytes of arguments are read from standard input, which is far more than any call takes.
const LONGEST: u64 = 64 << 20;

fn object(text: &str) -> Result<Map<String, Value>> {
    let text = text.trim_start_matches('\u{feff}');
    let value = serde_json::from_str(text)
        .context("the arguments are not JSON")
        .map_err(CommandError::not_started)?;
    match value {
        Value::Object(members) => Ok(members),
        _ => Err(CommandError::not_started(anyhow!(
            "the arguments are JSON, but not a JSON object"
        ))),
    }
}

fn parameter<'a>(endpoint: &'a Endpoint, name: &str) -> Result<&'a Parameter> {
    let known = || endpoint.parameters.iter().map(|parameter| parameter.name);
    let found = endpoint
        .parameters
        .iter()
        .find(|parameter| parameter.name == name);
    found.ok_or_else(|| {
        let failure =
            CommandError::not_started(anyhow!("`{}` has no argument `{name}`", endpoint.id));
        match nearest(name, known()) {
            Some(known) => failure.hint(format!("did you mean `{known}`?")),
            None => failure.hint(see(endpoint)),
        }
    })
}

/// Adds an argument, converted to the type in the endpoint's description.
///
/// Text alone does not say whether `007` is a number, so the description decides.
fn add(
    given: &mut Map<String, Value>,
    endpoint: &Endpoint,
    parameter: &Parameter,
    text: &str,
) -> Result<()> {
    let name = parameter.name;
    let value = match parameter.json_type {
        "string" => Value::from(text),
        "array" => {
            // A list can be given as one JSON array, or by repeating the argument per element.
            let item = match serde_json::from_str(text) {
                Ok(Value::Array(items)) => items,
                Ok(item @ (Value::Object(_) | Value::Number(_))) => vec![item],
                _ => vec![Value::from(text)],
            };
            let mut items = match given.remove(name) {
                Some(Value::Array(items)) => items,
                _ => Vec::new(),
            };
            items.extend(item);
            Value::Array(items)
        }
        json_type => serde_json::from_str(text)
            .ok()
            .filter(|value| fits(json_type, value))
            .ok_or_else(|| misfit(endpoint, parameter))?,
    };
    if given.insert(name.to_owned(), value).is_some() {
        let error = anyhow!("`{name}` is given twice, but it is not a list");
        return Err(CommandError::not_started(error));
    }
    Ok(())
}

/// Whether a value is of this JSON type. Null fits every type, because its meaning is the API's.
fn fits(json_type: &str, value: &Value) -> bool {
    match json_type {
        _ if value.is_null() => true,
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => true,
    }
}

fn misfit(endpoint: &Endpoint, parameter: &Parameter) -> CommandError {
    let wanted = match parameter.json_type {
        "string" => "a string",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        "array" => "a list",
        _ => "an object",
    };
    let (id, name) = (endpoint.id, parameter.name);
    CommandError::not_started(anyhow!("`{name}` of `{id}` must be {wanted}")).hint(see(endpoint))
}

fn see(endpoint: &Endpoint) -> String {
    format!(
        "`fortilake call {} --help` lists its arguments",
        endpoint.id
    )
}

#[cfg(test)]
mod tests;
