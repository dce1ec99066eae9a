//! A model of a destination that keeps rows: computes the rows that it should have after each crawl.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::load::{Expected, Load, number};
use super::value::rows;
use crate::{KeyIn, ScopeId};

/// The rows after some crawls, and the name of the newest of these crawls.
#[derive(Clone, Default)]
pub(super) struct ExpectedRows {
    newest: String,
    tables: BTreeMap<String, BTreeMap<i64, Row>>,
}

#[derive(Clone)]
struct Row {
    scope: Arc<ScopeId>,
    value: Value,
}

impl ExpectedRows {
    /// The rows after `load` is delivered too. A crawl that is older than the newest one changes nothing.
    pub(super) fn after(&self, load: &Load) -> Self {
        let mut kept = self.clone();
        if load.crawl.name < kept.newest {
            return kept;
        }
        kept.newest.clone_from(&load.crawl.name);
        kept.delete(load);
        for batch in &load.batches {
            let table = kept.tables.entry(batch.table.name.clone()).or_default();
            let values = rows(&batch.records).expect("the suite has only types that have a form");
            for value in values {
                let Some(key) = number(&value) else { continue };
                let scope = Arc::clone(&batch.scope);
                table.insert(key, Row { scope, value });
            }
        }
        kept
    }

    fn delete(&mut self, load: &Load) {
        let (outcome, handed_over) = (load.outcome(), load.expected());
        for spec in &load.tables {
            let table = self.tables.entry(spec.name.clone()).or_default();
            let came: BTreeSet<_> = handed_over[&spec.name].keys().collect();
            table.retain(|key, row| {
                let scope = &row.scope;
                let is_settled = spec.key_in == KeyIn::Scope
                    || outcome.is_settled(&scope.source, &scope.endpoint);
                came.contains(key) || !(outcome.may_delete(scope) && is_settled)
            });
        }
    }

    pub(super) fn expected(&self) -> Expected {
        let values = |rows: &BTreeMap<i64, Row>| {
            let values = rows.iter();
            values.map(|(key, row)| (*key, row.value.clone())).collect()
        };
        let tables = self.tables.iter();
        tables
            .map(|(table, rows)| (table.clone(), values(rows)))
            .collect()
    }
}
