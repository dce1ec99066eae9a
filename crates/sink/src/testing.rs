//! What tests of sinks, and of code that feeds sinks, share: a crawl, its delivery, and a sink that follows a script.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrow_array::ArrayRef;
use async_trait::async_trait;

use crate::{
    Batch, Crawl, Origin, Outcome, Phase, Receipt, RecordBatch, Result, ScopeId, ScopeOutcome,
    ScopeResult, Selection, Sink, Standing, TableSpec,
};

/// A crawl with this id, whose snapshot has this name.
pub fn crawl(id: &str, name: &str) -> Crawl {
    Crawl {
        id: id.to_owned(),
        edition: format!("{id}.5eed"),
        name: name.to_owned(),
        phase: Phase::Reading,
        selection: Selection::default(),
        started_at: "2026-09-01T12:00:00Z".to_owned(),
        generator: "fortilake 0.1.0".to_owned(),
    }
}

/// The scope of all rows that [`deliver`] hands over.
pub fn scope() -> Arc<ScopeId> {
    Arc::new(ScopeId {
        source: "acme".to_owned(),
        endpoint: "products/list".to_owned(),
        subject: "account=1".to_owned(),
    })
}

/// The first rows of a table in [`scope`].
///
/// # Panics
///
/// If the columns are not those of the table.
pub fn batch(table: &Arc<TableSpec>, columns: Vec<ArrayRef>) -> Batch {
    let records = RecordBatch::try_new(Arc::clone(&table.schema), columns);
    Batch {
        table: Arc::clone(table),
        scope: scope(),
        piece: 0,
        origin: Origin::Read,
        records: records.expect("the columns are those of the table"),
    }
}

/// Delivers batches like a crawl: as pieces of one scope, with an outcome that counts them.
///
/// # Errors
///
/// The first error of the sink.
pub async fn deliver(mut sink: Box<dyn Sink>, batches: &[Batch]) -> Result<Receipt> {
    let mut rows = BTreeMap::<String, u64>::new();
    let mut pieces = BTreeMap::<String, u32>::new();
    for batch in batches {
        let name = &batch.table.name;
        let piece = pieces.entry(name.clone()).or_default();
        let batch = Batch {
            piece: *piece,
            ..batch.clone()
        };
        *piece += 1;
        *rows.entry(name.clone()).or_default() += batch.records.num_rows() as u64;
        sink.write(&batch).await?;
    }
    let handed_over = ScopeOutcome {
        scope: scope(),
        result: ScopeResult::Complete,
        rows: rows.clone(),
        observed_at: 0,
    };
    let outcome = Outcome {
        complete: true,
        scopes: vec![handed_over],
        tables: rows,
        ..Outcome::default()
    };
    sink.finish(&outcome).await
}

/// The receipt of a sink that publishes nothing.
pub fn receipt() -> Receipt {
    Receipt {
        location: String::new(),
        snapshot: None,
        standing: Standing::Latest,
        rows: 0,
        files: 0,
        bytes: 0,
    }
}

/// A call that a [`ScriptedSink`] gets.
#[derive(Clone, Copy, Debug)]
pub enum Call<'a> {
    /// `write` begins.
    Write(&'a Batch),
    /// `write` ends. Whoever feeds the sink waits for that before the next call.
    Written(&'a Batch),
    /// `finish`.
    Finish(&'a Outcome),
    /// `abort`.
    Abort,
}

/// Decides how a [`ScriptedSink`] answers a call.
type Script = Box<dyn FnMut(Call<'_>) -> Result<()> + Send>;

/// A sink that passes each call to a function, and fails if that function fails.
pub struct ScriptedSink {
    script: Script,
    pauses: Option<Pauses>,
}

impl ScriptedSink {
    /// A sink that answers each call as `script` says.
    pub fn new(script: impl FnMut(Call<'_>) -> Result<()> + Send + 'static) -> Self {
        Self {
            script: Box::new(script),
            pauses: None,
        }
    }

    /// Makes each call take a random time, so that tasks interleave in many ways.
    #[must_use]
    pub fn with_pauses(mut self, pauses: Pauses) -> Self {
        self.pauses = Some(pauses);
        self
    }

    async fn take(&mut self, call: Call<'_>) -> Result<()> {
        (self.script)(call)?;
        if let Some(pauses) = &mut self.pauses {
            pauses.pause().await;
        }
        Ok(())
    }
}

#[async_trait]
impl Sink for ScriptedSink {
    async fn write(&mut self, batch: &Batch) -> Result<()> {
        self.take(Call::Write(batch)).await?;
        (self.script)(Call::Written(batch))
    }

    async fn finish(mut self: Box<Self>, outcome: &Outcome) -> Result<Receipt> {
        self.take(Call::Finish(outcome)).await?;
        Ok(receipt())
    }

    async fn abort(mut self: Box<Self>) -> Result<()> {
        self.take(Call::Abort).await
    }
}

/// Random pauses. The same seed gives the same ones.
#[derive(Clone, Debug)]
pub struct Pauses {
    random: fastrand::Rng,
    longest: Duration,
}

impl Pauses {
    /// Pauses of at most `longest`.
    pub fn new(seed: u64, longest: Duration) -> Self {
        Self {
            random: fastrand::Rng::with_seed(seed),
            longest,
        }
    }

    /// Lets other tasks run, for a while or not at all.
    pub async fn pause(&mut self) {
        match self.random.u8(..3) {
            0 => {}
            1 => tokio::task::yield_now().await,
            _ => tokio::time::sleep(self.longest.mul_f64(self.random.f64())).await,
        }
    }
}
