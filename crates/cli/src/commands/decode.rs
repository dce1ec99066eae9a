//! `fortilake decode`: turns saved API responses into tables, without a crawl.

use std::{fs, io::Read as _, path::Path, sync::Arc};

use anyhow::{Context as _, anyhow, bail};
use fortilake_crawler::{
    CoverageRow, Page, Publisher,
    client::{
        self, Fault, Status,
        models::{self, Endpoint},
    },
    sink::{Outcome, Scopes, nearest},
    tables_of,
};
use serde::de::IgnoredAny;

use crate::{
    args::DecodeArgs,
    config,
    console::Console,
    exit::{Code, Failure, Result},
    session, summary,
};

/// The source name in the column `_source`.
const SOURCE: &str = "decode";

/// Decodes the files in the given order, as the pages of one list.
pub(crate) fn run(args: &DecodeArgs, console: Console) -> Result {
    let endpoint = find(&args.endpoint)?;
    check_asked(endpoint, &args.asked)?;
    let sinks = config::sink_specs(&args.sink)?;
    super::runtime()?.block_on(async {
        let crawl = session::identity(jiff::Timestamp::now());
        let tables = tables_of(&[endpoint.id]);
        let sinks = super::open_sinks(&sinks, &crawl, &tables, None).await?;
        let mut publisher = Publisher::new(&crawl.id, &tables, sinks);
        if let Err(failure) = feed(&mut publisher, endpoint, args).await {
            publisher.abort().await;
            return Err(failure);
        }
        let totals = publisher.totals();
        console.note(&summary::tables(&totals, publisher.drift()));
        let outcome = Outcome {
            complete: true,
            scopes: Scopes {
                complete: 1,
                failed: 0,
            },
            failed: Vec::new(),
            tables: totals,
            finished_at: jiff::Timestamp::now().to_string(),
        };
        let reports = publisher.finish(outcome).await?;
        console.note(&summary::sinks(&reports));
        let failed = reports.iter().any(|report| report.result.is_err());
        Ok(if failed { Code::Failed } else { Code::Complete })
    })
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
        let failure = Failure::not_started(anyhow!("no endpoint `{id}` gives rows"));
        match nearest(id, known()) {
            Some(known) => failure.hint(format!("did you mean `{known}`?")),
            None => failure.hint(format!(
                "these do: {}",
                known().collect::<Vec<_>>().join(", ")
            )),
        }
    })
}

async fn feed(
    publisher: &mut Publisher,
    endpoint: &'static Endpoint,
    args: &DecodeArgs,
) -> Result<()> {
    let layout = endpoint
        .layout
        .ok_or_else(|| Failure::not_started(anyhow!("`{}` gives no rows", endpoint.id)))?;
    let mut rows = 0;
    for path in &args.files {
        let page = Page {
            source: SOURCE.into(),
            layout,
            asked: args.asked.clone(),
            given: Vec::new(),
            observed_at: jiff::Timestamp::now().as_microsecond(),
            body: read(endpoint, path)?,
        };
        rows += publisher.page(page).await.map_err(|error| {
            Failure::from(error).context(format!("`{}` cannot be decoded", path.display()))
        })?;
    }
    let row = CoverageRow {
        source: SOURCE.into(),
        endpoint: endpoint.id,
        account_id: None,
        ou_id: None,
        organization_id: None,
        pages: args.files.len(),
        rows,
        error: None,
        observed_at: jiff::Timestamp::now().as_microsecond(),
    };
    publisher.coverage(&row).await.map_err(Failure::from)
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
        Failure::not_started(error).hint(match nearest(name, known()) {
            Some(known) => format!("did you mean `{known}`?"),
            None => format!("it has: {}", known().collect::<Vec<_>>().join(", ")),
        }),
    )
}

/// The answer in a file, without the secrets in it.
fn read(endpoint: &Endpoint, path: &Path) -> Result<Arc<str>> {
    let text = if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        fs::read_to_string(path)
    };
    let text = text
        .with_context(|| format!("`{}` cannot be read", path.display()))
        .map_err(Failure::not_started)?;
    let text = text.trim_start_matches('\u{feff}');
    let answer = answer(endpoint, text).map_err(|error| {
        Failure::failed(error).context(format!("`{}` cannot be decoded", path.display()))
    })?;
    Ok(answer.body.into())
}

fn answer(endpoint: &Endpoint, text: &str) -> anyhow::Result<client::Page> {
    let Some(answer) = client::Page::saved(endpoint, text) else {
        serde_json::from_str::<IgnoredAny>(text).context("the answer is no JSON")?;
        bail!("the answer is JSON, but not what this endpoint answers");
    };
    if !answer.is_failure() {
        return Ok(answer);
    }
    let mut numbers = Vec::new();
    if let Fault::Code(code) = answer.envelope.fault {
        numbers.push(format!("error {code}"));
    }
    if let Status::Number(status) | Status::Code(status) = answer.envelope.status {
        numbers.push(format!("status {status}"));
    }
    let message = answer
        .envelope
        .message
        .as_deref()
        .unwrap_or("without a text");
    bail!(
        "the answer is an error of the API: {message} ({})",
        numbers.join(", ")
    )
}
