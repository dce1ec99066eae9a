//! The options of the sink.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::source::{Secret, Text};

/// Options of the `webhook` sink.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// Where messages are posted: text, or `{ env = "…" }` or `{ file = "…" }` where the URL itself is a secret.
    pub(crate) url: Text,
    /// The signing secrets (`whsec_…`), each as `{ env = "…" }`, `{ file = "…" }` or `{ command = ["…"] }`; every one of them signs, so that secrets can be rotated.
    #[serde(default)]
    pub(crate) secrets: Vec<Secret>,
    /// Whether messages are sent without a signature where there are no secrets.
    #[serde(default)]
    pub(crate) unsigned: bool,
    /// How bodies are compressed; the signature is that of the body before it.
    #[serde(default)]
    pub(crate) compression: Compression,
    /// The largest number of rows in a message.
    #[serde(default = "default_batch_rows")]
    #[schemars(range(min = 1))]
    pub(crate) batch_rows: usize,
    /// The largest number of bytes in a body before compression; a row that is longer goes alone.
    #[serde(default = "default_batch_bytes")]
    #[schemars(range(min = 1024))]
    pub(crate) batch_bytes: usize,
    /// Whether the messages of a table wait for one another.
    #[serde(default)]
    pub(crate) order: Order,
    /// How many messages are under way at once.
    #[serde(default = "default_concurrency")]
    #[schemars(range(min = 1, max = 64))]
    pub(crate) concurrency: usize,
    /// Further headers by name: text, `{ env = "…" }` or `{ file = "…" }`.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, Text>,
    /// What is put around the rows.
    #[serde(default)]
    pub(crate) envelope: Envelope,
    /// What is sent: the rows and then the summary of the crawl, or the summary alone.
    #[serde(default)]
    pub(crate) events: Events,
    /// How long the receiver may take for an answer, such as `30s`.
    #[serde(default = "default_timeout")]
    pub(crate) timeout: Period,
    /// How often a message is tried.
    #[serde(default = "default_attempts")]
    #[schemars(range(min = 1))]
    pub(crate) attempts: u32,
    /// How long a message is tried, pauses included, such as `10m`.
    #[serde(default = "default_total_time")]
    pub(crate) total_time: Period,
    /// The first pause between two tries, such as `1s`; it doubles up to a minute.
    #[serde(default = "default_backoff")]
    pub(crate) backoff: Period,
    /// The folder for messages that could not be delivered; it is made if one is kept.
    #[serde(default = "default_dead_letters")]
    pub(crate) dead_letters: PathBuf,
    /// Whether messages of this crawl are sent that were delivered before.
    #[serde(default)]
    pub(crate) resend: bool,
    /// Whether messages may go unencrypted to another machine.
    #[serde(default)]
    pub(crate) allow_http: bool,
    /// A PEM file of certificate authorities to trust beside those of the system.
    #[serde(default)]
    pub(crate) ca_cert: Option<PathBuf>,
}

/// How bodies are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Compression {
    #[default]
    Gzip,
    Zstd,
    None,
}

/// Whether the messages of a table wait for one another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Order {
    /// Within a table one after the other, tables side by side.
    #[default]
    Table,
    /// All side by side.
    Parallel,
}

/// What is put around the rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Envelope {
    /// The payload that Standard Webhooks recommends: `type`, `timestamp`, `data`.
    #[default]
    Plain,
    /// `CloudEvents` 1.0 in structured mode.
    CloudEvents,
}

/// What is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Events {
    /// The rows, and at the end the summary.
    #[default]
    Rows,
    /// The summary alone.
    Summary,
}

/// A length of time, written as in `90s` or `1h 30m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub(crate) struct Period(pub(crate) Duration);

impl TryFrom<String> for Period {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let length = text.parse::<SignedDuration>().ok();
        length
            .and_then(|length| Duration::try_from(length).ok())
            .filter(|length| !length.is_zero())
            .map(Self)
            .ok_or("a length of time such as `30s` or `10m` is wanted")
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        format!(
            "{:#}",
            SignedDuration::try_from(period.0).unwrap_or_default()
        )
    }
}

fn default_batch_rows() -> usize {
    500
}

/// Half of what widespread servers take by default, so that the rest of the request has room.
fn default_batch_bytes() -> usize {
    512 * 1024
}

fn default_concurrency() -> usize {
    4
}

/// The longer end of what the specification recommends.
fn default_timeout() -> Period {
    Period(Duration::from_secs(30))
}

fn default_attempts() -> u32 {
    8
}

fn default_total_time() -> Period {
    Period(Duration::from_mins(10))
}

fn default_backoff() -> Period {
    Period(Duration::from_secs(1))
}

fn default_dead_letters() -> PathBuf {
    PathBuf::from("dead-letters")
}

#[cfg(test)]
mod tests;
