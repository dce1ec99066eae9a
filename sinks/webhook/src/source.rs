//! Values that are named in the configuration and kept elsewhere.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use fortilake_sink::{Error, Kind, Result};
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;

/// A value that may be a secret, and may stand in the configuration where it is none.
#[derive(Deserialize, JsonSchema)]
#[serde(
    untagged,
    deny_unknown_fields,
    expecting = "expected text, { env = … } or { file = … }"
)]
pub(crate) enum Text {
    Plain(String),
    Env {
        /// The environment variable that holds the value.
        env: String,
    },
    File {
        /// The file that holds the value.
        file: PathBuf,
    },
}

/// A value that is a secret, and so never stands in the configuration.
#[derive(Deserialize, JsonSchema)]
#[serde(
    untagged,
    deny_unknown_fields,
    expecting = "expected { env = … }, { file = … } or { command = […] }"
)]
pub(crate) enum Secret {
    Env {
        /// The environment variable that holds the secret.
        env: String,
    },
    File {
        /// The file that holds the secret.
        file: PathBuf,
    },
    Command {
        /// The program that prints the secret, and its arguments.
        command: Vec<String>,
    },
}

impl Text {
    /// Looks the value up for the option called `option`.
    pub(crate) fn resolve(&self, option: &str) -> Result<SecretString> {
        let value = match self {
            Self::Plain(text) => Ok(text.clone()),
            Self::Env { env } => variable(env),
            Self::File { file } => read(file),
        };
        trimmed(option, value)
    }

    /// Whether the value stands in the configuration for everybody to read.
    pub(crate) fn is_plain(&self) -> bool {
        matches!(self, Self::Plain(_))
    }
}

impl Secret {
    /// Looks the secret up for the option called `option`; a command is waited for.
    pub(crate) fn resolve(&self, option: &str) -> Result<SecretString> {
        let value = match self {
            Self::Env { env } => variable(env),
            Self::File { file } => read(file),
            Self::Command { command } => run(command),
        };
        trimmed(option, value)
    }
}

fn variable(name: &str) -> Result<String> {
    env::var(name).map_err(|error| match error {
        env::VarError::NotPresent => config(format!("the variable `{name}` is not set")),
        env::VarError::NotUnicode(_) => config(format!("the variable `{name}` is not text")),
    })
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|error| Error::io("read", path, error))
}

fn run(words: &[String]) -> Result<String> {
    let Some((program, arguments)) = words.split_first() else {
        return Err(config("the command is empty".to_owned()));
    };
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| {
            config(format!("cannot run the command `{program}`")).with_source(error)
        })?;
    if !output.status.success() {
        let status = output.status;
        return Err(config(format!(
            "the command `{program}` ended with {status}"
        )));
    }
    String::from_utf8(output.stdout)
        .map_err(|_| config(format!("the command `{program}` printed no text")))
}

/// The value without the line break that files and programs end with.
fn trimmed(option: &str, value: Result<String>) -> Result<SecretString> {
    let value = value.map_err(|error| {
        Error::new(error.kind(), format!("cannot read option `{option}`")).with_source(error)
    })?;
    let value = value.trim_end_matches(['\r', '\n']);
    if value.is_empty() {
        return Err(config(format!("option `{option}` is empty")));
    }
    Ok(SecretString::from(value))
}

fn config(text: String) -> Error {
    Error::new(Kind::Config, text)
}

#[cfg(test)]
mod tests;
