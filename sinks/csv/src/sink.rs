//! The registry entry and the file format of the sink.

use std::sync::Arc;

use fortilake_sink::{
    Context, Crawl, Descriptor, Options, Result, Sink, Store, TableSpec, inventory,
};
use fortilake_snapshot::{Format, Output};
use schemars::schema_for;
use serde_json::{Map, Value, json};

use crate::config::Config;
use crate::dialect::{Dialect, Formulas};
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

async fn open(mut context: Context, options: Options) -> Result<Box<dyn Sink>> {
    let config: Config = options.parse()?;
    let joined = config.join.map(|join| join.widen(&mut context));
    let chosen = config.choice().narrow(&mut context)?;
    let format = Csv {
        dialect: config.dialect(),
    };
    let sink = chosen.before(config.target().open(format, context).await?);
    Ok(match joined {
        Some(joined) => joined.before(sink),
        None => sink,
    })
}

async fn probe(options: Options) -> Result<()> {
    options.parse::<Config>()?.target().probe().await
}

async fn recover(options: Options, store: Arc<dyn Store>) -> Result<()> {
    options.parse::<Config>()?.target().recover(store).await
}

struct Csv {
    dialect: Dialect,
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
        let Dialect {
            delimiter,
            newlines,
            has_mark,
            dates,
            formulas,
        } = self.dialect;
        let usual = Dialect::default();
        let mut notes = Map::new();
        let prefix = formulas == Formulas::Prefix;
        notes.insert("formula_prefix".to_owned(), json!(prefix));
        // What is as usual is left out, as it was before these options existed.
        if delimiter != usual.delimiter {
            notes.insert("delimiter".to_owned(), json!(delimiter));
        }
        if newlines != usual.newlines {
            notes.insert("newlines".to_owned(), json!(newlines));
        }
        if has_mark {
            notes.insert("bom".to_owned(), json!(has_mark));
        }
        if dates != usual.dates {
            notes.insert("dates".to_owned(), json!(dates));
        }
        notes
    }

    fn encoder(
        &self,
        _crawl: &Crawl,
        _name: &str,
        table: &TableSpec,
        output: Output,
    ) -> Result<CsvEncoder> {
        CsvEncoder::new(table, self.dialect, output)
    }
}
