//! The configuration file's format, and its conversion into a [`Config`].

use std::{collections::HashSet, fs, path::Path};

use anyhow::{Context as _, anyhow};
use fortilake_crawler::{one_line, sink::Spec};
use serde::Deserialize;

use super::{Config, Secret, SinkConfig, SourceConfig, explain};
use crate::exit::{Failure, Result};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// How many crawls the state keeps; 0 counts as 1.
    #[serde(default = "keep")]
    keep: usize,
    #[serde(default)]
    guard: Guard,
    #[serde(default)]
    source: Vec<SourceConfig>,
    #[serde(default)]
    sink: Vec<SinkTable>,
}

/// `[guard]`: how many rows may disappear before publishing needs `--accept-shrink`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Guard {
    /// The fraction of a table's rows that may disappear, from 0 to 1.
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

/// One `[[sink]]`: its type, and the options that the sink itself knows.
#[derive(Debug, Deserialize)]
struct SinkTable {
    #[serde(rename = "type")]
    kind: String,
    #[serde(flatten)]
    options: serde_json::Map<String, serde_json::Value>,
}

fn keep() -> usize {
    super::KEEP
}

fn max_shrink() -> f64 {
    super::MAX_SHRINK
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
    let file: File = toml::from_str(text).map_err(|error| explain::unreadable(text, &error))?;
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
        let secrets = [&source.password, &source.api_key];
        if secrets
            .iter()
            .any(|secret| matches!(secret, Some(Secret::Plain(_))))
        {
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
        spec.check().map_err(|error| {
            // The sink checks its options, but it does not know their lines in the file. So the
            // line is found by the option that the message mentions.
            let complaint = one_line(&error);
            let line = explain::line_of(text, "sink", position, |option| {
                complaint.contains(&format!("option `{option}`"))
            });
            let place = line.map_or_else(String::new, |line| format!("line {line}: "));
            Failure::from(error).context(format!("{place}{label} cannot be used"))
        })?;
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
