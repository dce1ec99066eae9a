//! Compares two snapshots.

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use fortilake_sink::{Error, FailedScope, Kind, Result, nearest};

use crate::feed::{Counts, Feed, schema};
use crate::history::{Pair, Snapshot};
use crate::pairs::{self, Known};
use crate::plan::{Differing, Plan, of_both};

/// Tables that describe the crawl and not the inventory.
pub(crate) const REPORTS: [&str; 3] = ["coverage", "issues", "changes"];

/// Compares the tables of two snapshots.
#[derive(Clone, Copy, Debug)]
pub struct Comparison<'a> {
    old: &'a Snapshot,
    new: &'a Snapshot,
}

impl<'a> Comparison<'a> {
    /// A comparison of the two snapshots.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] if `from` is newer than `to`.
    pub fn new(pair: &'a Pair) -> Result<Self> {
        Self::between(&pair.from, &pair.to)
    }

    pub(crate) fn between(from: &'a Snapshot, to: &'a Snapshot) -> Result<Self> {
        if from.name() > to.name() {
            let text = format!(
                "cannot compare from snapshot `{}` to `{}`, because the first is newer; swap them",
                from.name(),
                to.name()
            );
            return Err(Error::new(Kind::Config, text));
        }
        Ok(Self::of(from, to))
    }

    /// A comparison of two snapshots, whatever their names.
    pub(crate) fn of(from: &'a Snapshot, to: &'a Snapshot) -> Self {
        Self { old: from, new: to }
    }

    /// The tables that both snapshots have, in the order of the newer one. Tables about the crawl are left out.
    pub fn tables(&self) -> Vec<&'a str> {
        let has = |snapshot: &Snapshot, name: &str| {
            let mut tables = snapshot.manifest().tables.iter();
            tables.any(|table| table.name == name)
        };
        let tables = self.new.manifest().tables.iter();
        let names = tables.map(|table| table.name.as_str());
        names
            .filter(|name| !REPORTS.contains(name) && has(self.old, name))
            .collect()
    }

    /// The scopes that failed in either snapshot. Rows of these scopes are not reported as inserted or deleted.
    pub fn failed_scopes(&self) -> impl Iterator<Item = (&'a Snapshot, &'a FailedScope)> {
        let of = |snapshot: &'a Snapshot| {
            let failed = snapshot.manifest().outcome.failed.iter();
            failed.map(move |scope| (snapshot, scope))
        };
        of(self.old).chain(of(self.new))
    }

    /// The columns of the changes of a table.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] if one of the snapshots does not have the table.
    pub fn schema(&self, table: &str) -> Result<SchemaRef> {
        Ok(schema(&self.plan(table)?))
    }

    /// The columns by which rows of a table are recognized in another snapshot.
    ///
    /// # Errors
    ///
    /// As [`schema`](Self::schema).
    pub fn natural_key(&self, table: &str) -> Result<Vec<String>> {
        let plan = self.plan(table)?;
        Ok(plan.codec.key().into_iter().map(str::to_owned).collect())
    }

    /// The older snapshot.
    pub fn from(&self) -> &'a Snapshot {
        self.old
    }

    /// The newer snapshot.
    pub fn to(&self) -> &'a Snapshot {
        self.new
    }

    /// Passes the changes of a table to `emit`, in an order that depends on the rows only.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] if one of the snapshots does not have the table, and the errors of `emit`.
    pub fn table(
        &self,
        table: &str,
        emit: &mut dyn FnMut(RecordBatch) -> Result<()>,
    ) -> Result<Counts> {
        let plan = self.plan(table)?;
        let differing = Differing::find(&plan, self.old, self.new)?;
        let mut feed = Feed::new(&plan, self.new, emit);
        if differing.is_empty() {
            return feed.finish();
        }
        let filter = |batch: &RecordBatch| differing.filter(batch);
        let (old, new) = of_both(self.old, self.new, |snapshot| plan.sort(snapshot, &filter))?;
        let known = Known {
            old: self.old.coverage(),
            new: self.new.coverage(),
            counts_first_seen: false,
        };
        let scratch = self.new.scratch();
        pairs::compare(&plan, &known, [old, new], scratch, &mut |change| {
            feed.push(change)
        })?;
        feed.finish()
    }

    fn plan(&self, table: &str) -> Result<Plan> {
        if let Some(plan) =
            Plan::new(self.old, self.new, table)?.filter(|_| !REPORTS.contains(&table))
        {
            return Ok(plan);
        }
        let tables = self.tables();
        if REPORTS.contains(&table) {
            let text = format!(
                "table `{table}` describes the crawl and is not compared; the tables that are compared are: {}",
                tables.join(", ")
            );
            return Err(Error::new(Kind::Config, text));
        }
        let text = match nearest(table, tables.iter().copied()) {
            Some(near) => format!(
                "table `{table}` is missing in at least one of the snapshots; did you mean `{near}`?"
            ),
            None => format!(
                "table `{table}` is missing in at least one of the snapshots; the tables in both are: {}",
                tables.join(", ")
            ),
        };
        Err(Error::new(Kind::Config, text))
    }
}
