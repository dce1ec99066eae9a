//! Environment variables, with the `.env` file of the working directory as a fallback.

use std::{collections::HashMap, fs, io};

use anyhow::{Context as _, anyhow};

use crate::exit::{Failure, Result};

/// The file, looked up only in the working directory.
///
/// Many tools also search parent folders. A crawl should not pick up the password of whatever
/// project happens to contain its folder.
const FILE: &str = ".env";

/// Variables by name; the process's own win over those of the file.
#[derive(Default)]
pub(crate) struct Env {
    process: HashMap<String, String>,
    file: HashMap<String, String>,
}

impl Env {
    /// Reads the process's variables and `.env`, if it exists.
    pub(crate) fn read() -> Result<Self> {
        // `vars` would panic if any variable is not UTF-8. Here, such variables are left out.
        let process = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let file = match fs::read_to_string(FILE) {
            Ok(text) => parse(text.trim_start_matches('\u{feff}'))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => HashMap::new(),
            Err(error) => {
                let error = Err(error).context("`.env` cannot be read");
                return error.map_err(Failure::not_started);
            }
        };
        Ok(Self { process, file })
    }

    /// The value of a variable; an empty value counts as not set.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        let value = self.process.get(name).or_else(|| self.file.get(name))?;
        Some(value.clone()).filter(|value| !value.is_empty())
    }

    /// Only these variables.
    #[cfg(test)]
    pub(crate) fn of<const N: usize>(variables: [(&str, &str); N]) -> Self {
        let process = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self {
            process: process.into(),
            file: HashMap::new(),
        }
    }
}

fn parse(text: &str) -> Result<HashMap<String, String>> {
    if let Some(line) = substitution(text) {
        let error = anyhow!("line {line} of `.env` has a `$`, which may mean another variable");
        return Err(Failure::not_started(error)
            .hint("put the value in single quotes to keep its `$` as it is"));
    }
    let lines = dotenvy::from_read_iter(text.as_bytes()).collect::<dotenvy::Result<_>>();
    // The line that cannot be parsed may be a password, so the message must not quote it.
    lines.map_err(|error| {
        let place = match error {
            dotenvy::Error::LineParse(_, position) => format!(" (near character {position})"),
            _ => String::new(),
        };
        Failure::not_started(anyhow!("`.env` cannot be understood{place}"))
            .hint("each line is NAME=value; a value with blanks or # belongs in quotes")
    })
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
