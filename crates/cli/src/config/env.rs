//! Environment variables, with the `.env` file of the working directory as a fallback.

use std::{collections::HashMap, fs, io};

use anyhow::{Context as _, anyhow};

use fortilake_sink::{self as sink, Reference, Spec};
use fortilake_snapshot::BucketOptions;
use serde_json::{Map, Value, json};

use super::Secret;
use crate::{
    exit::{CommandError, Result},
    text_file,
};

/// The file, looked up only in the working directory.
///
/// Many tools also search parent folders. A crawl should not pick up the password of whatever
/// project happens to contain its folder.
const FILE: &str = ".env";

/// Variables of object stores that say the same thing or belong together.
const GROUPS: [&[&str]; 5] = [
    &[
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
    ],
    &["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"],
    &["AWS_REGION", "AWS_DEFAULT_REGION"],
    &[
        "AZURE_CLIENT_ID",
        "AZURE_CLIENT_SECRET",
        "AZURE_FEDERATED_TOKEN_FILE",
        "AZURE_STORAGE_KEY",
        "AZURE_STORAGE_SAS_TOKEN",
        "AZURE_TENANT_ID",
        "IDENTITY_ENDPOINT",
    ],
    &[
        "CLOUDSDK_AUTH_ACCESS_TOKEN",
        "GOOGLE_APPLICATION_CREDENTIALS",
    ],
];

/// Variables by name; the process's own win over those of the file.
#[derive(Clone, Default)]
pub(crate) struct Env {
    process: HashMap<String, String>,
    file: HashMap<String, String>,
}

impl Env {
    /// Only the process's variables, for runs that work without any and so do not read `.env`.
    pub(crate) fn process() -> Self {
        // `vars` would panic if any variable is not UTF-8. Here, such variables are left out.
        let process = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self {
            process,
            file: HashMap::new(),
        }
    }

    /// Reads the process's variables and `.env`, if it exists.
    pub(crate) fn read() -> Result<Self> {
        let file = match fs::read(FILE) {
            Ok(bytes) => parse(text_file::decode(&bytes, ".env")?.trim_start_matches('\u{feff}'))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => HashMap::new(),
            Err(error) => {
                let error = Err(error).context("`.env` cannot be read");
                return error.map_err(CommandError::not_started);
            }
        };
        Ok(Self {
            file,
            ..Self::process()
        })
    }

    /// The value of a variable; an empty value counts as not set.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        let value = self.process.get(name).or_else(|| self.file.get(name))?;
        Some(value.clone()).filter(|value| !value.is_empty())
    }

    /// Whether a variable comes from `.env` and not from the process; `None` if it is not set.
    pub(crate) fn is_in_file(&self, name: &str) -> Option<bool> {
        self.get(name)?;
        Some(!self.process.contains_key(name))
    }

    /// A sink's options with all secret references resolved.
    ///
    /// Resolving may read files and run programs, so it happens on a blocking thread.
    pub(crate) async fn resolve(&self, spec: &Spec) -> sink::Result<sink::Options> {
        let (env, mut spec) = (self.clone(), spec.clone());
        self.add_variables(&mut spec.options);
        let resolved =
            tokio::task::spawn_blocking(move || spec.resolve(&|reference| env.look_up(reference)));
        resolved.await.unwrap_or_else(|error| {
            let text = "the task that looks up a secret panicked";
            Err(sink::Error::new(sink::Kind::Internal, text).with_source(error))
        })
    }

    /// The options for the bucket that the options of a file sink name, with all secret references
    /// resolved.
    ///
    /// Resolving may read files and run programs, so call this where blocking is allowed.
    pub(crate) fn bucket(&self, mut options: Map<String, Value>) -> sink::Result<BucketOptions> {
        self.add_variables(&mut options);
        BucketOptions::resolve(&options, &|reference| self.look_up(reference))
    }

    /// Adds references to the standard variables of an object store, if `path` or `data` names one.
    ///
    /// Only this program reads the environment, so a sink gets what it needs of it as an option.
    fn add_variables(&self, options: &mut Map<String, Value>) {
        let path = options.get("path").or_else(|| options.get("data"));
        let path = path.and_then(Value::as_str);
        let names = path.map_or(&[][..], fortilake_snapshot::variables);
        let names = names.iter().filter(|name| self.get(name).is_some());
        let names: Vec<_> = names.collect();
        if names.is_empty() {
            return;
        }
        let variables = options.entry("variables").or_insert_with(|| json!({}));
        let Some(variables) = variables.as_object_mut() else {
            return;
        };
        // What the configuration says about one of a group replaces all of the group.
        let configured: Vec<String> = variables.keys().cloned().collect();
        let is_replaced = |name: &str| {
            let group = GROUPS.iter().find(|group| group.contains(&name));
            let mut configured = configured.iter();
            configured.any(|other| group.map_or(other == name, |group| group.contains(&&**other)))
        };
        for name in names.into_iter().filter(|name| !is_replaced(name)) {
            variables.insert((*name).to_owned(), json!({ "env": name }));
        }
    }

    fn look_up(&self, reference: &Reference) -> sink::Result<String> {
        let secret = match reference.clone() {
            Reference::Env(name) => Secret::Env(name),
            Reference::File(path) => Secret::File(path),
            Reference::Command(words) => Secret::Command(words),
        };
        let resolved = secret
            .resolve(self)
            .map_err(|error| sink::Error::new(sink::Kind::Config, format!("{error:#}")))?;
        Ok(resolved.expose().to_owned())
    }

    /// An environment with only these variables.
    #[cfg(test)]
    pub(crate) fn of<const N: usize>(variables: [(&str, &str); N]) -> Self {
        let process = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self {
            process: process.into(),
            file: HashMap::new(),
        }
    }
}

/// A value as `.env` has to contain it.
pub(crate) fn quoted(value: &str) -> String {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || "-_./:@%+,".contains(char);
    if value.chars().all(is_plain) {
        return value.to_owned();
    }
    if !value.contains('\'') {
        return format!("'{value}'");
    }
    let escaped = value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('$', "\\$");
    format!("\"{escaped}\"")
}

fn parse(text: &str) -> Result<HashMap<String, String>> {
    if let Some(line) = substitution(text) {
        let error =
            anyhow!("line {line} of `.env` has a `$`, which could refer to another variable");
        return Err(CommandError::not_started(error)
            .hint("put the value in single quotes if it contains a literal `$`"));
    }
    let lines = dotenvy::from_read_iter(text.as_bytes()).collect::<dotenvy::Result<_>>();
    // The line that cannot be parsed may be a password, so the message must not quote it.
    lines.map_err(|error| {
        let line = match &error {
            dotenvy::Error::LineParse(line, position) => line_of(text, line, *position),
            _ => None,
        };
        let place = line.map_or_else(String::new, |line| format!("line {line} of "));
        CommandError::not_started(anyhow!("{place}`.env` cannot be parsed"))
            .hint("write one NAME=value per line, and quote values that contain spaces or `#`")
    })
}

/// The line number of a position in an entry that cannot be parsed; an entry can have several lines.
fn line_of(text: &str, entry: &str, position: usize) -> Option<usize> {
    let at = text.find(entry)?;
    let before = text.get(..at + position).or_else(|| text.get(..at))?;
    Some(before.matches('\n').count() + 1)
}

/// The line number of the first `$` that the parser would expand as a variable.
///
/// The parser expands variables silently, so `PASSWORD=pa$$word` would become another password and
/// fail at the sign-in, far from its cause. This scan follows the parser's rules for quotes,
/// escapes and comments to find such a `$` first.
fn substitution(text: &str) -> Option<usize> {
    let (mut line, mut quote, mut before) = (1, None, '\n');
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (character, quote) {
            ('$', None | Some('"')) => return Some(line),
            // An escaped character is literal, so it is skipped.
            ('\\', None | Some('"')) => line += usize::from(characters.next() == Some('\n')),
            ('#', None) if before.is_whitespace() => {
                characters.find(|&character| character == '\n')?;
                line += 1;
            }
            ('\'' | '"', None) => quote = Some(character),
            (_, Some(open)) if open == character => quote = None,
            _ => {}
        }
        line += usize::from(character == '\n');
        before = character;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_value_is_read_as_it_was() {
        for value in [
            "plain-1.2:3/4",
            "a\"b",
            "a'b",
            "#hash",
            "  lead",
            "trail  ",
            r"back\slash\n",
            "$HOME",
            "a'b\"c$d\\e",
            "",
        ] {
            let file = parse(&format!("NAME={}\n", quoted(value)));
            let Ok(file) = file else {
                panic!("{value}");
            };
            assert_eq!(file["NAME"], value);
        }
    }
}
