//! The registry entry and the file format of the sink.

use std::sync::Arc;

use fortilake_sink::{
    Context, Crawl, Descriptor, Options, Result, Sink, Store, TableSpec, inventory,
};
use fortilake_snapshot::{Format, Output};
use schemars::schema_for;
use serde_json::{Map, Value};

use crate::cell::Formulas;
use crate::config::Config;
use crate::encode::CsvEncoder;

inventory::submit! {
    Descriptor {
        name: "csv",
        summary: "CSV files that are safe to open in a spreadsheet, one per table, published together when the crawl ends.",
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
    let formulas = if config.formula_prefix {
        Formulas::Prefix
    } else {
        Formulas::Keep
    };
    config.target().open(Csv { formulas }, context).await
}

async fn probe(options: Options) -> Result<()> {
    options.parse::<Config>()?.target().probe().await
}

async fn recover(options: Options, store: Arc<dyn Store>) -> Result<()> {
    options.parse::<Config>()?.target().recover(store).await
}

struct Csv {
    formulas: Formulas,
}

impl Format for Csv {
    type Encoder = CsvEncoder;

    fn name(&self) -> &'static str {
        "csv"
    }

    fn extension(&self) -> &'static str {
        "csv"
    }

    fn notes(&self) -> Map<String, Value> {
        let prefix = self.formulas == Formulas::Prefix;
        Map::from_iter([("formula_prefix".to_owned(), Value::Bool(prefix))])
    }

    fn encoder(
        &self,
        _crawl: &Crawl,
        _name: &str,
        table: &TableSpec,
        output: Output,
    ) -> Result<CsvEncoder> {
        CsvEncoder::new(table, self.formulas, output)
    }
}
