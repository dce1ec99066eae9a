//! Records in the store which tables the program has taken, for later processes.
//!
//! The store has one key per table of a crawl. The keys of a delivered crawl stay until a later crawl has been delivered.
//! If a process dies after the last table and before the crawl is marked as published, the repeated delivery thus starts
//! no program again.

use std::sync::Arc;

use fortilake_sink::{Crawl, Phase, Result, Standing, Store};

/// The prefix of all keys: `taken/<program>/<edition>/<table>`. The value is the crawl's name.
const TAKEN: &str = "taken/";

/// The tables that one program has taken.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    store: Arc<dyn Store>,
    /// The prefix of all keys of this program.
    program: String,
    /// The prefix of all keys of this edition of the crawl.
    edition: String,
    crawl: Crawl,
}

impl Progress {
    /// The progress of `crawl`. A program with another digest has a record of its own.
    pub(crate) fn new(store: Arc<dyn Store>, program: &str, crawl: Crawl) -> Self {
        let program = format!("{TAKEN}{program}/");
        Self {
            edition: format!("{program}{}/", crawl.edition),
            store,
            program,
            crawl,
        }
    }

    /// Whether the program has taken the table.
    pub(crate) async fn has(&self, table: &str) -> Result<bool> {
        let value = self.store.get(&self.key(table)).await?;
        Ok(value.is_some())
    }

    /// Records that the program has taken the table.
    pub(crate) async fn taken(&self, table: &str) -> Result<()> {
        let name = self.crawl.name.as_bytes();
        self.store.put(&self.key(table), name).await
    }

    /// Deletes the records of this edition of the crawl.
    pub(crate) async fn forget(&self) -> Result<()> {
        for key in self.store.keys(&self.edition).await? {
            self.store.delete(&key).await?;
        }
        Ok(())
    }

    /// Whether the program has already taken a table of a newer crawl.
    pub(crate) async fn standing(&self) -> Result<Standing> {
        if self.crawl.phase == Phase::Reading {
            return Ok(Standing::Latest);
        }
        for key in self.store.keys(&self.program).await? {
            let name = self.store.get(&key).await?.unwrap_or_default();
            if name.as_slice() > self.crawl.name.as_bytes() {
                return Ok(Standing::Behind);
            }
        }
        Ok(Standing::Latest)
    }

    /// Deletes the records of crawls that this one supersedes, for all programs.
    ///
    /// A crawl that was just read supersedes all others. A replay supersedes crawls with a smaller name.
    pub(crate) async fn forget_superseded(&self) -> Result<()> {
        for key in self.store.keys(TAKEN).await? {
            if key.starts_with(&self.edition) {
                continue;
            }
            let name = self.store.get(&key).await?.unwrap_or_default();
            let is_older = name.as_slice() < self.crawl.name.as_bytes();
            if self.crawl.phase == Phase::Reading || is_older {
                self.store.delete(&key).await?;
            }
        }
        Ok(())
    }

    fn key(&self, table: &str) -> String {
        format!("{}{table}", self.edition)
    }
}

#[cfg(test)]
mod tests;
