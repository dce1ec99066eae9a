//! The sink: its entry in the registry and its format.

use fortilake_sink::files::{self, Format, Output, Target};
use fortilake_sink::{
    Context, Crawl, Delivery, Descriptor, Options, Result, Sink, TableSpec, inventory,
};
use schemars::schema_for;
use serde_json::{Map, Value};

use crate::cell::Formulas;
use crate::config::Config;
use crate::encode::CsvEncoder;

inventory::submit! {
    Descriptor {
        name: "csv",
        summary: "CSV files that are safe to open, one for each table, published at once when the crawl ends.",
        target: "path",
        delivery: Delivery::Atomic,
        options: || schema_for!(Config),
        open: |context, options| Box::pin(open(context, options)),
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
    let target = Target {
        path: config.path,
        layout: config.layout,
    };
    files::open(Csv { formulas }, target, context).await
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

    fn encoder(&self, _crawl: &Crawl, table: &TableSpec, output: Output) -> Result<CsvEncoder> {
        CsvEncoder::new(table, self.formulas, output)
    }
}
