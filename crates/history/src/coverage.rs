//! What a snapshot knows: which scopes it read completely.
//!
//! A row that is in only one of two snapshots says something only if the other snapshot looked for it. This module
//! answers that question from the table `coverage`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use arrow_array::cast::AsArray as _;
use arrow_array::types::Int64Type;
use arrow_array::{Array as _, RecordBatch};
use fortilake_sink::Selection;
use fortilake_snapshot::Manifest;

use crate::codec::SOURCE;

/// The scopes of one snapshot.
#[derive(Debug, Default)]
pub(crate) struct Coverage {
    /// By source and endpoint.
    endpoints: BTreeMap<(String, String), Scopes>,
    /// Whether the crawl was not limited to some sources, accounts or product models.
    is_everything: bool,
    /// The product models that the crawl was limited to, by source.
    models: Option<BTreeMap<String, BTreeSet<String>>>,
}

#[derive(Debug, Default)]
struct Scopes {
    /// Whether the scope of an account was read. A carried scope was read by an earlier crawl, so it counts.
    accounts: HashMap<i64, bool>,
    /// The number of scopes that are not about an account, such as the lists of accounts of a unit.
    others: u64,
    /// How many of these failed.
    others_failed: u64,
}

impl Scopes {
    fn is_settled(&self) -> bool {
        self.others_failed == 0 && self.accounts.values().all(|is_read| *is_read)
    }
}

impl Coverage {
    pub(crate) fn new(manifest: &Manifest) -> Self {
        Self {
            endpoints: BTreeMap::new(),
            is_everything: manifest.outcome.selection.is_everything(),
            models: manifest.outcome.selection.models.clone(),
        }
    }

    /// Whether the table `coverage` is there, so that anything is known.
    pub(crate) fn is_known(&self) -> bool {
        !self.endpoints.is_empty()
    }

    /// Adds rows of the table `coverage`.
    ///
    /// Without the column `_source`, which a sink can leave out, the scopes of all sources count as those of one.
    pub(crate) fn add(&mut self, batch: &RecordBatch) {
        let text = |name: &str| batch.column_by_name(name)?.as_string_opt::<i32>();
        let accounts = batch
            .column_by_name("account_id")
            .and_then(|column| column.as_primitive_opt::<Int64Type>());
        let (Some(endpoints), Some(outcomes)) = (text("endpoint"), text("outcome")) else {
            return;
        };
        let sources = text(SOURCE);
        for row in 0..batch.num_rows() {
            let key = (
                sources.map_or("", |sources| sources.value(row)).to_owned(),
                endpoints.value(row).to_owned(),
            );
            let is_read = outcomes.value(row) != "failed";
            let scopes = self.endpoints.entry(key).or_default();
            if let Some(accounts) = accounts.filter(|accounts| accounts.is_valid(row)) {
                let account = scopes.accounts.entry(accounts.value(row));
                *account.or_insert(true) &= is_read;
            } else {
                scopes.others += 1;
                scopes.others_failed += u64::from(!is_read);
            }
        }
    }

    /// Whether this snapshot would contain a row that `other` contains, if the row existed.
    ///
    /// The row is from `endpoint` of `source`, and about `account`, if it is about one.
    pub(crate) fn knows(
        &self,
        endpoint: &str,
        source: &str,
        account: Option<i64>,
        other: &Self,
    ) -> bool {
        if has_products(endpoint) && !self.covers_models_of(other, source) {
            return false;
        }
        let key = (source.to_owned(), endpoint.to_owned());
        let Some(scopes) = self.endpoints.get(&key) else {
            // The source may have another name here. Accounts have the same number whatever the source.
            return account.is_some_and(|account| self.another_read(endpoint, account));
        };
        // Lists that are not about one account can overlap, so a row may be in a list that failed.
        let about_accounts = !scopes.accounts.is_empty() && scopes.others == 0;
        let Some(account) = account.filter(|_| about_accounts) else {
            return scopes.is_settled();
        };
        match scopes.accounts.get(&account) {
            Some(is_read) => *is_read,
            None => self.another_read(endpoint, account) || self.lists_all(source, other),
        }
    }

    /// Whether this crawl published all product models of the source that the other one published.
    fn covers_models_of(&self, other: &Self, source: &str) -> bool {
        if self.models.is_none() {
            return true;
        }
        let selection = |coverage: &Self| Selection {
            sources: Some([source.to_owned()].into()),
            models: coverage.models.clone(),
            ..Selection::default()
        };
        selection(self).covers(&selection(other))
    }

    fn another_read(&self, endpoint: &str, account: i64) -> bool {
        let mut scopes = self
            .endpoints
            .iter()
            .filter(|((_, name), _)| name == endpoint);
        scopes.any(|(_, scopes)| scopes.accounts.get(&account) == Some(&true))
    }

    /// Whether an account that this snapshot does not mention did not exist.
    ///
    /// That holds if the crawl was not limited, made every list that the other crawl made, and none of them failed. A
    /// crawl that fell back to the user's own account, for example, made no list of accounts.
    fn lists_all(&self, source: &str, other: &Self) -> bool {
        let lists = self.lists(source);
        self.is_everything
            && other.lists(source).is_subset(&lists)
            && !lists.iter().any(|endpoint| {
                let key = (source.to_owned(), (*endpoint).to_owned());
                self.endpoints[&key].others_failed > 0
            })
    }

    /// The endpoints that were read for something else than an account.
    fn lists(&self, source: &str) -> BTreeSet<&str> {
        let endpoints = self.endpoints.iter();
        let lists = endpoints.filter(|((name, _), scopes)| name == source && scopes.others > 0);
        lists.map(|((_, endpoint), _)| endpoint.as_str()).collect()
    }
}

/// Whether rows of this endpoint belong to products, so that a selection of models leaves some out.
fn has_products(endpoint: &str) -> bool {
    let layout = fortilake_models::endpoint(endpoint).and_then(|endpoint| endpoint.layout);
    let mut tables = layout.iter().flat_map(|layout| layout.tables);
    tables.any(|table| table.column("serial_number").is_some())
}

#[cfg(test)]
mod tests;
