//! The registry entry of the sink.

use fortilake_sink::{Context, Descriptor, Options, Result, Sink, inventory};
use schemars::schema_for;

use crate::config::Config;

inventory::submit! {
    Descriptor {
        name: "ducklake",
        summary: "A DuckLake catalog in SQLite or PostgreSQL over Parquet files; every snapshot is a version of all tables.",
        target: "catalog",
        options: || schema_for!(Config),
        delivery: |options| options.clone().parse::<Config>()?.target()?.delivery(),
        open: |context, options| Box::pin(open(context, options)),
        probe: |options| Box::pin(probe(options)),
        // The next run finishes what a dead process left, when it opens the sink.
        recover: None,
        redeliver: None,
    }
}

async fn open(context: Context, options: Options) -> Result<Box<dyn Sink>> {
    let config: Config = options.parse()?;
    config.files.open(config.target()?, context).await
}

async fn probe(options: Options) -> Result<()> {
    let config: Config = options.parse()?;
    config.target()?.probe().await?;
    config.catalog()?.probe().await
}
