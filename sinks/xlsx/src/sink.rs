//! The registry entry of the sink, and what its calls do.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use fortilake_sink::issues::{Changed, ISSUES, issues};
use fortilake_sink::{
    Batch, Context, Crawl, Delivery, Descriptor, Error, Kind, Options, Outcome, Partial, Receipt,
    Result, Selection, Sink, Standing, Store, choose_name, inventory,
};
use schemars::schema_for;

use crate::cell::cut;
use crate::config::Config;
use crate::document::Document;
use crate::identity::Identity;
use crate::output::Output;
use crate::sheet::{Limits, Sheet};
use crate::workbook;

/// Why a text is in the table `issues`.
const REASON: &str = "cut to 32,767 characters, the most that a cell of a workbook can hold";

/// How many failed scopes an error message names; the rest are counted.
const NAMED: usize = 5;

inventory::submit! {
    Descriptor {
        name: "xlsx",
        summary: "One Excel workbook with a sheet for each table, replaced when the crawl ends.",
        target: "path",
        options: || schema_for!(Config),
        delivery: |_| Ok(Delivery::Atomic),
        open: |context, options| Box::pin(open(context, options)),
        probe: |options| Box::pin(probe(options)),
        recover: Some(|options, store| Box::pin(recover(options, store))),
        redeliver: None,
    }
}

async fn open(mut context: Context, options: Options) -> Result<Box<dyn Sink>> {
    let config: Config = options.parse()?;
    let joined = config.join.map(|join| join.widen(&mut context));
    let chosen = config.choice().narrow(&mut context)?;
    let sink = blocking(move || Xlsx::open(context, &config)).await?;
    let sink = chosen.before(Box::new(sink));
    Ok(match joined {
        Some(joined) => joined.before(sink),
        None => sink,
    })
}

async fn probe(options: Options) -> Result<()> {
    let config: Config = options.parse()?;
    blocking(move || {
        let document = Document::new(&config.path)?;
        document.identity()?;
        document.probe()
    })
    .await
}

async fn recover(options: Options, _store: Arc<dyn Store>) -> Result<()> {
    let config: Config = options.parse()?;
    blocking(move || Document::new(&config.path)?.sweep()).await
}

/// Writes one crawl.
struct Xlsx {
    crawl: Crawl,
    name: String,
    document: Document,
    partial: Partial,
    /// `None` while a blocking task uses them, and forever once a write has failed.
    sheets: Option<Vec<Sheet>>,
    rows: u64,
    /// The texts that were cut.
    cut: u64,
}

impl Xlsx {
    fn open(context: Context, config: &Config) -> Result<Self> {
        let document = Document::new(&config.path)?;
        let there = document.identity()?;
        check_selection(&document, &context.crawl.selection, there.as_ref())?;
        document.sweep()?;
        document.probe()?;
        let folder: PathBuf = context.scratch.unwrap_or_else(tempfile::env::temp_dir);
        let sheets = (1..)
            .zip(context.tables)
            .map(|(number, spec)| Sheet::new(spec, number, &folder, Limits::default()));
        let partial = context.partial.or(config.partial.map(Partial::from));
        Ok(Self {
            name: name(&context.crawl, there.as_ref()),
            sheets: Some(sheets.collect::<Result<_>>()?),
            crawl: context.crawl,
            document,
            // The workbook loses the rows of scopes that failed, so this is decided as for other files without history.
            partial: partial.unwrap_or(Partial::Refuse),
            rows: 0,
            cut: 0,
        })
    }

    /// Replaces the workbook, unless it has a newer crawl.
    fn publish(self, sheets: Vec<Sheet>, outcome: &Outcome) -> Result<Receipt> {
        let there = self.document.identity()?;
        let mut receipt = Receipt {
            location: self.document.path().display().to_string(),
            snapshot: Some(self.name.clone()),
            standing: Standing::Behind,
            rows: self.rows,
            files: 0,
            bytes: 0,
        };
        let is_newer =
            |there: &Identity| there.crawl != self.crawl.id && there.snapshot >= self.name;
        if there.as_ref().is_some_and(is_newer) {
            return Ok(receipt);
        }
        check_selection(&self.document, &outcome.selection, there.as_ref())?;
        let summary = outcome.summary();
        let identity = Identity {
            snapshot: self.name.clone(),
            crawl: self.crawl.id.clone(),
            complete: outcome.complete,
            selection: outcome.selection.clone(),
            failed: summary
                .failed
                .into_iter()
                .map(|failed| failed.scope)
                .collect(),
        };
        check_partial(self.partial, &identity, there.as_ref())?;
        let sheets = sheets
            .into_iter()
            .map(Sheet::finish)
            .collect::<Result<Vec<_>>>()?;
        let file = self.document.begin()?;
        let out = Output::new(file);
        let failed = |error| Error::io("write", self.document.path(), error);
        let out = workbook::write(out, sheets, &identity, &self.crawl);
        let out = out.map_err(|error| failed(std::io::Error::from(error)))?;
        let file = out.into_inner().map_err(failed)?;
        receipt.bytes = self.document.replace(file)?;
        receipt.files = 1;
        receipt.standing = Standing::Latest;
        Ok(receipt)
    }
}

#[async_trait]
impl Sink for Xlsx {
    async fn write(&mut self, batch: &Batch) -> Result<()> {
        let mut sheets = self.sheets.take().ok_or_else(spent)?;
        let (batch, crawl) = (batch.clone(), self.crawl.clone());
        self.rows += batch.records.num_rows() as u64;
        let (sheets, cut) = blocking(move || {
            let cut = write(&mut sheets, &batch, &crawl)?;
            Ok((sheets, cut))
        })
        .await?;
        self.sheets = Some(sheets);
        self.cut += cut;
        Ok(())
    }

    async fn finish(mut self: Box<Self>, outcome: &Outcome) -> Result<Receipt> {
        let sheets = self.sheets.take().ok_or_else(spent)?;
        if self.cut > 0 {
            tracing::warn!(
                texts = self.cut,
                "cut texts of more than 32,767 characters, because a cell of a workbook cannot hold more"
            );
        }
        let outcome = outcome.clone();
        blocking(move || self.publish(sheets, &outcome)).await
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        // The temporary files have no names, and the hidden file is made in `finish`.
        Ok(())
    }
}

/// Writes a batch, with a row in `issues` for every text that was cut. Returns the number of these texts.
fn write(sheets: &mut [Sheet], batch: &Batch, crawl: &Crawl) -> Result<u64> {
    let find =
        |sheets: &[Sheet], name: &str| sheets.iter().position(|sheet| sheet.spec().name == name);
    let sheet = find(sheets, &batch.table.name).ok_or_else(spent)?;
    let cells = sheets[sheet].write(&batch.records)?;
    let changed = Changed {
        cells: &cells,
        reason: REASON,
        store: &|text| cut(text).into_owned(),
    };
    if !cells.is_empty()
        && batch.table.name != ISSUES
        && let Some(sheet) = find(sheets, ISSUES)
        && let Some(rows) = issues(sheets[sheet].spec(), crawl, batch, &changed)?
    {
        sheets[sheet].write(&rows)?;
    }
    Ok(cells.len() as u64)
}

/// The name of the crawl's snapshot in a workbook that has another one.
fn name(crawl: &Crawl, there: Option<&Identity>) -> String {
    let mine = there.filter(|there| there.crawl == crawl.id);
    let names = there.iter().map(|there| there.snapshot.clone()).collect();
    choose_name(crawl, mine.map(|mine| mine.snapshot.as_str()), &names)
}

/// Refuses a crawl whose selection does not cover that of the workbook.
fn check_selection(document: &Document, ours: &Selection, there: Option<&Identity>) -> Result<()> {
    let Some(there) = there.filter(|there| !ours.covers(&there.selection)) else {
        return Ok(());
    };
    let text = format!(
        "this crawl covers only a selection of sources, accounts or product models, but snapshot `{}` in `{}` covers \
         more; publish the selection to another file",
        there.snapshot,
        document.path().display()
    );
    Err(Error::new(Kind::Refused, text))
}

/// Refuses a crawl that would remove rows from the workbook: one in which a scope failed that did not fail before.
fn check_partial(rule: Partial, ours: &Identity, there: Option<&Identity>) -> Result<()> {
    let Some(there) = there.filter(|_| rule == Partial::Refuse) else {
        return Ok(());
    };
    let lost: Vec<_> = ours
        .failed
        .iter()
        .filter(|scope| !there.failed.contains(scope))
        .collect();
    if lost.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = lost
        .iter()
        .take(NAMED)
        .map(|scope| format!("`{scope}`"))
        .collect();
    let more = match lost.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let text = format!(
        "publishing may remove rows of snapshot `{}` from the workbook, because these scopes failed: {}{more}; run the \
         crawl again, or publish anyway with `--accept-partial` or `partial = \"publish\"`",
        there.snapshot,
        names.join(", ")
    );
    Err(Error::new(Kind::Refused, text))
}

fn spent() -> Error {
    Error::new(
        Kind::Internal,
        "an earlier call of this sink failed or was cancelled",
    )
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| {
        let text = "the task that writes the workbook panicked or was cancelled";
        Err(Error::new(Kind::Internal, text).with_source(error))
    })
}
