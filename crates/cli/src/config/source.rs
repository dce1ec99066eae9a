//! The format of `[[source]]` in the configuration file.

use std::{fmt, path::PathBuf};

use fortilake_crawler::System;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de::Error as _};

mod schema;

/// One `[[source]]`. [`SourceConfig::check_values`] checks what types cannot.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SourceConfig {
    /// The source's name, which every row has in `_source`; unique in the file.
    pub(crate) name: String,
    /// The system to read.
    #[serde(rename = "type", deserialize_with = "system")]
    #[schemars(schema_with = "schema::system")]
    pub(crate) system: System,
    /// The API user's id, or the user name.
    #[serde(default)]
    #[schemars(schema_with = "schema::name")]
    pub(crate) username: Option<Secret>,
    /// The API user's password; a plain value in the file is refused.
    #[serde(default)]
    #[schemars(schema_with = "schema::reference")]
    pub(crate) password: Option<Secret>,
    /// A key that replaces the password: from FortiPortal's GUI, or of a FortiAuthenticator user.
    #[serde(default)]
    #[schemars(schema_with = "schema::reference")]
    pub(crate) api_key: Option<Secret>,
    /// Further API users who see the same, each with limits of its own. Only for `forticloud`.
    #[serde(default)]
    pub(crate) user: Vec<UserConfig>,
    /// The URL of FortiCloud's token endpoint, if it is not the vendor's.
    pub(crate) auth_url: Option<String>,
    /// The base URL of the APIs; required for systems that are not in the vendor's cloud.
    pub(crate) api_url: Option<String>,
    /// `auto`, `organization` or `local`.
    #[schemars(extend("enum" = ["auto", "organization", "local"]))]
    pub(crate) scope: Option<String>,
    /// How products are searched: `auto`, or a list of patterns of serial numbers.
    pub(crate) search: Option<SearchConfig>,
    /// The registration statuses of the products to read.
    #[serde(default = "statuses")]
    #[schemars(length(min = 1))]
    pub(crate) statuses: Vec<String>,
    /// The product models to publish; a `*` at the end matches any ending. Empty means all. Only for
    /// `forticloud`.
    #[serde(default)]
    pub(crate) models: Vec<String>,
    /// What to read besides the products: `folders`, `licenses`, `contracts`, `product_details`, and
    /// of `FortiFlex` `flex_programs`, `flex_configs`, `flex_entitlements`.
    #[serde(default)]
    #[schemars(schema_with = "schema::include")]
    pub(crate) include: Vec<String>,
    /// The products whose details are read if `include` has `product_details`; by default all.
    pub(crate) details_for: Option<DetailsConfig>,
    /// Details of an earlier crawl are used again up to this age, such as `7d`.
    pub(crate) details_max_age: Option<String>,
    /// Whether lists of several pages are read until two readings agree.
    #[serde(default)]
    pub(crate) verify_paging: bool,
    /// How many calls may be in flight at once, at least 1.
    #[serde(default = "concurrency")]
    #[schemars(range(min = 1))]
    pub(crate) concurrency: usize,
    /// The timeout of one call, such as `60s`.
    pub(crate) timeout: Option<String>,
    /// The largest response that is accepted, in bytes after decompression.
    #[schemars(range(min = 1))]
    pub(crate) max_answer_bytes: Option<usize>,
    /// A PEM file with a private CA to trust in addition to the system's.
    pub(crate) ca_cert: Option<PathBuf>,
    /// Whether to accept any TLS certificate.
    #[serde(default)]
    pub(crate) insecure_tls: bool,
    /// The API's limits, and the share of them to use.
    #[serde(default)]
    pub(crate) quota: Quota,
}

/// One `[[source.user]]`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserConfig {
    /// The API user's id.
    #[schemars(schema_with = "schema::name")]
    pub(crate) username: Secret,
    /// The API user's password; a plain value in the file is refused.
    #[schemars(schema_with = "schema::reference")]
    pub(crate) password: Secret,
}

/// The words of `include`, and the endpoints that they add; none for details of products.
pub(super) const INCLUDE: [(&str, Option<&str>); 7] = [
    ("folders", Some("folders/list")),
    ("licenses", Some("licenses/list")),
    ("contracts", Some("contracts/list")),
    ("product_details", None),
    ("flex_programs", Some("flex/programs/list")),
    ("flex_configs", Some("flex/configs/list")),
    ("flex_entitlements", Some("flex/entitlements/list")),
];

/// Reads the system by its name, such as `forticloud`.
fn system<'de, D: Deserializer<'de>>(deserializer: D) -> Result<System, D::Error> {
    let name = String::deserialize(deserializer)?;
    System::named(&name).ok_or_else(|| {
        let known: Vec<_> = System::all()
            .map(|system| format!("`{}`", system.name()))
            .collect();
        let known = known.join(", ");
        D::Error::custom(format!("unknown variant `{name}`, expected one of {known}"))
    })
}

/// How the message about a wrong `search` begins.
pub(super) const FORMS_OF_SEARCH: &str = "expected `auto` ";

/// How the message about a wrong reference to a secret begins.
pub(super) const FORMS_OF_SECRETS: &str = "expected { env = ";

/// The value of `search`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected `auto` or a list of patterns")]
pub(crate) enum SearchConfig {
    /// A word; only `auto` is valid.
    Word(#[schemars(extend("const" = "auto"))] String),
    /// Patterns of serial numbers.
    Patterns(#[schemars(length(min = 1))] Vec<String>),
}

/// A selection of products; an empty one selects all products.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DetailsConfig {
    /// Product models; a `*` at the end matches any ending.
    #[serde(default)]
    pub(crate) models: Vec<String>,
    /// Serial numbers.
    #[serde(default)]
    pub(crate) serials: Vec<String>,
}

/// The API's limits, and the share of them that this installation uses.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Quota {
    /// The call limits; by default the documented limits of the system.
    pub(crate) calls: Option<Vec<Limit>>,
    /// The error limit; by default the documented limit of the system.
    pub(crate) errors: Option<ErrorLimit>,
    /// The fraction of each limit to use, from 0 to 1; the rest is left to other tools that use
    /// the same API user.
    #[serde(default = "share")]
    pub(crate) share: f64,
    /// The name of a budget. All users and sources with the same name share these limits; without
    /// it, each user has them alone.
    pub(crate) budget: Option<String>,
}

impl Default for Quota {
    fn default() -> Self {
        Self {
            calls: None,
            errors: None,
            share: share(),
            budget: None,
        }
    }
}

/// At most `max` errors in any window of length `per`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ErrorLimit {
    /// The number of errors after which the API refuses further calls.
    pub(crate) max: u32,
    /// The length of the window, such as `1h`.
    pub(crate) per: String,
    /// How many of the errors are kept in reserve and never used.
    #[serde(default = "reserve")]
    pub(crate) reserve: u32,
}

/// At most `max` calls in any window of length `per`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limit {
    /// The number of calls.
    pub(crate) max: u32,
    /// The length of the window, such as `1m`.
    pub(crate) per: String,
}

/// A value, or where it is stored.
#[derive(Clone, Deserialize)]
#[serde(from = "SecretConfig")]
pub(crate) enum Secret {
    /// In the configuration itself, which is refused for passwords and keys.
    Plain(String),
    /// In this environment variable.
    Env(String),
    /// In this file.
    File(PathBuf),
    /// In the standard output of this command, given as a program and its arguments.
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
    /// A FortiCloud source with this name and defaults for everything else.
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            system: System::default(),
            username: None,
            password: None,
            api_key: None,
            user: Vec::new(),
            auth_url: None,
            api_url: None,
            scope: None,
            search: None,
            statuses: statuses(),
            models: Vec::new(),
            include: Vec::new(),
            details_for: None,
            details_max_age: None,
            verify_paging: false,
            concurrency: concurrency(),
            timeout: None,
            max_answer_bytes: None,
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

/// The format of a [`Secret`] in the configuration file.
#[derive(Deserialize)]
#[serde(
    untagged,
    deny_unknown_fields,
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
