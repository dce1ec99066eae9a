//! Turns pages into rows: decodes them, drops duplicates, and reports values that do not fit.

use std::{
    collections::{HashMap, HashSet},
    error,
    sync::Arc,
};

use arrow_array::RecordBatch;
use fortilake_models::{
    self as models, COVERAGE_LAYOUT, Decoded, ISSUES_LAYOUT, Layout, Page, PageContext, Table,
    decode, decode_pages,
};
use fortilake_sink::TableSpec;
use serde_json::{Map, Value, json};

use super::{CoverageRow, Drift, RawPage, conflicts, models::Models, seen::Seen};
use crate::{Error, Rejected, Result, error::Kind};

/// Turns the pages of scopes into rows.
///
/// The same pages in the same order produce the same rows. Batch ids rely on that.
pub(crate) struct Rows {
    crawl_id: Arc<str>,
    wanted: HashMap<&'static str, Arc<TableSpec>>,
    seen: Seen,
    models: Models,
    /// Loads earlier pages again. Pages that were decoded together have one number.
    earlier: Vec<Reload>,
    /// The conflicts of the current scope so far. Several searches of one account can find the same
    /// product, and each of them would report the same conflict.
    conflicts: HashSet<String>,
    drift: Drift,
    /// What the current scope adds to `drift` if it is kept.
    current: Drift,
}

/// Pages are decoded together until their text has this many bytes.
///
/// Which pages these are decides where batches are cut, so it must depend on nothing but the pages.
pub const TOGETHER_BYTES: usize = 256 << 10;

/// Pages whose rows have been decoded together, but not compared with those of other pages.
pub struct DecodedPages {
    source: Arc<str>,
    /// How many pages these are.
    pub(crate) count: usize,
    /// When the newest of them arrived.
    pub(crate) observed_at: i64,
    decoded: Decoded,
    reload: Reload,
}

impl DecodedPages {
    /// Decodes pages of one source and one endpoint, of the crawl with this id. This takes CPU time,
    /// so it must not run on an async worker thread.
    ///
    /// `reload` loads the pages again if a later row has the same key as one of their rows.
    ///
    /// # Errors
    ///
    /// If a page cannot be decoded. The position of that page is returned, too.
    pub fn new(pages: &[RawPage], crawl_id: &str, reload: Reload) -> Result<Self, (usize, Error)> {
        Ok(Self {
            source: pages
                .first()
                .map_or_else(|| "".into(), |page| page.source.clone()),
            count: pages.len(),
            observed_at: pages.iter().map(|page| page.observed_at).max().unwrap_or(0),
            decoded: decode_together(pages, crawl_id)?,
            reload,
        })
    }
}

/// Loads pages again, to compare one of their rows with a later row that has the same key.
pub type Reload =
    Arc<dyn Fn() -> Result<Vec<RawPage>, Box<dyn error::Error + Send + Sync>> + Send + Sync>;

/// Rows of one table.
pub(crate) struct TableRows {
    pub(crate) table: Arc<TableSpec>,
    pub(crate) records: RecordBatch,
}

/// The rows of pages that were decoded together.
pub(crate) struct PageRows {
    /// How many outermost rows each page listed, without those that its scope had listed before.
    pub(crate) listed: Vec<u64>,
    /// The rows of every published table that has any.
    pub(crate) tables: Vec<TableRows>,
}

impl Rows {
    /// Rows of tables that are not in `tables` are dropped, and so are products whose models are not
    /// in `models`, with the rows inside them.
    pub(crate) fn new(crawl_id: &str, tables: &[Arc<TableSpec>], models: Models) -> Self {
        let wanted = models::tables().filter_map(|table| {
            let spec = tables.iter().find(|spec| spec.name == table.name)?;
            Some((table.name, spec.clone()))
        });
        Self {
            crawl_id: crawl_id.into(),
            wanted: wanted.collect(),
            seen: Seen::default(),
            models,
            earlier: Vec::new(),
            conflicts: HashSet::new(),
            drift: Drift::default(),
            current: Drift::default(),
        }
    }

    /// The id of the crawl, for [`DecodedPages::new`].
    pub(crate) fn crawl_id(&self) -> Arc<str> {
        self.crawl_id.clone()
    }

    /// Takes the rows of the next pages of the current scope.
    pub(crate) async fn pages(&mut self, pages: DecodedPages) -> Result<PageRows> {
        let DecodedPages {
            source,
            mut decoded,
            reload,
            observed_at,
            ..
        } = pages;
        let number = u32::try_from(self.earlier.len()).unwrap_or(u32::MAX);
        // Only the way to load the pages again is kept, because the pages of a whole crawl may not
        // fit into memory, and only those with a repeated row are needed again.
        self.earlier.push(reload);
        let picked = self.models.pick(&source, &decoded);
        let sorted = self.seen.sort(number, &decoded, &picked);
        self.current.duplicates += sorted.repeated() + sorted.shared();
        let listed = sorted.listed(&decoded);
        let mut conflicts = Vec::new();
        if sorted.drops_rows() {
            let (earlier, crawl_id) = (self.earlier.clone(), self.crawl_id.clone());
            (decoded, conflicts) = blocking(move || {
                let again = |number: u32| {
                    let pages = earlier[number as usize]().map_err(|error| {
                        Error::new(Kind::State, "an earlier page cannot be loaded again")
                            .with_source(error)
                    });
                    decode_together(&pages?, &crawl_id).map_err(|(_, error)| error)
                };
                let conflicts = conflicts::find(&decoded, number, &sorted.repeats, again)?;
                sorted.drop_rows(&mut decoded)?;
                Ok((decoded, conflicts))
            })
            .await?;
        }
        self.current.unknown_fields += decoded.unknown_fields;
        let mut issues = issue_rows(&decoded);
        for conflict in conflicts {
            if self.conflicts.insert(conflict.to_string()) {
                issues.push(conflict);
            }
        }
        self.current.misfits += issues.len() as u64;
        let mut rows = PageRows {
            listed,
            tables: Vec::new(),
        };
        if !issues.is_empty() {
            rows.tables
                .extend(self.report(&ISSUES_LAYOUT, &issues, &source, observed_at)?);
        }
        for table in decoded.tables {
            self.push(table.table, table.records, &mut rows.tables);
        }
        Ok(rows)
    }

    /// An issue for a call that the API rejected: the row that it would have returned is missing.
    pub(crate) fn rejected(
        &mut self,
        rejected: &Rejected,
        observed_at: i64,
    ) -> Result<Vec<TableRows>> {
        let Rejected { fetch, message } = rejected;
        let table = models::endpoint(fetch.endpoint)
            .and_then(|endpoint| endpoint.layout)
            .and_then(|layout| layout.tables.first());
        let known = fetch.given.iter().cloned().chain(fetch.arguments.clone());
        let key: Map<_, _> = known
            .map(|(name, value)| (column_of(&name), value))
            .collect();
        let row = json!({
            "table_name": table.map(|table| table.name),
            "key": key,
            "reason": message,
        });
        self.current.misfits += 1;
        self.report(&ISSUES_LAYOUT, &[row], &fetch.source, observed_at)
    }

    /// The row of `coverage` for one scope.
    pub(crate) fn coverage(&mut self, row: &CoverageRow) -> Result<Vec<TableRows>> {
        // A carried scope can have an error as well: `outcome` says where its rows are from, and
        // `error` why this crawl did not read it.
        let outcome = match (&row.error, &row.carried_from) {
            (_, Some(_)) => "carried",
            (Some(_), None) => "failed",
            (None, None) => "complete",
        };
        let json = json!({
            "endpoint": row.endpoint,
            "account_id": row.account_id,
            "ou_id": row.ou_id,
            "organization_id": row.organization_id,
            "outcome": outcome,
            "pages": row.pages,
            "rows": row.rows,
            "error": row.error,
            "note": row.note,
        });
        self.report(&COVERAGE_LAYOUT, &[json], &row.source, row.observed_at)
    }

    /// Ends the current scope; its rows are handed over.
    pub(crate) fn keep_scope(&mut self) {
        self.seen.keep_scope();
        self.conflicts.clear();
        self.drift.add(std::mem::take(&mut self.current));
    }

    /// Ends the current scope; none of its rows are handed over.
    pub(crate) fn drop_scope(&mut self) {
        self.seen.drop_scope();
        self.conflicts.clear();
        self.current = Drift::default();
    }

    /// How far the responses of the kept scopes differed from the API descriptions.
    pub(crate) fn drift(&self) -> Drift {
        self.drift
    }

    /// Encodes rows of `coverage` or `issues`. They pass through the decoder like the rows of a
    /// response, so that all tables are built by the same code.
    fn report(
        &self,
        layout: &'static Layout,
        rows: &[Value],
        source: &str,
        observed_at: i64,
    ) -> Result<Vec<TableRows>> {
        let context = PageContext {
            source,
            crawl_id: &self.crawl_id,
            observed_at,
            asked: &[],
            given: &[],
        };
        let text = json!({ "rows": rows }).to_string();
        let decoded = decode(layout, &text, &context).map_err(|error| {
            Error::new(
                Kind::Unforeseen,
                "a row of `coverage` or `issues` cannot be encoded",
            )
            .with_source(error)
        })?;
        let mut tables = Vec::new();
        for table in decoded.tables {
            self.push(table.table, table.records, &mut tables);
        }
        Ok(tables)
    }

    /// A published table.
    pub(crate) fn table(&self, name: &str) -> Option<Arc<TableSpec>> {
        self.wanted.get(name).cloned()
    }

    fn push(&self, table: &'static Table, records: RecordBatch, rows: &mut Vec<TableRows>) {
        if let Some(table) = self
            .wanted
            .get(table.name)
            .filter(|_| records.num_rows() > 0)
        {
            let table = table.clone();
            rows.push(TableRows { table, records });
        }
    }
}

fn issue_rows(decoded: &Decoded) -> Vec<Value> {
    let issues = decoded.issues.iter();
    let row = |issue: &models::Issue| {
        json!({
            "table_name": issue.table,
            "key": serde_json::from_str::<Value>(&issue.key).unwrap_or_default(),
            "column_name": issue.column,
            "value": issue.value,
            "reason": issue.reason,
        })
    };
    issues.map(row).collect()
}

/// The name of the column for the value of an argument: `serialNumber` becomes `serial_number`.
fn column_of(argument: &str) -> String {
    let mut column = String::new();
    for letter in argument.chars() {
        if letter.is_ascii_uppercase() {
            column.push('_');
        }
        column.push(letter.to_ascii_lowercase());
    }
    column
}

/// Runs CPU-bound work outside the async worker threads.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Error::new(Kind::Unforeseen, "the decoder panicked").with_source(error))?
}

/// Decodes pages of one endpoint. An error comes with the position of its page.
fn decode_together(pages: &[RawPage], crawl_id: &str) -> Result<Decoded, (usize, Error)> {
    let Some(first) = pages.first() else {
        let error = Error::new(Kind::Unforeseen, "there is no page to decode");
        return Err((0, error));
    };
    let named: Vec<_> = pages.iter().map(Named::of).collect();
    let texts = pages.iter().zip(&named).map(|(page, named)| Page {
        text: &page.body,
        context: PageContext {
            source: &page.source,
            crawl_id,
            observed_at: page.observed_at,
            asked: &named.asked,
            given: &named.given,
        },
    });
    decode_pages(first.layout, &texts.collect::<Vec<_>>()).map_err(|(position, error)| {
        let failure = Error::new(Kind::Unreadable, "a page cannot be decoded");
        (position, failure.with_source(error))
    })
}

/// The named values of a page, as the decoder takes them.
struct Named<'a> {
    asked: Vec<(&'a str, i64)>,
    given: Vec<(&'a str, &'a str)>,
}

impl<'a> Named<'a> {
    fn of(page: &'a RawPage) -> Self {
        let asked = page.asked.iter();
        let given = page.given.iter();
        Self {
            asked: asked
                .map(|(name, number)| (name.as_str(), *number))
                .collect(),
            given: given
                .map(|(name, text)| (name.as_str(), text.as_str()))
                .collect(),
        }
    }
}
