//! The order in which scopes are handed over to sinks.
//!
//! A plan closes scopes in its own order, and that order changes if a scope that failed in one run
//! succeeds in the next. Rows that several scopes list belong to the first of them, so a different
//! order would put other rows under batch ids that a receiver already has. Therefore the order is
//! journaled as it happens. A resumed or replayed crawl repeats the journaled order before it adds
//! to it.

use std::collections::{HashMap, HashSet};

use fortilake_sink::ScopeId;
use fortilake_state::Journal;

use crate::{Result, Scope, notes, stored_scope::Closed};

/// Puts complete scopes into the order of the handover log.
pub(crate) struct Handover {
    /// The ids of the scopes that earlier runs handed over, in order.
    log: Vec<String>,
    /// How many scopes of `log` this run has handed over again.
    repeated: usize,
    /// Scopes of the log that closed before their turn.
    early: HashMap<String, Closed>,
    /// Scopes that are not in the log. They follow after all scopes of the log.
    further: Vec<Closed>,
    /// The scopes of `log` as a set.
    logged: HashSet<String>,
    /// How many scopes this run has added to the log.
    added: usize,
}

impl Handover {
    /// Reads the log of earlier runs from the journal.
    pub(crate) fn open(journal: &dyn Journal) -> Result<Self> {
        Ok(Self::new(notes::handed_over(journal)?))
    }

    fn new(log: Vec<String>) -> Self {
        Self {
            logged: log.iter().cloned().collect(),
            added: 0,
            log,
            repeated: 0,
            early: HashMap::new(),
            further: Vec::new(),
        }
    }

    /// Takes a complete scope, and returns the scopes whose turn has come.
    pub(crate) fn offer(&mut self, id: ScopeId, scope: Scope) -> Vec<Closed> {
        let text = id.text();
        let logged = self.logged.contains(&text);
        let closed = Closed {
            id,
            scope,
            logged,
            carried_from: None,
        };
        if logged {
            self.early.insert(text, closed);
        } else {
            self.further.push(closed);
        }
        self.next()
    }

    /// Whether an earlier run handed this scope over.
    pub(crate) fn has(&self, id: &ScopeId) -> bool {
        self.logged.contains(&id.text())
    }

    fn next(&mut self) -> Vec<Closed> {
        let mut ready = Vec::new();
        while let Some(closed) = self
            .log
            .get(self.repeated)
            .and_then(|scope| self.early.remove(scope))
        {
            self.repeated += 1;
            ready.push(closed);
        }
        if self.repeated == self.log.len() {
            ready.append(&mut self.further);
        }
        ready
    }

    /// Counts a scope as added to the log, and returns its position there.
    pub(crate) fn add(&mut self) -> usize {
        self.added += 1;
        self.log.len() + self.added - 1
    }

    /// The first scope of the log that has not closed again. After a successful run there is none.
    pub(crate) fn missing(&self) -> Option<&str> {
        self.log.get(self.repeated).map(String::as_str)
    }
}

#[cfg(test)]
mod tests;
