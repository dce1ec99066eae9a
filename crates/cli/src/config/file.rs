//! The configuration file's format, and its conversion into a [`Config`].

use std::{collections::HashSet, fs, path::Path, time::Duration};

use anyhow::{Context as _, anyhow};
use fortilake_crawler::{Refresh, ShrinkLimits, one_line};
use fortilake_sink::{Partial, Spec};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Config, Secret, SinkConfig, SourceConfig, explain, value::WrongValue};
use crate::exit::{CommandError, Result};

/// The configuration of fortilake.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// How many crawls the state keeps; 0 counts as 1.
    #[serde(default = "keep")]
    keep: usize,
    /// How many rows may disappear before publishing needs `--accept-shrink`.
    #[serde(default)]
    guard: Guard,
    /// Which snapshots are published.
    #[serde(default)]
    publish: Publish,
    /// What is compared with earlier snapshots.
    #[serde(default)]
    history: History,
    /// When crawls are resumed, and how they stop.
    #[serde(default)]
    crawl: Crawl,
    /// The systems to read, in the order in which their rows are published.
    #[serde(default)]
    source: Vec<SourceConfig>,
    /// Where to publish.
    // Only the sinks themselves know their options, so `config::schema` describes this member.
    #[serde(default)]
    #[schemars(with = "Vec<serde_json::Value>")]
    sink: Vec<SinkTable>,
}

/// `[guard]`: how many rows may disappear before publishing needs `--accept-shrink`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Guard {
    /// The fraction of a table's rows that may disappear, from 0 to 1.
    #[serde(default = "max_shrink")]
    #[schemars(range(min = 0.0, max = 1.0))]
    max_shrink: f64,
    /// The fraction of one account's rows in a table that may disappear, from 0 to 1.
    #[serde(default = "max_account_shrink")]
    #[schemars(range(min = 0.0, max = 1.0))]
    max_account_shrink: f64,
    /// Tables and accounts that had fewer rows than this are never refused.
    #[serde(default = "min_rows")]
    min_rows: u64,
}

impl Default for Guard {
    fn default() -> Self {
        Self {
            max_shrink: max_shrink(),
            max_account_shrink: max_account_shrink(),
            min_rows: min_rows(),
        }
    }
}

/// `[publish]`: which snapshots are published.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Publish {
    /// What to do with partial snapshots; without it, each sink has its own default.
    partial: Option<PartialConfig>,
}

/// What to do with a snapshot in which scopes failed.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum PartialConfig {
    /// Publish it; the exit code is 3.
    Publish,
    /// Publish nothing; the exit code is 4.
    Refuse,
    /// Publish the rows of the newest crawl that read the scope.
    Carry,
}

/// `[history]`: what is compared with earlier snapshots.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct History {
    /// Whether each snapshot has a table `changes`: what differs from the newest complete snapshot before
    /// it, in the folder of the first Parquet sink.
    #[serde(default)]
    changes: bool,
}

/// `[crawl]`: when crawls are resumed, and how they stop.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Crawl {
    /// How long a crawl may lie idle before it is abandoned instead of resumed, such as `12h`.
    max_idle: Option<String>,
    /// How old rows may be that `publish.partial = "carry"` takes from an earlier crawl, such as
    /// `48h`, for a snapshot to count as complete. Without it, a snapshot with such rows is partial.
    max_age: Option<String>,
    /// How old the lists of an account are when they are read again, such as `24h`; the rows of the
    /// other accounts are carried. Without it, every crawl reads everything.
    refresh: Option<String>,
    /// How many calls one crawl may spend on the lists of a source, with `refresh`.
    #[schemars(range(min = 1))]
    calls_per_run: Option<u64>,
    /// How long a crawl may take to stop after SIGTERM or SIGHUP, such as `8s`.
    stop_timeout: Option<String>,
}

/// One `[[sink]]`: its type, and options that only the sink itself can check.
#[derive(Debug, Deserialize)]
struct SinkTable {
    #[serde(rename = "type")]
    kind: String,
    #[serde(flatten)]
    options: serde_json::Map<String, serde_json::Value>,
}

impl Crawl {
    /// Checks the keys of a rolling crawl together. Each would do something else than its reader
    /// expects if another is missing.
    fn refresh(&self, partial: Option<PartialConfig>) -> Result<Option<Refresh>> {
        let refuse = |key: &str, complaint: &str| {
            let text = format!("`{key}` of `[crawl]` {complaint}");
            Err(WrongValue::of_section("crawl", key, text))
        };
        let Some(text) = &self.refresh else {
            return match self.calls_per_run {
                Some(_) => refuse("calls_per_run", "needs `refresh`"),
                None => Ok(None),
            };
        };
        let every = duration("refresh", text)?;
        if !matches!(partial, Some(PartialConfig::Carry)) {
            return refuse(
                "refresh",
                "needs `partial = \"carry\"` in `[publish]`, because the \
                 accounts that are not read again keep the rows of earlier crawls",
            );
        }
        let max_age = self.max_age.as_deref();
        let max_age = max_age.map(|text| duration("max_age", text)).transpose()?;
        if max_age.is_none_or(|most| most <= every) {
            return refuse(
                "refresh",
                "needs a longer `max_age`: set it to more than `refresh`, or \
                 snapshots will be partial",
            );
        }
        if self.calls_per_run == Some(0) {
            return refuse("calls_per_run", "is 0; it must be at least 1");
        }
        Ok(Some(Refresh {
            every,
            calls: self.calls_per_run,
        }))
    }
}

fn keep() -> usize {
    super::KEEP
}

fn max_shrink() -> f64 {
    super::MAX_SHRINK
}

fn max_account_shrink() -> f64 {
    super::MAX_ACCOUNT_SHRINK
}

fn min_rows() -> u64 {
    super::MIN_ROWS
}

/// Parses a duration of `[crawl]`, which is longer than zero.
fn duration(key: &str, text: &str) -> Result<Duration> {
    let span = text.parse::<jiff::SignedDuration>().ok();
    let length = span.and_then(|span| Duration::try_from(span).ok());
    length.filter(|length| !length.is_zero()).ok_or_else(|| {
        let message =
            format!("`{key}` of `[crawl]` is `{text}`; it must be a duration such as `12h`");
        WrongValue::of_section("crawl", key, message)
    })
}

/// Reads and checks a configuration file.
pub(crate) fn read(path: &Path) -> Result<Config> {
    let text = fs::read_to_string(path)
        .with_context(|| format!("the configuration `{}` cannot be read", path.display()))
        .map_err(CommandError::not_started)?;
    parse(&text).map_err(|failure| {
        failure.context(format!(
            "the configuration `{}` cannot be used",
            path.display()
        ))
    })
}

/// Parses and checks the text of a configuration file.
pub(crate) fn parse(text: &str) -> Result<Config> {
    parsed(text).map_err(|failure| WrongValue::locate(failure, text))
}

fn parsed(text: &str) -> Result<Config> {
    let file: File = toml::from_str(text).map_err(|error| explain::unreadable(text, &error))?;
    if file.source.is_empty() {
        return Err(CommandError::not_started(anyhow!(
            "it has no `[[source]]` section"
        )));
    }
    let shares = [
        ("max_shrink", file.guard.max_shrink),
        ("max_account_shrink", file.guard.max_account_shrink),
    ];
    for (key, share) in shares {
        if !(0.0..=1.0).contains(&share) {
            let message = format!(
                "`{key}` of `[guard]` is {share}; it must be a fraction from 0 to 1, such as 0.2",
            );
            return Err(WrongValue::of_section("guard", key, message));
        }
    }
    let mut names = HashSet::new();
    for source in &file.source {
        if source.name.is_empty() || !names.insert(&source.name) {
            return Err(CommandError::not_started(anyhow!(
                "every source needs a name of its own, but `{}` is empty or used twice",
                source.name
            )));
        }
        let secrets = [&source.password, &source.api_key];
        if secrets
            .iter()
            .any(|secret| matches!(secret, Some(Secret::Plain(_))))
        {
            return Err(CommandError::not_started(anyhow!(
                "the password of source `{}` is in plain text",
                source.name
            ))
            .hint("write password = { env = \"…\" }, { file = \"…\" } or { command = [\"…\"] }"));
        }
        source.check_values()?;
    }
    let sinks = file.sink.into_iter().enumerate().map(|(position, sink)| {
        let label = format!("[[sink]] {} ({})", position + 1, sink.kind);
        let spec = Spec {
            sink: sink.kind,
            options: sink.options,
        };
        spec.check().map_err(|error| {
            // The sink checks its options, but it does not know their lines in the file. So the
            // line is found by the option that the message mentions.
            let complaint = one_line(&error);
            let line = explain::Lines::parse(text).and_then(|lines| {
                lines.option("sink", position, |option| {
                    complaint.contains(&format!("option `{option}`"))
                })
            });
            let place = line.map_or_else(String::new, |line| format!("line {line}: "));
            CommandError::from(error).context(format!("{place}{label} cannot be used"))
        })?;
        Ok(SinkConfig { label, spec })
    });
    let sinks = sinks.collect::<Result<_>>()?;
    let defaults = Config::new(file.source, sinks);
    Ok(Config {
        // The newest crawl is always kept, because `plan` and `replay latest` need it.
        keep: file.keep.max(1),
        limits: ShrinkLimits {
            max_shrink: file.guard.max_shrink,
            max_account_shrink: file.guard.max_account_shrink,
            min_rows: file.guard.min_rows,
        },
        partial: match file.publish.partial {
            Some(PartialConfig::Publish) => Some(Partial::Publish),
            Some(PartialConfig::Refuse) => Some(Partial::Refuse),
            // What cannot be carried is missing, and then each sink decides.
            Some(PartialConfig::Carry) | None => None,
        },
        carry: matches!(file.publish.partial, Some(PartialConfig::Carry)),
        max_age: file
            .crawl
            .max_age
            .as_deref()
            .map(|text| duration("max_age", text))
            .transpose()?,
        refresh: file.crawl.refresh(file.publish.partial)?,
        changes: file.history.changes,
        max_idle: match &file.crawl.max_idle {
            None => defaults.max_idle,
            Some(text) => duration("max_idle", text)?,
        },
        stop_timeout: match &file.crawl.stop_timeout {
            None => defaults.stop_timeout,
            Some(text) => duration("stop_timeout", text)?,
        },
        ..defaults
    })
}
