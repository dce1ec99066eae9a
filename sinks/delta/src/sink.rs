//! The registry entry of the sink.

use std::sync::Arc;

use fortilake_sink::{Context, Delivery, Descriptor, Options, Result, Sink, Store, inventory};
use schemars::schema_for;

use crate::config::Config;

inventory::submit! {
    Descriptor {
        name: "delta",
        summary: "Delta Lake tables, one per table; every snapshot is a version.",
        target: "path",
        options: || schema_for!(Config),
        delivery: |options| delivery(options),
        open: |context, options| Box::pin(open(context, options)),
        probe: |options| Box::pin(probe(options)),
        recover: Some(|options, store| Box::pin(recover(options, store))),
        redeliver: None,
    }
}

fn delivery(options: &Options) -> Result<Delivery> {
    // Delta has no transaction across tables.
    options.clone().parse::<Config>()?.target().delivery()?;
    Ok(Delivery::AtomicPerTable)
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
