//! The registry entry of the sink.

use std::sync::Arc;

use fortilake_sink::{Context, Descriptor, Options, Result, Sink, Store, inventory};
use fortilake_snapshot::parquet::Parquet;
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

async fn open(mut context: Context, options: Options) -> Result<Box<dyn Sink>> {
    let config: Config = options.parse()?;
    let chosen = config.choice().narrow(&mut context)?;
    let format = Parquet {
        row_group_bytes: config.row_group_bytes,
        compression: config.compression,
    };
    Ok(chosen.before(config.target().open(format, context).await?))
}

async fn probe(options: Options) -> Result<()> {
    options.parse::<Config>()?.target().probe().await
}

async fn recover(options: Options, store: Arc<dyn Store>) -> Result<()> {
    options.parse::<Config>()?.target().recover(store).await
}
