//! Limits a sink to some tables of a crawl.

use std::collections::BTreeSet;

use async_trait::async_trait;
use fortilake_sink::{Batch, Context, Error, Kind, Outcome, Receipt, Result, Sink, nearest};

/// The names of the tables to leave out.
#[derive(Debug)]
pub(crate) struct LeftOut(BTreeSet<String>);

impl LeftOut {
    /// Removes all tables from `context` that are not in `wanted`. If `wanted` is empty, all tables stay.
    pub(crate) fn of(context: &mut Context, wanted: &[String]) -> Result<Self> {
        let names: BTreeSet<_> = context
            .tables
            .iter()
            .map(|table| table.name.clone())
            .collect();
        if wanted.is_empty() {
            return Ok(Self(BTreeSet::new()));
        }
        if let Some(unknown) = wanted.iter().find(|name| !names.contains(*name)) {
            return Err(not_there(unknown, &names));
        }
        context.tables.retain(|table| wanted.contains(&table.name));
        Ok(Self(
            names
                .into_iter()
                .filter(|name| !wanted.contains(name))
                .collect(),
        ))
    }

    /// Wraps `sink`, so that it does not get batches of these tables.
    pub(crate) fn before(self, sink: Box<dyn Sink>) -> Box<dyn Sink> {
        if self.0.is_empty() {
            return sink;
        }
        Box::new(Selected {
            left_out: self,
            sink,
        })
    }
}

fn not_there(name: &str, names: &BTreeSet<String>) -> Error {
    let all: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    let guess = nearest(name, names.iter().map(String::as_str));
    let guess = guess.map_or_else(String::new, |guess| format!("; did you mean `{guess}`?"));
    let text = format!(
        "option `tables` has the unknown table `{name}`; the tables of this crawl are {}{guess}",
        all.join(", ")
    );
    Error::new(Kind::Config, text)
}

struct Selected {
    left_out: LeftOut,
    sink: Box<dyn Sink>,
}

#[async_trait]
impl Sink for Selected {
    async fn write(&mut self, batch: &Batch) -> Result<()> {
        if self.left_out.0.contains(&batch.table.name) {
            return Ok(());
        }
        self.sink.write(batch).await
    }

    async fn finish(self: Box<Self>, outcome: &Outcome) -> Result<Receipt> {
        // The summary that the sink publishes must count only the tables that it has.
        let mut outcome = outcome.clone();
        outcome
            .tables
            .retain(|table, _| !self.left_out.0.contains(table));
        self.sink.finish(&outcome).await
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        self.sink.abort().await
    }
}
