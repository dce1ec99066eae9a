//! `[[source]]`, as it is written.

use std::{fmt, path::PathBuf};

use serde::Deserialize;

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
    /// A key that takes the password's place: from FortiPortal's GUI, or of FortiAuthenticator.
    pub(crate) api_key: Option<Secret>,
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
    /// Of which products details are read, where `include` has `product_details`.
    pub(crate) details_for: Option<DetailsConfig>,
    /// How old details of an earlier crawl may be so that they are not read again.
    pub(crate) details_max_age: Option<String>,
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
#[expect(
    clippy::enum_variant_names,
    reason = "that is how the products are called"
)]
pub(crate) enum SourceKind {
    /// FortiCloud.
    FortiCloud,
    /// FortiPortal.
    FortiPortal,
    /// FortiAuthenticator.
    FortiAuthenticator,
}

impl SourceKind {
    /// The system that has the endpoints that this client id opens.
    pub(crate) fn of(client_id: &str) -> Option<Self> {
        match client_id {
            "organization" | "iam" | "assetmanagement" => Some(Self::FortiCloud),
            "fortiportal" => Some(Self::FortiPortal),
            "fortiauthenticator" => Some(Self::FortiAuthenticator),
            _ => None,
        }
    }

    /// Whether this system has the endpoints that this client id opens.
    pub(crate) fn has(self, client_id: &str) -> bool {
        Self::of(client_id) == Some(self)
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

/// Some products; where nothing is named, all.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DetailsConfig {
    /// Of these models; a `*` at the end stands for any ending.
    #[serde(default)]
    pub(crate) models: Vec<String>,
    /// Of these serial numbers.
    #[serde(default)]
    pub(crate) serials: Vec<String>,
}

/// What the API allows, and which part of it is ours.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Quota {
    /// The windows in which calls are counted, if not the system's own.
    pub(crate) calls: Option<Vec<Limit>>,
    /// The window in which errors are counted, if not the system's own.
    pub(crate) errors: Option<ErrorLimit>,
    /// Which part of all windows is ours; the rest is for other tools of the same user.
    #[serde(default = "share")]
    pub(crate) share: f64,
}

impl Default for Quota {
    fn default() -> Self {
        Self {
            calls: None,
            errors: None,
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

impl SourceConfig {
    /// A FortiCloud source with nothing but a name.
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind: SourceKind::FortiCloud,
            username: None,
            password: None,
            api_key: None,
            auth_url: None,
            api_url: None,
            scope: None,
            search: None,
            statuses: statuses(),
            include: Vec::new(),
            details_for: None,
            details_max_age: None,
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

fn reserve() -> u32 {
    2
}

fn share() -> f64 {
    1.0
}
