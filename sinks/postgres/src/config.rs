//! The sink's options. Their doc comments are shown by `fortilake sinks`.

use std::path::PathBuf;
use std::time::Duration;

use fortilake_sink::{Error, Kind, Result, Secret};
use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::Deserialize;

#[cfg(test)]
mod tests;

/// Options of the `postgres` sink.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The database, such as `postgres://USER:PASSWORD@HOST:5432/DATABASE`. `?sslmode=disable` turns TLS off.
    pub(crate) url: Secret,
    /// The schema of the tables. Created if it does not exist.
    #[serde(default = "default_schema")]
    pub(crate) schema: String,
    /// A PEM file with the certificates of a private CA. If it is set, only these CAs are trusted.
    pub(crate) ca_cert: Option<PathBuf>,
    /// How long to wait until the connection is ready, such as `10s`.
    #[serde(default = "default_connect_timeout")]
    connect_timeout: String,
    /// How long one statement may run, such as `30m`. This includes waiting for locks, and copying one table.
    #[serde(default = "default_statement_timeout")]
    statement_timeout: String,
    /// Whether to keep old versions of rows, in an additional table `TABLE_history` for each table.
    #[serde(default)]
    pub(crate) history: bool,
    /// The folder for the temporary files in which rows are collected; by default the folder of the state.
    pub(crate) spool: Option<PathBuf>,
}

/// How long to wait for the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timeouts {
    /// Until the connection is ready for the first statement.
    pub(crate) connect: Duration,
    /// For each statement.
    pub(crate) statement: Duration,
}

impl Config {
    pub(crate) fn timeouts(&self) -> Result<Timeouts> {
        Ok(Timeouts {
            connect: duration("connect_timeout", &self.connect_timeout)?,
            statement: duration("statement_timeout", &self.statement_timeout)?,
        })
    }

    /// Checks that the schema's name can be used.
    pub(crate) fn check_schema(&self) -> Result<()> {
        let refuse = |reason: &str| {
            let text = format!("`{}` cannot be the name of a schema: {reason}", self.schema);
            Err(Error::new(Kind::Config, text))
        };
        if self.schema.is_empty() {
            return refuse("it is empty");
        }
        if self.schema.len() > crate::types::LONGEST_NAME {
            return refuse("it is longer than 63 bytes");
        }
        if self.schema.contains('\0') {
            return refuse("it contains U+0000");
        }
        if self.schema.starts_with("pg_") || self.schema == "information_schema" {
            return refuse("PostgreSQL reserves it");
        }
        Ok(())
    }
}

/// The longest duration that PostgreSQL accepts for a timeout, in milliseconds.
const LONGEST: u128 = 2_147_483_647;

fn duration(option: &str, text: &str) -> Result<Duration> {
    let duration = text.parse::<SignedDuration>().ok();
    let duration = duration.and_then(|duration| Duration::try_from(duration).ok());
    // PostgreSQL reads 0 as "no limit", so a duration below its unit, a millisecond, must not be rounded down to that.
    let is_possible = |duration: &Duration| (1..=LONGEST).contains(&duration.as_millis());
    duration.filter(is_possible).ok_or_else(|| {
        let text = format!(
            "option `{option}` must be a duration between a millisecond and 24 days, such as `10s`, not `{text}`"
        );
        Error::new(Kind::Config, text)
    })
}

fn default_schema() -> String {
    "fortinet".to_owned()
}

fn default_connect_timeout() -> String {
    "10s".to_owned()
}

fn default_statement_timeout() -> String {
    "30m".to_owned()
}
