//! Writes the result of a run as metrics, for the textfile collector of Prometheus' `node_exporter`.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::Context as _;
use serde_json::Value;

use crate::{
    exit::{Code, CommandError, Result},
    record::RunRecord,
    replace, source_usage,
};

#[cfg(feature = "history")]
mod renewal;

/// Every metric with its help text, in the order of the file. Each is a gauge: the collector reads
/// the file until the next run replaces it.
pub(crate) const METRICS: [(&str, &str); 16] = [
    ("fortilake_build_info", "The version of fortilake."),
    (
        "fortilake_run_end_timestamp_seconds",
        "When the run ended, in Unix time.",
    ),
    ("fortilake_run_duration_seconds", "How long the run took."),
    ("fortilake_run_exit_code", "The exit code of the run."),
    (
        "fortilake_run_complete",
        "Whether every scope of the crawl is complete.",
    ),
    (
        "fortilake_run_published",
        "Whether the crawl was published.",
    ),
    (
        "fortilake_run_requests",
        "The requests that were sent, sign-ins and retries included.",
    ),
    (
        "fortilake_run_calls",
        "Calls that got a response or failed, including those of earlier runs of the crawl.",
    ),
    (
        "fortilake_run_failed_calls",
        "The calls that failed after all retries.",
    ),
    (
        "fortilake_run_scopes",
        "The scopes of the crawl, by result.",
    ),
    (
        "fortilake_run_sink_failed",
        "Whether the sink failed to publish the crawl.",
    ),
    (
        "fortilake_limit_calls_left",
        "How many calls the limit still allowed when the run ended.",
    ),
    (
        "fortilake_limit_errors_left",
        "How many errors the limit still allowed when the run ended.",
    ),
    (
        "fortilake_table_rows",
        "The rows of the table in the last snapshot that was published.",
    ),
    (
        "fortilake_last_complete_snapshot_timestamp_seconds",
        "When the crawl of the newest published, complete snapshot began, in Unix time.",
    ),
    (
        NEXT_RENEWAL,
        "The next day on which coverage ends, according to the newest published snapshot, in Unix time.",
    ),
];

/// The metrics about what is published. A run that publishes nothing leaves them as they are, so
/// that alerts about their age work however a run fails.
const PUBLISHED: [&str; 3] = [
    "fortilake_table_rows",
    "fortilake_last_complete_snapshot_timestamp_seconds",
    NEXT_RENEWAL,
];

/// A time and not a number of days, which would be wrong on the next day.
const NEXT_RENEWAL: &str = "fortilake_next_renewal_timestamp_seconds";

/// Where metrics are written, if `--metrics-file` was given.
pub(crate) struct MetricsTarget {
    path: Option<PathBuf>,
    began: Instant,
}

/// The samples of every metric: labels and values.
type Samples = BTreeMap<&'static str, Vec<(String, f64)>>;

impl MetricsTarget {
    /// Checks before the run that the file can be written, and leaves it as it is.
    pub(crate) fn open(path: Option<&Path>) -> Result<Self> {
        if let Some(path) = path {
            replace::check(path)
                .with_context(|| format!("the metrics `{}` cannot be written", path.display()))
                .map_err(CommandError::not_started)?;
        }
        Ok(Self {
            path: path.map(Path::to_owned),
            began: Instant::now(),
        })
    }

    /// Replaces the file.
    pub(crate) fn write(&self, record: &RunRecord, result: &Result) -> Result<()> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        let code = match result {
            Ok(code) => *code,
            Err(failure) => failure.code,
        };
        let mut samples = of_run(record, code)?;
        let seconds = self.began.elapsed().as_secs_f64();
        add(&mut samples, "fortilake_run_duration_seconds", &[], seconds);
        #[cfg(feature = "history")]
        if let Some(summary) = record
            .summary
            .as_ref()
            .filter(|summary| is_published(summary))
            && let Some(end) = renewal::next(summary)
        {
            let end = end.as_duration().as_secs_f64();
            add(&mut samples, NEXT_RENEWAL, &[], end);
        }
        let before = fs::read_to_string(path).unwrap_or_default();
        let text = render(&samples, &before);
        replace::replace(path, &text)
            .with_context(|| format!("the metrics `{}` cannot be written", path.display()))
            .map_err(CommandError::failed)
    }
}

fn of_run(record: &RunRecord, code: Code) -> Result<Samples> {
    // The runtime of the run has ended.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .map_err(CommandError::failed)?;
    let mut samples = Samples::new();
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    add(&mut samples, "fortilake_build_info", &version, 1.0);
    let now = jiff::Timestamp::now().as_duration().as_secs_f64();
    add(
        &mut samples,
        "fortilake_run_end_timestamp_seconds",
        &[],
        now,
    );
    add(&mut samples, "fortilake_run_exit_code", &[], code as u8);
    for (source, clients) in &record.clients {
        let Ok(Some(usage)) = runtime.block_on(source_usage::of_clients(clients)) else {
            continue;
        };
        let labels = [("source", source.as_ref())];
        add(
            &mut samples,
            "fortilake_run_requests",
            &labels,
            number(usage.calls),
        );
        for (window, used) in &usage.windows {
            let seconds = window.per.as_secs_f64().to_string();
            let labels = [("source", source.as_ref()), ("window_seconds", &seconds)];
            let left = window.max.saturating_sub(*used);
            add(&mut samples, "fortilake_limit_calls_left", &labels, left);
        }
        if let Some(left) = usage.errors_left {
            add(&mut samples, "fortilake_limit_errors_left", &labels, left);
        }
    }
    if let Some(calls) = &record.calls {
        for (source, endpoints) in calls.by_endpoint() {
            for (endpoint, count) in endpoints {
                let labels = [("source", source.as_str()), ("endpoint", endpoint)];
                add(&mut samples, "fortilake_run_calls", &labels, number(count));
            }
        }
        let failed = number(calls.failed());
        add(&mut samples, "fortilake_run_failed_calls", &[], failed);
    }
    let summary = record.summary.as_ref();
    let is_complete = summary.is_some_and(|summary| summary["complete"] == true);
    for (name, is) in [
        ("fortilake_run_complete", is_complete),
        ("fortilake_run_published", summary.is_some_and(is_published)),
    ] {
        add(&mut samples, name, &[], u8::from(is));
    }
    if let Some(summary) = summary {
        of_summary(summary, &mut samples);
    }
    Ok(samples)
}

/// Whether at least one sink has published the crawl.
fn is_published(summary: &Value) -> bool {
    let mut sinks = summary["sinks"].as_array().into_iter().flatten();
    summary["published"] == true && sinks.any(|sink| sink.get("error").is_none())
}

fn of_summary(summary: &Value, samples: &mut Samples) {
    for (result, count) in summary["scopes"].as_object().into_iter().flatten() {
        let count = count.as_f64().unwrap_or_default();
        add(
            samples,
            "fortilake_run_scopes",
            &[("result", result)],
            count,
        );
    }
    for sink in summary["sinks"].as_array().into_iter().flatten() {
        let failed = sink.get("error").is_some();
        let labels = [("sink", sink["sink"].as_str().unwrap_or_default())];
        add(
            samples,
            "fortilake_run_sink_failed",
            &labels,
            u8::from(failed),
        );
    }
    if !is_published(summary) {
        return;
    }
    for (table, rows) in summary["tables"].as_object().into_iter().flatten() {
        let rows = rows.as_f64().unwrap_or_default();
        add(samples, "fortilake_table_rows", &[("table", table)], rows);
    }
    let began = summary["started_at"].as_str();
    let began = began.and_then(|began| began.parse::<jiff::Timestamp>().ok());
    if let Some(began) = began.filter(|_| summary["complete"] == true) {
        let name = "fortilake_last_complete_snapshot_timestamp_seconds";
        add(samples, name, &[], began.as_duration().as_secs_f64());
    }
}

fn add(samples: &mut Samples, name: &'static str, labels: &[(&str, &str)], value: impl Into<f64>) {
    let labels: Vec<_> = labels
        .iter()
        .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
        .collect();
    let labels = match labels.as_slice() {
        [] => String::new(),
        labels => format!("{{{}}}", labels.join(",")),
    };
    samples
        .entry(name)
        .or_default()
        .push((labels, value.into()));
}

#[expect(
    clippy::cast_precision_loss,
    reason = "every number in this format is a float"
)]
fn number(count: u64) -> f64 {
    count as f64
}

/// A label's value as the format has to contain it.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

/// The file: these samples, and those of `before` that are about what is published and that this
/// run has none of.
fn render(samples: &Samples, before: &str) -> String {
    let mut text = String::new();
    for (name, help) in METRICS {
        let mut lines = String::new();
        for (labels, value) in samples.get(name).into_iter().flatten() {
            let _ = writeln!(lines, "{name}{labels} {value}");
        }
        if lines.is_empty() && PUBLISHED.contains(&name) {
            let is_sample = |line: &&str| {
                let rest = line.strip_prefix(name);
                rest.is_some_and(|rest| rest.starts_with([' ', '{']))
            };
            for line in before.lines().filter(is_sample) {
                let _ = writeln!(lines, "{line}");
            }
        }
        if !lines.is_empty() {
            let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{lines}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_published_stays_until_something_else_is() {
        let mut samples = Samples::new();
        add(&mut samples, "fortilake_run_exit_code", &[], 75_u8);
        let before = "fortilake_run_exit_code 0\n\
                      fortilake_table_rows{table=\"products\"} 7\n\
                      fortilake_last_complete_snapshot_timestamp_seconds 1788264000\n";
        let text = render(&samples, before);
        let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            lines,
            [
                "fortilake_run_exit_code 75",
                "fortilake_table_rows{table=\"products\"} 7",
                "fortilake_last_complete_snapshot_timestamp_seconds 1788264000",
            ]
        );
        add(
            &mut samples,
            "fortilake_table_rows",
            &[("table", "a")],
            1_u8,
        );
        let text = render(&samples, before);
        assert!(!text.contains("products"), "{text}");
    }

    #[test]
    fn a_crawl_that_no_sink_has_is_not_published() {
        let summary = |sinks: Value| json!({ "published": true, "sinks": sinks });
        let failed = json!({ "sink": "csv:out", "error": "no space left" });
        assert!(!is_published(&summary(json!([failed]))));
        assert!(is_published(&summary(json!([failed, { "sink": "csv:b" }]))));
        assert!(!is_published(&json!({ "published": false, "sinks": [{}] })));
    }

    #[test]
    fn labels_are_escaped() {
        let mut samples = Samples::new();
        let labels = [("sink", "a\\b\"c\nd")];
        add(&mut samples, "fortilake_run_sink_failed", &labels, 1_u8);
        let text = render(&samples, "");
        let line = "fortilake_run_sink_failed{sink=\"a\\\\b\\\"c\\nd\"} 1\n";
        assert!(text.ends_with(line), "{text}");
    }
}
