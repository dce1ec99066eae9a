//! Crawls that differ from each other in one respect.

use std::sync::Arc;

use super::{Load, named, plain_columns};
use crate::{KeyIn, TableSpec};

impl Load {
    /// A crawl with the same row keys each time but different values.
    ///
    /// Row 4 is in another scope every second time, like an account that was moved to another unit.
    pub(in crate::conformance) fn again(number: u32) -> Self {
        let mut load = Self::new(number);
        let word = format!("crawl {number}, thing");
        let things = load.table("things", &plain_columns(0, 0));
        let parts = load.table("parts", &plain_columns(0, 0));
        let moved = usize::from(number.is_multiple_of(2));
        load.scope("account=1");
        load.batch(&things, named(0, 2, &word));
        load.batch(&things, named(2, 2 + moved, &word));
        load.scope("account=2");
        load.batch(&things, named(5 - i64::from(moved == 0), 3 - moved, &word));
        load.batch(&parts, named(0, 3, &word));
        load
    }

    /// A crawl whose first account could only be read last.
    pub(in crate::conformance) fn late() -> Self {
        let mut load = Self::new(1);
        let things = load.table("things", &plain_columns(0, 0));
        let parts = load.table("parts", &plain_columns(0, 0));
        for account in [2, 3, 1] {
            load.scope(&format!("account={account}"));
            load.batch(&things, plain_columns(account * 10, 2));
            load.batch(&parts, plain_columns(account * 10, 1));
            load.batch(&things, plain_columns(account * 10 + 2, 1));
        }
        load
    }

    /// The same crawl at the time when only its first `count` scopes were read.
    pub(in crate::conformance) fn first_scopes(&self, count: usize) -> Self {
        let mut load = self.clone();
        load.scopes.truncate(count);
        load.batches
            .retain(|batch| load.scopes.contains(&batch.scope));
        load
    }

    /// Four accounts with things and parts, and owners that several accounts may list.
    pub(in crate::conformance) fn with_all(number: u32) -> Self {
        let (mut load, tables) = Self::with_owners(number);
        for account in 1..=4 {
            load.scope(&format!("account={account}"));
            load.rows_of(&tables, account * 10, [3, 2, 1]);
        }
        load
    }

    /// Account 1 has fewer rows, account 2 has none, account 3 failed, and account 4 is no longer there.
    pub(in crate::conformance) fn with_less(number: u32) -> Self {
        let (mut load, tables) = Self::with_owners(number);
        load.scope("account=1");
        load.rows_of(&tables, 10, [2, 1, 0]);
        load.scope("account=2");
        load.fail("account=3");
        load
    }

    /// A crawl that was limited to account 1, which has more rows again.
    pub(in crate::conformance) fn selected(number: u32) -> Self {
        let (mut load, tables) = Self::with_owners(number);
        load.crawl.selection.accounts = Some([1].into());
        load.exhaustive = false;
        load.scope("account=1");
        load.rows_of(&tables, 10, [1, 3, 1]);
        load
    }

    /// All accounts could be read, and only account 3 has rows.
    pub(in crate::conformance) fn with_one(number: u32) -> Self {
        let (mut load, tables) = Self::with_owners(number);
        for account in 1..=3 {
            load.scope(&format!("account={account}"));
        }
        load.rows_of(&tables, 30, [1, 1, 1]);
        load
    }

    fn with_owners(number: u32) -> (Self, [Arc<TableSpec>; 3]) {
        let mut load = Self::new(number);
        let columns = plain_columns(0, 0);
        let tables = [
            load.table("things", &columns),
            load.table("parts", &columns),
            load.table_with("owners", &columns, KeyIn::Table),
        ];
        (load, tables)
    }

    fn rows_of(&mut self, tables: &[Arc<TableSpec>; 3], first: i64, counts: [usize; 3]) {
        let word = format!("crawl {}, thing", self.minute);
        for (table, count) in tables.iter().zip(counts).filter(|(_, count)| *count > 0) {
            self.batch(table, named(first, count, &word));
        }
    }
}
