//! The registry entry of the sink.

use fortilake_sink::files::{self, Format, Output, Target};
use fortilake_sink::{
    Context, Crawl, Delivery, Descriptor, Options, Result, Sink, TableSpec, inventory,
};
use schemars::schema_for;
use serde_json::{Map, Value};

use crate::config::Config;
use crate::encode::ParquetEncoder;

inventory::submit! {
    Descriptor {
        name: "parquet",
        summary: "Parquet files, one for each table, published at once when the crawl ends.",
        target: "path",
        delivery: Delivery::Atomic,
        options: || schema_for!(Config),
        open: |context, options| Box::pin(open(context, options)),
        redeliver: None,
    }
}

async fn open(context: Context, options: Options) -> Result<Box<dyn Sink>> {
    let config: Config = options.parse()?;
    let format = Parquet {
        row_group_bytes: config.row_group_bytes,
    };
    let target = Target {
        path: config.path,
        layout: config.layout,
    };
    files::open(format, target, context).await
}

struct Parquet {
    row_group_bytes: usize,
}

impl Format for Parquet {
    type Encoder = ParquetEncoder;

    fn name(&self) -> &'static str {
        "parquet"
    }

    fn extension(&self) -> &'static str {
        "parquet"
    }

    fn notes(&self) -> Map<String, Value> {
        // A Parquet file says all there is to know about itself.
        Map::new()
    }

    fn encoder(&self, crawl: &Crawl, table: &TableSpec, output: Output) -> Result<ParquetEncoder> {
        ParquetEncoder::new(crawl, table, self.row_group_bytes, output)
    }
}
