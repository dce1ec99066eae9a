//! The summary at the end of a run, as text and as JSON.

mod target;

use std::{collections::BTreeMap, fmt::Write as _};

use fortilake_crawler::{AccountShrink, Drift, Postponed, Report, Shrink, SinkReport, one_line};
use fortilake_sink::{self as sink, FailedScope, Standing, TableTotal, registry};
use indicatif::DecimalBytes;
use serde_json::{Value, json};

pub(crate) use self::target::SummaryTarget;
use crate::{baseline, config, console::Console, exit::Code};

/// The number of calls that succeeded or finally failed, by source and endpoint.
pub(crate) type CallCounts = BTreeMap<String, BTreeMap<&'static str, u64>>;

/// How many failed scopes, or shrunk accounts of a table, are listed one by one.
const FAILURES_SHOWN: usize = 10;

/// Prints how a crawl ended: to people as text, to programs as JSON. If the console is quiet, only
/// what failed is printed. `flags` are those that a command in a hint needs.
pub(crate) fn print(
    console: Console,
    crawl: &sink::Crawl,
    report: &Report,
    summary: &Value,
    flags: &str,
) {
    console.summary(&text(crawl, report, flags), summary);
    // The text of the summary has this already.
    if console.is_quiet() || console.is_json() {
        console.problem(&problems(crawl, report, flags));
    }
}

/// Prints the results of sinks; if the console is quiet, only the errors.
pub(crate) fn print_sinks(console: Console, reports: &[SinkReport]) {
    if console.is_quiet() {
        console.problem(&sink_errors(reports));
    } else {
        console.note(&sinks(reports));
    }
}

/// What failed, is missing, or was refused; empty if nothing.
fn problems(crawl: &sink::Crawl, report: &Report, flags: &str) -> String {
    let mut text = failures(report);
    // That an organization was not read, for example, changes what the whole snapshot contains.
    for note in &report.notes {
        let _ = writeln!(text, "note: {note}");
    }
    text.push_str(&shrunk(crawl, &report.shrunk, flags));
    text.push_str(refused(report));
    text.push_str(&sink_errors(&report.sinks));
    text
}

fn refused(report: &Report) -> &'static str {
    if !report.published && report.shrunk.is_empty() {
        "nothing was published, because scopes failed and partial snapshots are refused\n"
    } else {
        ""
    }
}

/// The summary as text.
fn text(crawl: &sink::Crawl, report: &Report, flags: &str) -> String {
    let state = if report.complete {
        "complete"
    } else {
        "partial"
    };
    let scopes = report.scopes;
    let mut text = format!(
        "{state} snapshot {} in {:.1} s: {}, {}\n\n",
        baseline::published_name(crawl, report),
        report.elapsed.as_secs_f64(),
        count(report.calls, "call"),
        count(scopes.complete + scopes.failed + scopes.carried, "scope"),
    );
    text.push_str(&tables(&report.tables, report.drift));
    for note in &report.notes {
        let _ = writeln!(text, "note: {note}\n");
    }
    text.push_str(&failures(report));
    text.push_str(&not_due(&report.postponed));
    text.push_str(&shrunk(crawl, &report.shrunk, flags));
    text.push_str(refused(report));
    text.push_str(&sinks(&report.sinks));
    text
}

/// The number of rows of every table, and of rows and values that differ from the descriptions.
pub(crate) fn tables(totals: &[TableTotal], drift: Drift) -> String {
    let width = totals
        .iter()
        .map(|total| total.table.len())
        .max()
        .unwrap_or(0);
    let mut text = String::new();
    for total in totals {
        let _ = writeln!(text, "  {:width$}  {:>9}", total.table, total.rows);
    }
    let notes = [
        (drift.duplicates, "duplicate row", "dropped"),
        (drift.unknown_fields, "unknown field", "kept in `_extra`"),
        (drift.misfits, "issue", "see the table `issues`"),
    ];
    for (number, what, fate) in notes.into_iter().filter(|(number, ..)| *number > 0) {
        let _ = writeln!(text, "  {}: {fate}", count(number, what));
    }
    text.push('\n');
    text
}

/// The scopes that could not be read: those whose rows are missing, then those whose rows are old.
fn failures(report: &Report) -> String {
    let postponed = &report.postponed;
    let failed = report.failed.iter();
    let missing: Vec<_> = failed
        .filter(|scope| !postponed.unread.contains(&scope.scope))
        .map(failure)
        .collect();
    let old = report.carried.iter().map(|scope| {
        format!(
            "{} (rows from {}, crawl {})",
            failure(&scope.failed),
            scope.observed_at,
            scope.crawl
        )
    });
    list("are not published", &missing)
        + &list("are from an earlier crawl", &old.collect::<Vec<_>>())
        + &not_read_yet(postponed)
}

/// The scopes that a rolling crawl left out because an earlier one read them; empty if there are none.
fn not_due(postponed: &Postponed) -> String {
    match postponed.oldest.map(jiff::Timestamp::from_microsecond) {
        Some(Ok(oldest)) => format!(
            "{} not due for a refresh; the rows are from earlier crawls, the oldest from {oldest:.0}\n\n",
            count(postponed.carried, "scope"),
        ),
        _ => String::new(),
    }
}

/// The scopes that a rolling crawl has not read yet; empty if there are none.
fn not_read_yet(postponed: &Postponed) -> String {
    match postponed.unread.len() as u64 {
        0 => String::new(),
        scopes => format!(
            "{} not read yet, so the rows are missing; a later crawl reads them\n\n",
            count(scopes, "scope")
        ),
    }
}

/// Scopes that failed, under a heading that says what became of their rows; empty if there are none.
fn list(fate: &str, scopes: &[String]) -> String {
    let mut text = String::new();
    if scopes.is_empty() {
        return text;
    }
    let whose = if scopes.len() == 1 { "its" } else { "their" };
    let number = count(scopes.len() as u64, "scope");
    let _ = writeln!(text, "{number} failed; {whose} rows {fate}:");
    for scope in scopes.iter().take(FAILURES_SHOWN) {
        let _ = writeln!(text, "  {scope}");
    }
    if scopes.len() > FAILURES_SHOWN {
        let _ = writeln!(
            text,
            "  and {} more; the `coverage` table lists all",
            scopes.len() - FAILURES_SHOWN
        );
    }
    text.push('\n');
    text
}

fn failure(scope: &FailedScope) -> String {
    let whose = match (scope.account_id, scope.ou_id) {
        (Some(account), _) => format!(" of account {account}"),
        (None, Some(ou)) => format!(" of unit {ou}"),
        (None, None) => String::new(),
    };
    let FailedScope {
        source,
        endpoint,
        error,
        ..
    } = scope;
    format!("{source} {endpoint}{whose}: {error}")
}

/// The tables that the shrink guard refused, by account, and what to do about them.
fn shrunk(crawl: &sink::Crawl, tables: &[Shrink], flags: &str) -> String {
    let mut text = String::new();
    let Some(first) = tables.first() else {
        return text;
    };
    let _ = writeln!(
        text,
        "nothing was published: too many rows have disappeared since snapshot {}",
        first.against
    );
    for Shrink {
        table,
        source,
        before,
        now,
        accounts,
        ..
    } in tables
    {
        let _ = writeln!(
            text,
            "  {table} of {source}: {before} rows before, {now} now"
        );
        for account in accounts.iter().take(FAILURES_SHOWN) {
            let AccountShrink {
                account_id,
                before,
                now,
                ..
            } = account;
            let _ = writeln!(text, "    account {account_id}: {before} before, {now} now");
        }
        if accounts.len() > FAILURES_SHOWN {
            let _ = writeln!(text, "    and {} more", accounts.len() - FAILURES_SHOWN);
        }
    }
    let _ = writeln!(
        text,
        "\nhint: if these rows are really gone, run `fortilake replay --accept-shrink {}{flags}` to publish this crawl without\n\
         making calls, or `fortilake crawl --accept-shrink` for a new crawl; change the thresholds under `[guard]`",
        crawl.id
    );
    text
}

/// Whether at least one sink has the snapshot; also true if there are no sinks.
pub(crate) fn reached_a_sink(report: &Report) -> bool {
    let mut sinks = report.sinks.iter();
    report.published && (report.sinks.is_empty() || sinks.any(|sink| sink.result.is_ok()))
}

/// The exit code of a crawl that was read completely.
///
/// A failed sink outranks a refusal, because the run has to be repeated in any case.
pub(crate) fn code(report: &Report) -> Code {
    let errors = report
        .sinks
        .iter()
        .filter_map(|sink| sink.result.as_ref().err());
    // A refusal has the same type as a failure, but it is a decision of the sink: nothing is broken,
    // and repeating the run would not help.
    let (refused, failed): (Vec<_>, Vec<_>) =
        errors.partition(|error| error.kind() == sink::Kind::Refused);
    if !failed.is_empty() {
        Code::Failed
    } else if !refused.is_empty() || !report.published {
        Code::Refused
    } else if report.complete {
        Code::Complete
    } else {
        Code::Partial
    }
}

/// One line per sink: its receipt or its error.
pub(crate) fn sinks(reports: &[SinkReport]) -> String {
    let mut text = String::new();
    for SinkReport { name, result } in reports {
        let _ = match result {
            Ok(receipt) => writeln!(
                text,
                "{name}: {}{} ({}) at {}{}",
                count(receipt.rows, "row"),
                parts(name, receipt.files),
                DecimalBytes(receipt.bytes),
                receipt.location,
                match receipt.standing {
                    Standing::Latest => "",
                    Standing::Behind => ", but a newer snapshot is already published",
                },
            ),
            Err(error) => writeln!(text, "{}", sink_error(name, error)),
        };
    }
    text
}

/// In how many files, messages or starts of a program the rows are; empty if that is not counted.
///
/// What a sink counts follows from the kind of its target.
fn parts(label: &str, number: u64) -> String {
    let sink = registry::find(config::sink_of(label));
    match sink.map_or("", |sink| sink.target) {
        "path" | "catalog" => format!(" in {}", count(number, "file")),
        "url" => format!(" in {}", count(number, "message")),
        "command" => format!(" to {} of the program", count(number, "run")),
        _ => String::new(),
    }
}

fn sink_errors(reports: &[SinkReport]) -> String {
    let errors = reports.iter().filter_map(|report| {
        let error = report.result.as_ref().err()?;
        Some(sink_error(&report.name, error) + "\n")
    });
    errors.collect()
}

fn sink_error(name: &str, error: &sink::Error) -> String {
    format!("error: sink `{name}` failed: {}", one_line(error))
}

/// A number with its noun, such as `1 call` or `2 calls`; the plural is formed with an `s`.
pub(crate) fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// The summary as JSON. Its members are a documented interface, so they are never renamed.
pub(crate) fn json(crawl: &sink::Crawl, report: &Report, calls_by_endpoint: &CallCounts) -> Value {
    let sinks: Vec<Value> = report
        .sinks
        .iter()
        .map(|sink| match &sink.result {
            Ok(receipt) => json!({ "sink": sink.name, "receipt": receipt }),
            Err(error) => json!({ "sink": sink.name, "error": one_line(error) }),
        })
        .collect();
    let tables: serde_json::Map<_, _> = report
        .tables
        .iter()
        .map(|total| (total.table.clone(), total.rows.into()))
        .collect();
    json!({
        "crawl_id": crawl.id,
        "snapshot": baseline::published_name(crawl, report),
        "started_at": crawl.started_at,
        "elapsed_seconds": report.elapsed.as_secs_f64(),
        "complete": report.complete,
        "published": report.published,
        "calls": report.calls,
        "recalled": report.recalled,
        "calls_by_endpoint": calls_by_endpoint,
        "scopes": report.scopes,
        "failed": report.failed,
        "carried": report.carried,
        "notes": report.notes,
        "shrunk": report.shrunk,
        "tables": Value::Object(tables),
        "drift": report.drift,
        "sinks": sinks,
    })
}
