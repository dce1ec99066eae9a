//! The options of the sink.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use fortilake_sink::{Error, Kind, MaybeSecret, Result};
use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

/// Options of the `exec` sink.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The program, as a path or as a name to look up in `PATH`, or a list of the program and its first arguments. Text is never split at spaces.
    // An argument may be a token, so only the program is shown.
    #[schemars(extend("x-shown-words" = 1))]
    pub(crate) command: WordOrList,
    /// Arguments after those in `command`: one, or a list.
    #[serde(default)]
    #[schemars(extend("x-shown-words" = 0))]
    pub(crate) args: WordOrList,
    /// What the program reads on its standard input: `arrow` (an Arrow IPC stream) or `ndjson` (one line of JSON per row).
    #[serde(default)]
    pub(crate) format: Format,
    /// How long the program may run for one table before it is killed, such as `10m`.
    #[serde(default = "default_timeout")]
    timeout: String,
    /// The working directory of the program; by default the current one.
    pub(crate) directory: Option<PathBuf>,
    /// Environment variables for the program, which otherwise inherits only `PATH`, `HOME`, the locale and the like; each value is plain text or a reference such as `{ env = "…" }`.
    #[serde(default)]
    pub(crate) env: BTreeMap<String, MaybeSecret>,
    /// Whether to run the program again for tables of this crawl that it has already accepted.
    #[serde(default)]
    pub(crate) resend: bool,
    /// The folder for the temporary files in which tables are collected; by default the folder of the state.
    pub(crate) spool: Option<PathBuf>,
    /// How many programs may run at the same time, each for a table of its own.
    #[serde(default = "default_concurrency")]
    #[schemars(range(min = 1, max = 64))]
    pub(crate) concurrency: usize,
}

impl Config {
    pub(crate) fn timeout(&self) -> Result<Duration> {
        let timeout = self.timeout.parse::<SignedDuration>().ok();
        let timeout = timeout.and_then(|timeout| Duration::try_from(timeout).ok());
        timeout.filter(|timeout| !timeout.is_zero()).ok_or_else(|| {
            let text = format!(
                "option `timeout` must be a duration such as `10m`, not `{}`",
                self.timeout
            );
            Error::new(Kind::Config, text)
        })
    }
}

/// A single word, which is never split, or a list of words.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum WordOrList {
    One(String),
    Many(Vec<String>),
}

impl Default for WordOrList {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl WordOrList {
    pub(crate) fn into_list(self) -> Vec<String> {
        match self {
            Self::One(word) => vec![word],
            Self::Many(words) => words,
        }
    }
}

/// The format of the program's standard input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// An Arrow IPC stream.
    #[default]
    Arrow,
    /// One line of JSON per row.
    Ndjson,
}

impl Format {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Arrow => "arrow",
            Self::Ndjson => "ndjson",
        }
    }
}

fn default_timeout() -> String {
    "1h".to_owned()
}

fn default_concurrency() -> usize {
    1
}
