//! The options of the sink.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use fortilake_sink::{Error, Kind, MaybeSecret, Result, Secret, TableSpec};
use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Options of the `webhook` sink.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The URL to post messages to: plain text, or a reference such as `{ env = "…" }` if the URL itself is a secret.
    pub(crate) url: MaybeSecret,
    /// The signing secrets (`whsec_…`), each as `{ env = "…" }`, `{ file = "…" }` or `{ command = ["…"] }`; every message is signed with all of them, so that you can rotate them.
    #[serde(default)]
    pub(crate) secrets: Vec<Secret>,
    /// Whether to send messages without a signature if there are no secrets.
    #[serde(default)]
    pub(crate) unsigned: bool,
    /// How bodies are compressed: `none`, `gzip` or `zstd`. The signature covers the uncompressed body, so leave this at `none` if the receiver verifies the raw body.
    #[serde(default)]
    pub(crate) compression: Compression,
    /// The maximum number of rows in a message.
    #[serde(default = "default_batch_rows")]
    #[schemars(range(min = 1))]
    pub(crate) batch_rows: usize,
    /// The maximum number of bytes in a body before compression; a longer row is sent in a message of its own.
    #[serde(default = "default_batch_bytes")]
    #[schemars(range(min = 1024))]
    pub(crate) batch_bytes: usize,
    /// `table` sends the messages of one table one after the other; `parallel` sends all messages in parallel.
    #[serde(default)]
    pub(crate) order: Order,
    /// How many messages may be in flight at once.
    #[serde(default = "default_concurrency")]
    #[schemars(range(min = 1, max = 64))]
    pub(crate) concurrency: usize,
    /// Additional headers by name; each value is plain text or a reference such as `{ env = "…" }`.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, MaybeSecret>,
    /// The format of the JSON around the rows: `plain` (as Standard Webhooks recommends) or `cloudevents` (version 1.0).
    #[serde(default)]
    pub(crate) envelope: Envelope,
    /// What to send before the summary of the crawl: `rows` (all rows), `changes` (only the rows of the table `changes`, which needs `changes = true` in `[history]`) or `summary` (nothing).
    #[serde(default)]
    pub(crate) events: Events,
    /// How long to wait for a response, such as `30s`.
    #[serde(default = "default_timeout")]
    pub(crate) timeout: Period,
    /// How many times to try to send a message.
    #[serde(default = "default_attempts")]
    #[schemars(range(min = 1))]
    pub(crate) attempts: u32,
    /// How long to try to send a message, pauses included, such as `10m`.
    #[serde(default = "default_total_time")]
    pub(crate) total_time: Period,
    /// The first pause between two attempts, such as `1s`; it doubles with each attempt, up to a minute.
    #[serde(default = "default_backoff")]
    pub(crate) backoff: Period,
    /// The folder for messages that could not be delivered. It is created with the first such message.
    #[serde(default = "default_dead_letters")]
    pub(crate) dead_letters: PathBuf,
    /// Whether to resend messages of this crawl that were already delivered.
    #[serde(default)]
    pub(crate) resend: bool,
    /// Whether messages may be sent over plain HTTP to another machine.
    #[serde(default)]
    pub(crate) allow_http: bool,
    /// A PEM file with private CAs to trust in addition to those of the system.
    #[serde(default)]
    pub(crate) ca_cert: Option<PathBuf>,
}

/// How bodies are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Compression {
    #[default]
    None,
    Gzip,
    Zstd,
}

/// Whether the messages of a table are sent one after the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Order {
    /// Messages of one table are sent one after the other, different tables in parallel.
    #[default]
    Table,
    /// All messages are sent in parallel.
    Parallel,
}

/// The format of the JSON around the rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Envelope {
    /// The payload that Standard Webhooks recommends: `type`, `timestamp`, `data`.
    #[default]
    Plain,
    /// `CloudEvents` 1.0 in structured mode.
    CloudEvents,
}

/// What to send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Events {
    /// The rows, followed by the summary.
    #[default]
    Rows,
    /// The rows of the table `changes`, followed by the summary.
    Changes,
    /// Only the summary.
    Summary,
}

/// The table of the rows that changed.
const CHANGES: &str = "changes";

impl Events {
    /// Whether rows of this table are sent.
    pub(crate) fn contains(self, table: &str) -> bool {
        match self {
            Self::Rows => true,
            Self::Changes => table == CHANGES,
            Self::Summary => false,
        }
    }

    /// Checks that a crawl with these tables has what is to be sent.
    pub(crate) fn check(self, tables: &[Arc<TableSpec>]) -> Result<()> {
        let has_changes = tables.iter().any(|table| table.name == CHANGES);
        if self == Self::Changes && !has_changes {
            let text = "option `events` is `changes`, but the crawl has no table `changes`; set `changes = true` in \
                        `[history]`";
            return Err(Error::new(Kind::Config, text));
        }
        Ok(())
    }
}

/// A duration such as `90s` or `1h 30m`, not parsed yet.
///
/// It is parsed after the options are deserialized, because only then can the error name the option.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct Period(String);

impl Period {
    /// Parses the duration, which must be longer than zero; `option` is its name for the error.
    pub(crate) fn read(&self, option: &str) -> Result<Duration> {
        let length = self.0.parse::<SignedDuration>().ok();
        let length = length.and_then(|length| Duration::try_from(length).ok());
        length.filter(|length| !length.is_zero()).ok_or_else(|| {
            let text = format!(
                "option `{option}` must be a duration such as `30s` or `10m`, not `{}`",
                self.0
            );
            Error::new(Kind::Config, text)
        })
    }
}

fn default_batch_rows() -> usize {
    500
}

/// Half of the megabyte that common servers accept by default, to leave room for the rest of the request.
fn default_batch_bytes() -> usize {
    512 * 1024
}

fn default_concurrency() -> usize {
    4
}

/// The upper end of what the Standard Webhooks specification recommends (15 to 30 seconds).
fn default_timeout() -> Period {
    Period("30s".to_owned())
}

fn default_attempts() -> u32 {
    8
}

fn default_total_time() -> Period {
    Period("10m".to_owned())
}

fn default_backoff() -> Period {
    Period("1s".to_owned())
}

fn default_dead_letters() -> PathBuf {
    PathBuf::from("dead-letters")
}

#[cfg(test)]
mod tests;
