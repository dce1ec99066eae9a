//! Secrets: values that the configuration refers to but does not contain.

use std::{
    fmt, fs,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};
use fortilake_auth::printable;

use super::{Env, Secret};

/// A resolved secret. It has no `Display`, and its `Debug` output hides the value.
pub(crate) struct Resolved {
    value: String,
    /// Where the value came from, such as ``the variable `PASSWORD` ``, for error messages.
    pub(crate) origin: String,
}

impl Resolved {
    /// The secret value, without trailing line breaks.
    pub(crate) fn expose(&self) -> &str {
        &self.value
    }
}

impl fmt::Debug for Resolved {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "[secret from {}]", self.origin)
    }
}

impl Secret {
    /// Resolves the value; an empty one is an error. May read a file or run a program.
    pub(crate) fn resolve(&self, env: &Env) -> Result<Resolved> {
        let origin = self.origin();
        let value = match self {
            Self::Plain(text) => text.clone(),
            Self::Env(name) => env
                .get(name)
                .with_context(|| format!("the variable `{name}` is not set"))?,
            Self::File(path) => fs::read_to_string(path)
                .with_context(|| format!("`{}` cannot be read", path.display()))?,
            Self::Command(words) => run(words)?,
        };
        // Editors and commands end their text with a line break that is not part of the secret.
        let value = value.trim_end_matches(['\r', '\n']).to_owned();
        if value.is_empty() {
            bail!("{origin} is empty");
        }
        Ok(Resolved { value, origin })
    }

    fn origin(&self) -> String {
        match self {
            Self::Plain(_) => "the configuration".to_owned(),
            Self::Env(name) => format!("the variable `{name}`"),
            Self::File(path) => format!("the file `{}`", path.display()),
            Self::Command(words) => {
                format!("the command `{}`", words.first().map_or("", String::as_str))
            }
        }
    }
}

fn run(words: &[String]) -> Result<String> {
    let Some((program, arguments)) = words.split_first() else {
        bail!("the command is empty");
    };
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("the command `{program}` cannot be run"))?;
    // Its output is the secret, and what it says beside it must neither break `-q` nor lines of JSON.
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said
        .lines()
        .map(printable)
        .filter(|line| !line.trim().is_empty());
    let said: Vec<_> = said.collect();
    if !output.status.success() {
        let why = said
            .last()
            .map_or_else(String::new, |line| format!(": {line}"));
        bail!("the command `{program}` failed ({}){why}", output.status);
    }
    for line in said {
        tracing::info!(
            program,
            line,
            "the command of a secret wrote to standard error"
        );
    }
    String::from_utf8(output.stdout)
        .ok()
        .with_context(|| format!("the output of the command `{program}` is not UTF-8"))
}
