//! The configuration file, as it is written.

use std::{
    collections::HashSet,
    fmt, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow};
use fortilake_crawler::sink::{Spec, nearest};
use serde::Deserialize;

use super::{Config, SinkConfig};
use crate::exit::{Failure, Result};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// How many crawls the state keeps.
    #[serde(default = "keep")]
    keep: usize,
    #[serde(default)]
    guard: Guard,
    #[serde(default)]
    source: Vec<SourceConfig>,
    #[serde(default)]
    sink: Vec<SinkTable>,
}

/// `[guard]`: what is not published without being asked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Guard {
    /// Which part of a table's rows may go from one complete snapshot to the next.
    #[serde(default = "max_shrink")]
    max_shrink: f64,
}

impl Default for Guard {
    fn default() -> Self {
        Self {
            max_shrink: max_shrink(),
        }
    }
}

/// One `[[source]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SourceConfig {
    /// The name, on every row of the source.
    pub(crate) name: String,
    /// The system.
    #[serde(rename = "type")]
    pub(crate) kind: SourceKind,
    /// The API user's id.
    pub(crate) username: Option<Secret>,
    /// The API user's password; never in the file itself.
    pub(crate) password: Option<Secret>,
    /// The token endpoint.
    pub(crate) auth_url: Option<String>,
    /// The host of the APIs.
    pub(crate) api_url: Option<String>,
    /// `auto`, `organization` or `local`.
    pub(crate) scope: Option<String>,
    /// `auto` or patterns.
    pub(crate) search: Option<SearchConfig>,
    /// The registration statuses to ask for.
    #[serde(default = "statuses")]
    pub(crate) statuses: Vec<String>,
    /// What to read beyond the products.
    #[serde(default)]
    pub(crate) include: Vec<String>,
    /// How many calls may be in flight.
    #[serde(default = "concurrency")]
    pub(crate) concurrency: usize,
    /// The longest that one call may take.
    pub(crate) timeout: Option<String>,
    /// A certificate authority to trust besides the system's.
    pub(crate) ca_cert: Option<PathBuf>,
    /// Whether to accept any certificate.
    #[serde(default)]
    pub(crate) insecure_tls: bool,
    /// What the API allows.
    #[serde(default)]
    pub(crate) quota: Quota,
}

/// The system behind a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SourceKind {
    /// FortiCloud.
    FortiCloud,
}

impl SourceKind {
    /// Whether this system has the endpoints that this client id opens.
    pub(crate) fn has(self, client_id: &str) -> bool {
        let own = match client_id {
            "organization" | "iam" | "assetmanagement" => Self::FortiCloud,
            _ => return false,
        };
        self == own
    }
}

/// `"auto"` or a list.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, expecting = "expected `auto` or a list of patterns")]
pub(crate) enum SearchConfig {
    /// One word.
    Word(String),
    /// Patterns.
    Patterns(Vec<String>),
}

/// What the API allows, and which part of it is ours.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Quota {
    /// The windows in which calls are counted.
    #[serde(default = "call_limits")]
    pub(crate) calls: Vec<Limit>,
    /// The window in which errors are counted.
    #[serde(default = "error_limit")]
    pub(crate) errors: ErrorLimit,
    /// Which part of all windows is ours; the rest is for other tools of the same user.
    #[serde(default = "share")]
    pub(crate) share: f64,
}

impl Default for Quota {
    fn default() -> Self {
        Self {
            calls: call_limits(),
            errors: error_limit(),
            share: share(),
        }
    }
}

/// So many errors in so long, and how many of them are never spent.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ErrorLimit {
    /// How many.
    pub(crate) max: u32,
    /// In how long.
    pub(crate) per: String,
    /// How many are never spent.
    #[serde(default = "reserve")]
    pub(crate) reserve: u32,
}

/// So many in so long.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limit {
    /// How many.
    pub(crate) max: u32,
    /// In how long.
    pub(crate) per: String,
}

/// Where a value is kept.
#[derive(Clone, Deserialize)]
#[serde(from = "SecretConfig")]
pub(crate) enum Secret {
    /// In the configuration itself; passwords are refused there.
    Plain(String),
    /// In this variable.
    Env(String),
    /// In this file.
    File(PathBuf),
    /// In what this command prints.
    Command(Vec<String>),
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(_) => formatter.write_str("[plain]"),
            Self::Env(name) => write!(formatter, "env {name}"),
            Self::File(path) => write!(formatter, "file {}", path.display()),
            Self::Command(words) => write!(formatter, "command {:?}", words.first()),
        }
    }
}

/// One `[[sink]]`: its type, and the options that the sink itself knows.
#[derive(Debug, Deserialize)]
struct SinkTable {
    #[serde(rename = "type")]
    kind: String,
    #[serde(flatten)]
    options: serde_json::Map<String, serde_json::Value>,
}

impl SourceConfig {
    /// A FortiCloud source with nothing but a name.
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind: SourceKind::FortiCloud,
            username: None,
            password: None,
            auth_url: None,
            api_url: None,
            scope: None,
            search: None,
            statuses: statuses(),
            include: Vec::new(),
            concurrency: concurrency(),
            timeout: None,
            ca_cert: None,
            insecure_tls: false,
            quota: Quota::default(),
        }
    }
}

fn statuses() -> Vec<String> {
    vec!["Registered".to_owned(), "Pending".to_owned()]
}

fn concurrency() -> usize {
    8
}

fn call_limits() -> Vec<Limit> {
    vec![
        Limit {
            max: 100,
            per: "1m".to_owned(),
        },
        Limit {
            max: 1000,
            per: "1h".to_owned(),
        },
    ]
}

/// [`Secret`] as it is written.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected { env = … }, { file = … } or { command = […] }"
)]
enum SecretConfig {
    Plain(String),
    Env { env: String },
    File { file: PathBuf },
    Command { command: Vec<String> },
}

impl From<SecretConfig> for Secret {
    fn from(config: SecretConfig) -> Self {
        match config {
            SecretConfig::Plain(text) => Self::Plain(text),
            SecretConfig::Env { env } => Self::Env(env),
            SecretConfig::File { file } => Self::File(file),
            SecretConfig::Command { command } => Self::Command(command),
        }
    }
}

fn error_limit() -> ErrorLimit {
    ErrorLimit {
        max: 10,
        per: "1h".to_owned(),
        reserve: reserve(),
    }
}

fn reserve() -> u32 {
    2
}

fn keep() -> usize {
    super::KEEP
}

fn max_shrink() -> f64 {
    super::MAX_SHRINK
}

fn share() -> f64 {
    1.0
}

/// Reads the file.
pub(crate) fn read(path: &Path) -> Result<Config> {
    let text = fs::read_to_string(path)
        .with_context(|| format!("the configuration `{}` cannot be read", path.display()))
        .map_err(Failure::not_started)?;
    parse(&text).map_err(|failure| {
        failure.context(format!(
            "the configuration `{}` cannot be used",
            path.display()
        ))
    })
}

pub(super) fn parse(text: &str) -> Result<Config> {
    let file: File = toml::from_str(text).map_err(|error| explain(text, &error))?;
    if file.source.is_empty() {
        return Err(Failure::not_started(anyhow!("it has no `[[source]]`")));
    }
    if !(0.0..=1.0).contains(&file.guard.max_shrink) {
        return Err(Failure::not_started(anyhow!(
            "`max_shrink` of `[guard]` is {}; it takes a part of the rows from 0 to 1, such as 0.2",
            file.guard.max_shrink
        )));
    }
    let mut names = HashSet::new();
    for source in &file.source {
        if source.name.is_empty() || !names.insert(&source.name) {
            return Err(Failure::not_started(anyhow!(
                "two sources are named `{}`, or one has no name",
                source.name
            )));
        }
        if matches!(source.password, Some(Secret::Plain(_))) {
            return Err(Failure::not_started(anyhow!(
                "the password of source `{}` stands in the file",
                source.name
            ))
            .hint("write password = { env = \"…\" }, { file = \"…\" } or { command = [\"…\"] }"));
        }
        if source.statuses.is_empty() || source.concurrency == 0 {
            let key = if source.concurrency == 0 {
                "concurrency"
            } else {
                "statuses"
            };
            return Err(Failure::not_started(anyhow!(
                "`{key}` of source `{}` leaves nothing to ask",
                source.name
            )));
        }
    }
    let sinks = file.sink.into_iter().enumerate().map(|(position, sink)| {
        let label = format!("[[sink]] {} ({})", position + 1, sink.kind);
        let spec = Spec {
            sink: sink.kind,
            options: sink.options,
        };
        spec.check()
            .map_err(|error| Failure::from(error).context(format!("{label} cannot be used")))?;
        Ok(SinkConfig { label, spec })
    });
    let sinks = sinks.collect::<Result<_>>()?;
    Ok(Config {
        sources: file.source,
        sinks,
        keep: file.keep.max(1),
        max_shrink: file.guard.max_shrink,
    })
}

/// The parser's message with its line, and the nearest known key where one is unknown.
///
/// What stands in the line stays out of it: it may be a password that does not belong there.
fn explain(text: &str, error: &toml::de::Error) -> Failure {
    let before = error
        .span()
        .and_then(|span| text.get(..span.start))
        .unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let message = error.message().replace('\n', "; ");
    // Serde's messages read: invalid type: string "x", expected y.
    let expected = message
        .split_once(", expected ")
        .map(|(_, expected)| expected);
    let failure = |message: &str| Failure::not_started(anyhow!("line {line}: {message}"));
    if message.starts_with("unknown ") {
        return unknown(&message, expected.unwrap_or_default(), failure);
    }
    match expected {
        Some(expected) if message.starts_with("invalid ") => {
            let expected = match expected {
                "usize" | "u32" => "a whole number",
                "f64" => "a number",
                other => other,
            };
            failure(&format!("the value does not fit, expected {expected}"))
        }
        _ => failure(&message),
    }
}

/// A name that is not known is repeated only where it is like one that is.
fn unknown(message: &str, expected: &str, failure: impl Fn(&str) -> Failure) -> Failure {
    let quoted = |text: &'_ str| -> Vec<String> {
        text.split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect()
    };
    let known = quoted(expected);
    let name = quoted(message).into_iter().next().unwrap_or_default();
    if let Some(known) = nearest(&name, known.iter().map(String::as_str)) {
        return failure(message).hint(format!("did you mean `{known}`?"));
    }
    let what = message.split(" `").next().unwrap_or_default();
    failure(&format!("{what}, expected {expected}"))
}
