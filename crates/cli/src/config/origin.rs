//! Where a value of the configuration comes from.

use std::{fmt, path::PathBuf};

use serde_json::{Value, json};

/// Where a value of the configuration comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SettingOrigin {
    /// The configuration file.
    File {
        /// Its path, as given.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
    },
    /// An environment variable.
    Variable {
        /// Its name.
        name: &'static str,
        /// Whether it is in `.env` and not in the process's own environment.
        in_file: bool,
    },
    /// A flag of the command line, such as `--sink`.
    Flag(&'static str),
    /// It was not set.
    Default,
}

impl SettingOrigin {
    /// The members `origin` and, depending on it, `file` and `line`, `variable` or `flag`.
    pub(crate) fn to_json(&self) -> Value {
        match self {
            Self::File { path, line } => {
                json!({ "origin": "file", "file": path.display().to_string(), "line": line })
            }
            Self::Variable { name, in_file } => {
                let place = if *in_file { ".env" } else { "environment" };
                json!({ "origin": "variable", "variable": name, "set_in": place })
            }
            Self::Flag(flag) => json!({ "origin": "flag", "flag": flag }),
            Self::Default => json!({ "origin": "default" }),
        }
    }
}

impl fmt::Display for SettingOrigin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line } => write!(formatter, "{}:{line}", path.display()),
            Self::Variable {
                name,
                in_file: true,
            } => write!(formatter, "{name} in .env"),
            Self::Variable { name, .. } => write!(formatter, "{name} in the environment"),
            Self::Flag(flag) => formatter.write_str(flag),
            Self::Default => formatter.write_str("default"),
        }
    }
}
