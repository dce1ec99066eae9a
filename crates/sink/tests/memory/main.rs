//! The suite measures a sink's memory. This needs a separate process, because the whole process is measured.

use async_trait::async_trait;
use fortilake_sink::conformance::{self, Destination, View};
use fortilake_sink::{
    Batch, Context, Delivery, Descriptor, Options, Outcome, Receipt, Result, Sink, Standing,
    inventory, json,
};
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;

/// Options of the sink.
#[derive(Deserialize, JsonSchema)]
struct Config {
    /// Whether it keeps all rows in memory.
    hoards: bool,
}

struct Hoarder {
    hoards: bool,
    lines: Vec<Vec<u8>>,
}

#[async_trait]
impl Sink for Hoarder {
    async fn write(&mut self, batch: &Batch) -> Result<()> {
        let lines = json::lines(&batch.records)?;
        if self.hoards {
            self.lines.push(lines);
        }
        Ok(())
    }

    async fn finish(self: Box<Self>, _outcome: &Outcome) -> Result<Receipt> {
        Ok(Receipt {
            location: "nowhere".to_owned(),
            snapshot: None,
            standing: Standing::Latest,
            rows: self.lines.len() as u64,
            files: 0,
            bytes: 0,
        })
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

fn open(_context: Context, options: Options) -> Result<Box<dyn Sink>> {
    let Config { hoards } = options.parse()?;
    let lines = Vec::new();
    Ok(Box::new(Hoarder { hoards, lines }))
}

inventory::submit! {
    Descriptor {
        name: "hoarder",
        summary: "Keeps rows in memory.",
        target: "hoards",
        options: || schema_for!(Config),
        delivery: |_| Ok(Delivery::AtLeastOnce),
        open: |context, options| Box::pin(async { open(context, options) }),
        probe: |_| Box::pin(async { Ok(()) }),
        recover: None,
        redeliver: None,
    }
}

struct Nowhere {
    hoards: bool,
}

#[async_trait(?Send)]
impl Destination for Nowhere {
    fn options(&self) -> Options {
        Options::from_iter([("hoards", self.hoards.into())])
    }

    async fn read(&self, _context: &Context) -> View {
        View::default()
    }

    fn memory(&self) -> Option<u64> {
        Some(48 << 20)
    }
}

/// Both runs are in one test, because two tests run at the same time and would measure each other's memory.
#[tokio::test]
async fn what_is_kept_in_memory_is_measured() {
    for hoards in [false, true] {
        let nowhere = async || Nowhere { hoards };
        let report = conformance::run_cases("hoarder", |case| case == "memory", nowhere).await;
        let is_measured = report.left_out().next().is_none();
        assert!(is_measured, "{report}");
        assert_eq!(report.passed(), !hoards, "{report}");
    }
}
