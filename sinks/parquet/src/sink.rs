//! The registry entry of the sink.

use std::sync::Arc;

use fortilake_sink::{Context, Descriptor, Options, Result, Sink, Store, inventory};
use schemars::schema_for;

use crate::config::Config;

inventory::submit! {
    Descriptor {
        name: "parquet",
        summary: "Parquet files, one per table, published together when the crawl ends.",
        target: "path",
        options: || schema_for!(Config),
        delivery: |options| options.clone().parse::<Config>()?.target().delivery(),
        open: |context, options| Box::pin(open(context, options)),
        probe: |options| Box::pin(probe(options)),
        recover: Some(|options, store| Box::pin(recover(options, store))),
        redeliver: None,
    }
}

async fn open(context: Context, options: Options) -> Result<Box<dyn Sink>> {
    let config: Config = options.parse()?;
    config.files.open(config.target(), context).await
}

async fn probe(options: Options) -> Result<()> {
    options.parse::<Config>()?.target().probe().await
}

async fn recover(options: Options, store: Arc<dyn Store>) -> Result<()> {
    options.parse::<Config>()?.target().recover(store).await
}
