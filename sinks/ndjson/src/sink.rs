//! The registry entry and the file format of the sink.

use std::sync::Arc;

use fortilake_sink::{
    Context, Crawl, Delivery, Descriptor, Options, Result, Sink, Store, TableSpec, inventory,
};
use fortilake_snapshot::{Format, Output};
use schemars::schema_for;
use serde_json::{Map, Value};

use crate::config::Config;
use crate::encode::NdjsonEncoder;
use crate::pipe;

inventory::submit! {
    Descriptor {
        name: "ndjson",
        summary: "JSON lines, one per row, as one file per table or all to standard output (`-`).",
        target: "path",
        options: || schema_for!(Config),
        delivery: |options| delivery(options.clone()),
        open: |context, options| Box::pin(open(context, options)),
        probe: |options| Box::pin(probe(options)),
        recover: Some(|options, store| Box::pin(recover(options, store))),
        redeliver: None,
    }
}

fn delivery(options: Options) -> Result<Delivery> {
    let config: Config = options.parse()?;
    if config.is_pipe() {
        return Ok(Delivery::AtLeastOnce);
    }
    config.target().delivery()
}

async fn open(mut context: Context, options: Options) -> Result<Box<dyn Sink>> {
    let config: Config = options.parse()?;
    let chosen = config.choice().narrow(&mut context)?;
    let sink = if config.is_pipe() {
        pipe::open_standard_output(context).await?
    } else {
        config.target().open(Ndjson, context).await?
    };
    Ok(chosen.before(sink))
}

async fn probe(options: Options) -> Result<()> {
    let config: Config = options.parse()?;
    if config.is_pipe() {
        return pipe::probe().await;
    }
    config.target().probe().await
}

async fn recover(options: Options, store: Arc<dyn Store>) -> Result<()> {
    let config: Config = options.parse()?;
    if config.is_pipe() {
        return Ok(());
    }
    config.target().recover(store).await
}

struct Ndjson;

impl Format for Ndjson {
    type Encoder = NdjsonEncoder;

    fn name(&self) -> &'static str {
        "ndjson"
    }

    fn extension(&self) -> &'static str {
        "ndjson"
    }

    fn notes(&self) -> Map<String, Value> {
        // Values are encoded in the same way in all versions of this format.
        Map::new()
    }

    fn encoder(
        &self,
        _crawl: &Crawl,
        _name: &str,
        table: &TableSpec,
        output: Output,
    ) -> Result<NdjsonEncoder> {
        Ok(NdjsonEncoder::new(table, output))
    }
}
