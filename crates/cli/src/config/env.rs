//! The environment, with the `.env` file of the working directory behind it.

use std::collections::HashMap;

use anyhow::anyhow;

use crate::exit::{Failure, Result};

/// Variables by name; the process's own win over those of the file.
#[derive(Default)]
pub(crate) struct Env {
    process: HashMap<String, String>,
    file: HashMap<String, String>,
}

impl Env {
    /// Reads the process's variables and, if there is one, `.env`.
    pub(crate) fn read() -> Result<Self> {
        let process = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let file = match dotenvy::from_filename_iter(".env") {
            Ok(lines) => lines.collect::<dotenvy::Result<_>>(),
            Err(error) if error.not_found() => Ok(HashMap::new()),
            Err(error) => Err(error),
        };
        // The text of a line that cannot be read may be a password, so it stays out.
        let file = file.map_err(|error| {
            let place = match error {
                dotenvy::Error::LineParse(_, position) => format!(" (near character {position})"),
                _ => String::new(),
            };
            Failure::not_started(anyhow!("`.env` cannot be read{place}"))
                .hint("each line is NAME=value; a value with blanks or # belongs in quotes")
        })?;
        Ok(Self { process, file })
    }

    /// A variable that is set and not empty.
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
