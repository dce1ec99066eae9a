//! The configuration: a file, or environment variables if there is no file.

pub(crate) mod env;
mod excerpt;
mod explain;
mod file;
mod origin;
mod schema;
mod secret;
mod settings;
mod source;
mod value;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::anyhow;
use fortilake_crawler::{Refresh, ShrinkLimits};
use fortilake_sink::{Partial, Spec, registry};
use fortilake_snapshot::scheme;
use serde_json::{Map, Value};

pub(crate) use self::{
    env::{Env, quoted},
    explain::Lines,
    file::{parse, read},
    origin::SettingOrigin,
    schema::schema,
    settings::DETAILS_MAX_AGE,
    source::{SearchConfig, Secret, SourceConfig},
};
use crate::{
    exit::{CommandError, Result},
    signals::STOP_TIMEOUT,
};

/// The configuration file that is read, if it exists, when `--config` names no other.
const DEFAULT_FILE: &str = "fortilake.toml";
/// Default of `keep`.
pub(crate) const KEEP: usize = 5;
/// Default of `max_shrink`.
pub(crate) const MAX_SHRINK: f64 = 0.2;
/// Default of `max_account_shrink`.
pub(crate) const MAX_ACCOUNT_SHRINK: f64 = 0.5;
/// Default of `min_rows`.
pub(crate) const MIN_ROWS: u64 = 20;
/// Default of `max_idle`.
const MAX_IDLE: Duration = Duration::from_hours(12);
/// The sink of a crawl without a configured one.
const DEFAULT_SINK: &str = "parquet:out";

/// What to crawl and where to put it.
#[derive(Debug)]
pub(crate) struct Config {
    /// The sources, in the order in which their rows are published.
    pub(crate) sources: Vec<SourceConfig>,
    /// The sinks, in the order in which they are opened.
    pub(crate) sinks: Vec<SinkConfig>,
    /// How many crawls the state keeps, at least 1.
    pub(crate) keep: usize,
    /// How many rows may disappear before publishing needs `--accept-shrink`.
    pub(crate) limits: ShrinkLimits,
    /// What to do with a partial snapshot; `None` leaves the choice to each sink.
    pub(crate) partial: Option<Partial>,
    /// Whether scopes that cannot be read are published with the rows of an earlier crawl.
    pub(crate) carry: bool,
    /// How old such rows may be for a snapshot to count as complete.
    pub(crate) max_age: Option<Duration>,
    /// Which part of the accounts a crawl reads; `None` reads all of them.
    pub(crate) refresh: Option<Refresh>,
    /// Whether the table `changes` is part of each snapshot.
    pub(crate) changes: bool,
    /// How long a crawl may lie idle before it is abandoned instead of resumed.
    pub(crate) max_idle: Duration,
    /// How long a crawl may take to stop after SIGTERM or SIGHUP.
    pub(crate) stop_timeout: Duration,
}

impl Config {
    /// These sources and sinks, with defaults for everything else.
    pub(crate) fn new(sources: Vec<SourceConfig>, sinks: Vec<SinkConfig>) -> Self {
        Self {
            sources,
            sinks,
            keep: KEEP,
            limits: ShrinkLimits {
                max_shrink: MAX_SHRINK,
                max_account_shrink: MAX_ACCOUNT_SHRINK,
                min_rows: MIN_ROWS,
            },
            partial: None,
            carry: false,
            max_age: None,
            refresh: None,
            changes: false,
            max_idle: MAX_IDLE,
            stop_timeout: STOP_TIMEOUT,
        }
    }
}

/// A sink, from the configuration file or from `--sink`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SinkConfig {
    /// The name of the sink in messages and in the state; unique within a run, free of secrets.
    pub(crate) label: String,
    /// The sink and its options.
    pub(crate) spec: Spec,
}

/// The named file, or `fortilake.toml` if it exists.
pub(crate) fn file_in_use(path: Option<&Path>) -> Option<&Path> {
    let default = Path::new(DEFAULT_FILE);
    path.or_else(|| default.is_file().then_some(default))
}

/// Reads the named file, or `fortilake.toml` if it exists, or else the environment.
///
/// Sinks given on the command line replace those of the file.
pub(crate) fn load(path: Option<&Path>, sinks: &[String], env: &Env) -> Result<Config> {
    let mut config = match file_in_use(path) {
        Some(path) => file::read(path)?,
        None => Config::new(vec![from_environment(env)?], Vec::new()),
    };
    if !sinks.is_empty() || config.sinks.is_empty() {
        config.sinks = sink_specs(sinks)?;
    }
    are_apart(&config.sinks)?;
    Ok(config)
}

/// The configuration for a command that needs sinks and no sources.
///
/// Sinks given on the command line replace those of the file. Without either, this is an error:
/// only a crawl has a default sink.
pub(crate) fn sinks(path: Option<&Path>, specs: &[String]) -> Result<Config> {
    let mut config = match file_in_use(path) {
        Some(path) => file::read(path)?,
        None => Config::new(Vec::new(), Vec::new()),
    };
    if !specs.is_empty() {
        config.sinks = sink_specs(specs)?;
        return Ok(config);
    }
    are_apart(&config.sinks)?;
    if config.sinks.is_empty() {
        let error = anyhow!("no sink configured");
        return Err(CommandError::not_started(error)
            .hint("add `--sink parquet:out` or a `[[sink]]` section"));
    }
    Ok(config)
}

/// Parses the sinks of the command line; without any, the default sink.
///
/// Two sinks with the same label are numbered, because the state stores results by label.
pub(crate) fn sink_specs(specs: &[String]) -> Result<Vec<SinkConfig>> {
    let default = [DEFAULT_SINK.to_owned()];
    let specs = if specs.is_empty() { &default } else { specs };
    let mut labels = HashMap::new();
    let sinks = specs
        .iter()
        .map(|text| {
            let spec = Spec::parse(text).map_err(|error| {
                CommandError::from(error)
                    .context(format!("`--sink {}` cannot be used", label(text)))
            })?;
            let label = label(text);
            let number = labels.entry(label.clone()).or_insert(0);
            *number += 1;
            let label = match number {
                1 => label,
                number => format!("{label} ({number})"),
            };
            Ok(SinkConfig { label, spec })
        })
        .collect::<Result<Vec<_>>>()?;
    are_apart(&sinks)?;
    Ok(sinks)
}

/// The place of the first sink of Parquet files in the named file or in `fortilake.toml`, if there is one.
pub(crate) fn first_place(path: Option<&Path>) -> Result<Option<PathBuf>> {
    let sinks = configured_sinks(path)?;
    let place = sinks.iter().find_map(|SinkConfig { spec, .. }| {
        let option = match spec.sink.as_str() {
            "parquet" | "delta" => "path",
            "ducklake" => "data",
            _ => return None,
        };
        spec.options.get(option)?.as_str()
    });
    Ok(place.map(PathBuf::from))
}

/// The options of the first sink that publishes to `place`; only `path` if there is none.
pub(crate) fn options_of(path: Option<&Path>, place: &str) -> Result<Map<String, Value>> {
    let publishes_there = |options: &Map<String, Value>| {
        let path = options.get("path").or_else(|| options.get("data"));
        let path = path.and_then(Value::as_str);
        path.is_some_and(|path| path.trim_end_matches('/') == place.trim_end_matches('/'))
    };
    let sinks = configured_sinks(path)?;
    let mut options = sinks.into_iter().map(|sink| sink.spec.options);
    let found = options.find(publishes_there);
    Ok(found.unwrap_or_else(|| Map::from_iter([("path".to_owned(), place.into())])))
}

/// The sinks of the named file or of `fortilake.toml`; none without a file.
fn configured_sinks(path: Option<&Path>) -> Result<Vec<SinkConfig>> {
    match file_in_use(path) {
        Some(path) => Ok(file::read(path)?.sinks),
        None => Ok(Vec::new()),
    }
}

/// The label of a sink of the command line: its name and target, without options.
///
/// A URL is cut after the host, because user, path and query can all contain secrets. The path in a
/// bucket contains none.
fn label(text: &str) -> String {
    let text = text.split('?').next().unwrap_or_default();
    let (name, target) = text.split_once(':').unwrap_or((text, ""));
    let is_bucket = !fortilake_snapshot::variables(target).is_empty();
    if is_bucket && !target.contains('@') {
        return text.to_owned();
    }
    match target.parse::<url::Url>() {
        Err(_) if target.contains('@') => match scheme(target) {
            Some(scheme) => format!("{name}:{scheme}://…"),
            None => text.to_owned(),
        },
        Ok(url) if url.has_host() => {
            let host = url.host_str().unwrap_or_default();
            let port = url
                .port()
                .map_or_else(String::new, |port| format!(":{port}"));
            format!("{name}:{}://{host}{port}", url.scheme())
        }
        _ => text.to_owned(),
    }
}

/// The name of the sink in a label, whether it comes from the command line or from the file.
pub(crate) fn sink_of(label: &str) -> &str {
    match label.strip_prefix("[[sink]] ") {
        Some(rest) => {
            let (_, name) = rest.split_once(" (").unwrap_or_default();
            name.trim_end_matches(')')
        }
        None => label.split([':', ' ']).next().unwrap_or_default(),
    }
}

/// Refuses two sinks that would replace each other's tables.
pub(crate) fn are_apart(sinks: &[SinkConfig]) -> Result<()> {
    let mut seen: Vec<(PublishTarget, &str)> = Vec::new();
    for SinkConfig { label, spec } in sinks {
        let place = PublishTarget::of(spec)?;
        if let Some((_, other)) = seen.iter().find(|(seen, _)| *seen == place) {
            let error = anyhow!("sinks `{other}` and `{label}` publish to the same place");
            return Err(CommandError::not_started(error)
                .hint("publish one of them to another place, or remove it"));
        }
        seen.push((place, label));
    }
    Ok(())
}

/// Where a sink publishes to, normalized so that two spellings of one place are equal.
#[derive(PartialEq)]
struct PublishTarget {
    /// The sink's name; `None` for a sink that publishes to a folder, because a folder has one
    /// snapshot at a time in each layout, whatever its format.
    sink: Option<&'static str>,
    target: Option<PathBuf>,
    layout: Option<Value>,
    /// All options of a sink that does not publish to a folder. Two such sinks are the same only
    /// if nothing differs: two programs or two URLs may differ in any option. For a bucket, the
    /// server and the account.
    options: Option<Map<String, Value>>,
}

impl PublishTarget {
    fn of(spec: &Spec) -> Result<Self> {
        let descriptor = registry::find(&spec.sink)?;
        let is_folder = descriptor.target == "path";
        let target = spec.options.get(descriptor.target).and_then(Value::as_str);
        let target = target.filter(|_| is_folder);
        let target = target.map(|text| match scheme(text) {
            Some(_) => text.into(),
            None => std::path::absolute(text).unwrap_or_else(|_| text.into()),
        });
        let schema = (descriptor.options)();
        let default = schema.as_value().pointer("/properties/layout/default");
        Ok(Self {
            sink: (!is_folder).then_some(descriptor.name),
            // Comparing components ignores trailing and repeated slashes.
            target: target.map(|path| path.components().collect()),
            layout: spec.options.get("layout").or(default).cloned(),
            options: if is_folder {
                let servers = ["endpoint", "account"].into_iter().filter_map(|name| {
                    let value = spec.options.get(name)?;
                    Some((name.to_owned(), value.clone()))
                });
                Some(servers.collect())
            } else {
                Some(spec.options.clone())
            },
        })
    }
}

/// One source named `forticloud`, from `FORTICLOUD_USERNAME`, `FORTICLOUD_PASSWORD` and, if set,
/// `FORTICLOUD_AUTH_URL` and `FORTICLOUD_API_URL`.
fn from_environment(env: &Env) -> Result<SourceConfig> {
    let missing = |name: &str| {
        CommandError::not_started(anyhow!(
            "the variable `{name}` is not set, and there is no configuration file"
        ))
        .hint(
            "set FORTICLOUD_USERNAME and FORTICLOUD_PASSWORD (for example in a `.env` file), write \
             a `fortilake.toml`, or try `fortilake crawl --simulate`",
        )
    };
    for name in ["FORTICLOUD_USERNAME", "FORTICLOUD_PASSWORD"] {
        env.get(name).ok_or_else(|| missing(name))?;
    }
    let mut source = SourceConfig::new("forticloud");
    source.username = Some(Secret::Env("FORTICLOUD_USERNAME".to_owned()));
    source.password = Some(Secret::Env("FORTICLOUD_PASSWORD".to_owned()));
    source.auth_url = env.get("FORTICLOUD_AUTH_URL");
    source.api_url = env.get("FORTICLOUD_API_URL");
    Ok(source)
}
