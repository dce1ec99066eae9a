//! The registry entry and the file format of the sink.

use std::io;

use fortilake_sink::files::{self, Format, Output, Target};
use fortilake_sink::{
    Context, Crawl, Delivery, Descriptor, Options, Result, Sink, TableSpec, inventory,
};
use schemars::schema_for;
use serde_json::{Map, Value};

use crate::config::Config;
use crate::encode::NdjsonEncoder;
use crate::pipe;
use crate::select::LeftOut;

inventory::submit! {
    Descriptor {
        name: "ndjson",
        summary: "Lines of JSON, one for each row, as a file for each table or all to standard output (`-`).",
        target: "path",
        delivery: Delivery::Atomic,
        options: || schema_for!(Config),
        open: |context, options| Box::pin(open(context, options)),
        redeliver: None,
    }
}

async fn open(mut context: Context, options: Options) -> Result<Box<dyn Sink>> {
    let config: Config = options.parse()?;
    let is_pipe = config.is_pipe();
    let left_out = LeftOut::of(&mut context, &config.tables.into_list())?;
    let sink = if is_pipe {
        pipe::open(context, Box::new(io::stdout())).await?
    } else {
        let target = Target {
            path: config.path,
            layout: config.layout,
        };
        files::open(Ndjson, target, context).await?
    };
    Ok(left_out.before(sink))
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

    fn encoder(&self, _crawl: &Crawl, table: &TableSpec, output: Output) -> Result<NdjsonEncoder> {
        Ok(NdjsonEncoder::new(table, output))
    }
}
