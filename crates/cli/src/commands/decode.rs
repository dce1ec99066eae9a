//! `fortilake decode`: turns saved API responses into tables, without a crawl.

use std::{
    collections::BTreeMap,
    fmt, fs,
    io::{self, Read as _},
    iter,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, anyhow, bail};
use fortilake_client::{self as client, EnvelopeError, Status};
use fortilake_crawler::{
    CoverageRow, DecodedPages, Facts, InOrder, ListFacts, Publisher, RawPage, Reload,
    TOGETHER_BYTES, tables_of,
};
use fortilake_models::{self as models, Endpoint};
use fortilake_sink::{Outcome, ScopeId, ScopeOutcome, ScopeResult, TableSpec, TableTotal, nearest};
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::{
    SinkOpener,
    part::{self, ListPart},
    response,
};
use crate::{
    args::DecodeArgs,
    config::{self, Env},
    console::Console,
    exit::{Code, CommandError, Result},
    session, summary,
};

/// The source name in the column `_source`.
const SOURCE: &str = "decode";

/// Decodes the files in the given order, as the pages of one list. The files of a folder are sorted by
/// name.
pub(crate) fn run(args: &DecodeArgs, console: Console) -> Result {
    let endpoint = find(&args.endpoint)?;
    check_asked(endpoint, &args.asked)?;
    let sinks = config::sink_specs(&args.sink)?;
    let env = Env::read()?;
    super::block_on(&super::runtime()?, async {
        let tables = tables_of(&[endpoint.id]);
        let crawl = session::identity(jiff::Timestamp::now());
        // No state: saved responses must not influence the baseline or the deliveries of crawls.
        let opening = SinkOpener {
            crawl: &crawl,
            tables: &tables,
            state: None,
            env: &env,
            partial: None,
        };
        let sinks = opening.open(&sinks).await?;
        let mut publisher = Publisher::new(&crawl.id, &tables, sinks);
        let decoded = match feed(&mut publisher, endpoint, args).await {
            Ok(decoded) => decoded,
            Err(failure) => {
                publisher.abort().await;
                return Err(failure);
            }
        };
        let complete = decoded.gap.is_none();
        if let Some(gap) = &decoded.gap {
            console.problem(&format!("incomplete list: {gap}\n"));
        }
        if let Some(doubt) = &decoded.doubt {
            console.problem(&format!("the list may have more pages: {doubt}\n"));
        }
        let outcome = decoded.outcome(&tables);
        let totals = tables.iter().map(|table| TableTotal {
            table: table.name.clone(),
            rows: outcome.tables.get(&table.name).copied().unwrap_or(0),
        });
        let totals: Vec<_> = totals.collect();
        console.note(&summary::tables(&totals, publisher.drift()));
        let reports = publisher.finish(outcome).await;
        summary::print_sinks(console, &reports);
        let failed = reports.iter().any(|report| report.result.is_err());
        Ok(match (failed, complete) {
            (true, _) => Code::Failed,
            (false, true) => Code::Complete,
            (false, false) => Code::Partial,
        })
    })
}

/// The scope that all files together make.
struct Decoded {
    scope: ScopeId,
    /// Number of rows by table.
    rows: BTreeMap<String, u64>,
    /// When the files were read, in microseconds of Unix time.
    observed_at: i64,
    /// Why the files are not the whole list; `None` if nothing suggests that pages are missing.
    gap: Option<String>,
    /// Why the list may have more pages than the files, although nothing says so.
    doubt: Option<String>,
}

impl Decoded {
    fn outcome(self, tables: &[Arc<TableSpec>]) -> Outcome {
        let entry = |scope: ScopeId, rows: BTreeMap<String, u64>| ScopeOutcome {
            scope: Arc::new(scope),
            result: ScopeResult::Complete,
            rows,
            observed_at: self.observed_at,
        };
        let coverage = BTreeMap::from([("coverage".to_owned(), 1)]);
        let mut totals: BTreeMap<String, u64> =
            tables.iter().map(|table| (table.name.clone(), 0)).collect();
        for (table, rows) in self.rows.iter().chain(&coverage) {
            *totals.entry(table.clone()).or_default() += rows;
        }
        let mut scopes = vec![
            entry(self.scope.clone(), self.rows.clone()),
            entry(ScopeId::report(), coverage),
        ];
        // A failed scope publishes no rows, but the rows in the files should be published. So the
        // missing rest becomes a scope of its own, which fails and makes the snapshot partial.
        scopes.extend(self.gap.as_ref().map(|gap| ScopeOutcome {
            result: ScopeResult::Failed { error: gap.clone() },
            ..entry(
                ScopeId {
                    subject: "rest".to_owned(),
                    ..self.scope.clone()
                },
                BTreeMap::new(),
            )
        }));
        Outcome {
            complete: self.gap.is_none(),
            scopes,
            tables: totals,
            finished_at: self.observed_at,
            changes_since: None,
            ..Outcome::default()
        }
    }
}

fn find(id: &str) -> Result<&'static Endpoint> {
    let known = || {
        let endpoints = models::generated::ENDPOINTS.iter();
        endpoints
            .filter(|endpoint| endpoint.layout.is_some())
            .map(|endpoint| endpoint.id)
    };
    let endpoint = models::endpoint(id).filter(|endpoint| endpoint.layout.is_some());
    endpoint.ok_or_else(|| {
        let failure =
            CommandError::not_started(anyhow!("there is no endpoint `{id}` that returns rows"));
        match nearest(id, known()) {
            Some(known) => failure.hint(format!("did you mean `{known}`?")),
            None => failure.hint(format!(
                "the endpoints with rows are: {}",
                known().collect::<Vec<_>>().join(", ")
            )),
        }
    })
}

async fn feed(
    publisher: &mut Publisher,
    endpoint: &'static Endpoint,
    args: &DecodeArgs,
) -> Result<Decoded> {
    let layout = endpoint
        .layout
        .ok_or_else(|| CommandError::not_started(anyhow!("`{}` has no rows", endpoint.id)))?;
    let observed_at = jiff::Timestamp::now().as_microsecond();
    let scope = ScopeId {
        source: SOURCE.to_owned(),
        endpoint: endpoint.id.to_owned(),
        subject: String::new(),
    };
    publisher.begin(scope.clone());
    let (mut listed, mut rows) = (0, BTreeMap::new());
    let (mut parts, mut unreadable) = (Vec::new(), None);
    let (mut doubt, mut has_end) = (None, false);
    let files = expand(&args.files)?;
    let context = RawPage {
        source: SOURCE.into(),
        layout,
        asked: args.asked.clone(),
        given: Vec::new(),
        observed_at,
        body: "".into(),
    };
    let asked = args.asked.iter().cloned();
    let asked: Arc<Map<String, Value>> =
        Arc::new(asked.map(|(name, value)| (name, value.into())).collect());
    let pages = files.len();
    let crawl_id = publisher.crawl_id();
    let mut prepared = InOrder::new(together(files).map(move |paths| {
        let (asked, context, crawl_id) = (asked.clone(), context.clone(), crawl_id.clone());
        move || prepare(endpoint, &asked, &paths, &context, &crawl_id)
    }));
    while let Some(next) = prepared.next().await? {
        let Prepared { pages, examined } = next?;
        for examined in examined {
            unreadable = unreadable.or(examined.flaw);
            parts.extend(examined.part);
            doubt = doubt.or(examined.doubt);
        }
        let (found, counts) = publisher.pages(pages).await?;
        listed += found.iter().sum::<u64>();
        has_end |= found.contains(&0);
        for (table, count) in counts {
            *rows.entry(table).or_default() += count;
        }
    }
    publisher.end().await?;
    let gap = unreadable.or_else(|| part::missing(&parts));
    // An empty page ends a list whose number of pages is not known.
    let doubt = doubt.filter(|_| gap.is_none() && !has_end);
    let row = CoverageRow {
        source: SOURCE.to_owned(),
        endpoint: endpoint.id.to_owned(),
        account_id: None,
        ou_id: None,
        organization_id: None,
        pages,
        rows: listed,
        carried_from: None,
        error: gap.clone(),
        note: doubt.clone(),
        observed_at,
    };
    publisher.report(None, [row]).await?;
    Ok(Decoded {
        scope,
        rows,
        observed_at,
        gap,
        doubt,
    })
}

/// Replaces each folder by the JSON files in it, sorted by name.
fn expand(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let entries = fs::read_dir(path).and_then(|entries| {
            entries
                .map(|entry| entry.map(|entry| entry.path()))
                .collect::<io::Result<Vec<_>>>()
        });
        let mut found = entries
            .with_context(|| format!("the folder `{}` cannot be read", path.display()))
            .map_err(CommandError::not_started)?;
        found.retain(|file| file.extension().is_some_and(|ending| ending == "json"));
        if found.is_empty() {
            let error = anyhow!("the folder `{}` has no `*.json` files", path.display());
            return Err(CommandError::not_started(error));
        }
        found.sort();
        files.append(&mut found);
    }
    Ok(files)
}

fn check_asked(endpoint: &Endpoint, asked: &[(String, i64)]) -> Result<()> {
    let known = || endpoint.parameters.iter().map(|parameter| parameter.name);
    let Some((name, _)) = asked
        .iter()
        .find(|(name, _)| !known().any(|known| known == name))
    else {
        return Ok(());
    };
    let error = anyhow!("`{}` has no argument `{name}`", endpoint.id);
    Err(
        CommandError::not_started(error).hint(match nearest(name, known()) {
            Some(known) => format!("did you mean `{known}`?"),
            None => format!(
                "its arguments are: {}",
                known().collect::<Vec<_>>().join(", ")
            ),
        }),
    )
}

/// The files whose rows are decoded together.
fn together(files: Vec<PathBuf>) -> impl Iterator<Item = Vec<PathBuf>> {
    let mut files = files.into_iter();
    iter::from_fn(move || {
        let (mut paths, mut bytes) = (Vec::new(), 0);
        while bytes < TOGETHER_BYTES as u64
            && let Some(path) = files.next()
        {
            // A file that is not there is an error when it is read.
            bytes += fs::metadata(&path).map_or(0, |file| file.len());
            paths.push(path);
        }
        (!paths.is_empty()).then_some(paths)
    })
}

/// Pages that were read from files.
struct Prepared {
    pages: DecodedPages,
    examined: Vec<Examined>,
}

/// What a response says about itself.
struct Examined {
    part: Option<ListPart>,
    /// Why the response proves nothing, if it does not.
    flaw: Option<String>,
    /// Why the response may be one page of several, although it does not say so.
    doubt: Option<String>,
}

/// Reads, examines and decodes files.
fn prepare(
    endpoint: &'static Endpoint,
    asked: &Map<String, Value>,
    paths: &[PathBuf],
    context: &RawPage,
    crawl_id: &str,
) -> Result<Prepared> {
    let mut pages = Vec::new();
    for path in paths {
        let body = read(endpoint, path)?;
        pages.push(RawPage {
            body,
            ..context.clone()
        });
    }
    let read = pages.iter().zip(paths);
    let examined = read.map(|(page, path)| examine(endpoint, asked, path, &page.body));
    let examined = examined.collect();
    let inputs = paths.iter().zip(&pages).map(|(path, page)| {
        let is_standard_input = path == Path::new("-");
        (path.clone(), is_standard_input.then(|| page.body.clone()))
    });
    let reload = reload(endpoint, inputs.collect(), context.clone());
    let pages = DecodedPages::new(&pages, crawl_id, reload).map_err(|(position, error)| {
        let path = paths[position].display();
        CommandError::from(error).context(format!("`{path}` cannot be decoded"))
    })?;
    Ok(Prepared { pages, examined })
}

/// Examines the response in a file.
fn examine(
    endpoint: &'static Endpoint,
    asked: &Map<String, Value>,
    path: &Path,
    body: &str,
) -> Examined {
    // A crawl would fail the scope of a page without facts. Here its rows are still decoded, but the
    // result counts as incomplete.
    let facts = response::facts(endpoint, asked, body);
    let doubt = facts.as_ref().ok().and_then(Facts::unusable_total);
    let named = |what: &dyn fmt::Display| format!("`{}`: {what}", path.display());
    let part = match &facts {
        // The facts of a list say it already, so the text is not read again.
        Ok(Facts::List(ListFacts {
            page,
            total: Some(total @ 2..),
            ..
        })) => Some(ListPart::page(*page, *total)),
        _ => ListPart::of(body),
    };
    Examined {
        part,
        doubt: doubt.map(|doubt| named(&doubt)),
        flaw: facts.err().map(|error| named(&error)),
    }
}

/// Reads files again. `inputs` are the paths, and the text where it came from standard input.
fn reload(
    endpoint: &'static Endpoint,
    inputs: Vec<(PathBuf, Option<Arc<str>>)>,
    context: RawPage,
) -> Reload {
    Arc::new(move || {
        let pages = inputs.iter().map(|(path, kept)| {
            let body = match kept {
                Some(body) => body.clone(),
                None => read(endpoint, path).map_err(|failure| failure.error)?,
            };
            Ok(RawPage {
                body,
                ..context.clone()
            })
        });
        pages.collect()
    })
}

/// Reads the response in a file and removes the secrets in it.
fn read(endpoint: &Endpoint, path: &Path) -> Result<Arc<str>> {
    let bytes = if path == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        fs::read(path)
    };
    let bytes = bytes
        .with_context(|| format!("`{}` cannot be read", path.display()))
        .map_err(CommandError::not_started)?;
    let answer = answer(endpoint, &models::json_text(&bytes)).map_err(|error| {
        CommandError::failed(error).context(format!("`{}` cannot be decoded", path.display()))
    })?;
    Ok(answer.body.into())
}

fn answer(endpoint: &Endpoint, text: &str) -> anyhow::Result<client::Page> {
    let Some(answer) = client::Page::saved(endpoint, text) else {
        serde_json::from_str::<IgnoredAny>(text).context("the response is not JSON")?;
        bail!("the response is JSON, but not with the structure that this endpoint returns");
    };
    if !answer.is_failure() {
        return Ok(answer);
    }
    let mut numbers = Vec::new();
    if let EnvelopeError::Code(code) = answer.envelope.error {
        numbers.push(format!("error {code}"));
    }
    if let Status::Number(status) | Status::Code(status) = answer.envelope.status {
        numbers.push(format!("status {status}"));
    }
    let message = answer
        .envelope
        .message
        .as_deref()
        .unwrap_or("without a message");
    let numbers = match numbers.join(", ") {
        none if none.is_empty() => none,
        numbers => format!(" ({numbers})"),
    };
    bail!("the response is an API error: {message}{numbers}")
}
