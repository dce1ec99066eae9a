//! The content of tables arrives unchanged.

use arrow_array::{ArrayRef, new_null_array};

use crate::conformance::bench::{Bench, Stop, chain};
use crate::conformance::load::{self, Columns, Load};
use crate::{Kind, registry};

/// An option that no sink has.
const NO_OPTION: &str = "no_such_option";

pub(super) async fn description(bench: &Bench<'_>) -> Result<(), Stop> {
    let setup = bench.setup().await;
    setup.note("read the descriptor");
    let descriptor = registry::find(bench.sink)
        .map_err(|error| setup.failed("the registry contains the sink", error.to_string()))?;
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    if descriptor.name.is_empty() || !descriptor.name.chars().all(is_name) {
        let seen = format!("the name `{}`", descriptor.name);
        return Err(setup.failed(
            "the name has only lower-case letters, digits, `-` and `_`",
            seen,
        ));
    }
    if !descriptor.summary.ends_with('.') || descriptor.summary.lines().count() != 1 {
        let seen = format!("the summary `{}`", descriptor.summary);
        return Err(setup.failed("the summary is one sentence on one line", seen));
    }
    let schema = (descriptor.options)();
    let options = schema.as_value()["properties"].as_object();
    if !options.is_some_and(|options| options.contains_key(descriptor.target)) {
        let seen = format!("the target `{}`", descriptor.target);
        return Err(setup.failed("the target is one of the options", seen));
    }
    for (name, option) in options.into_iter().flatten() {
        // An option with a named type has the description of that type.
        let is_described = ["description", "$ref"]
            .iter()
            .any(|key| option.get(key).is_some());
        if !is_described && option.get("allOf").is_none() {
            let seen = format!("option `{name}` has no doc comment");
            return Err(setup.failed("every option has a description", seen));
        }
    }

    setup.note(format!("opened with the option `{NO_OPTION}`"));
    let mut options = setup.destination.options();
    options.0.insert(NO_OPTION.to_owned(), true.into());
    let load = Load::plain(1);
    let opening = setup.open_with(&load, options);
    let expected = "an error of kind `Config` that names the option, as `Options::parse` makes it";
    match setup.in_time(opening).await? {
        Ok(_) => Err(setup.failed(expected, "the sink opened")),
        Err(error) if error.kind() != Kind::Config || !chain(&error).contains(NO_OPTION) => {
            let seen = format!("{:?} error: {}", error.kind(), chain(&error));
            Err(setup.failed(expected, seen))
        }
        Err(_) => Ok(()),
    }
}

pub(super) async fn every_type(bench: &Bench<'_>) -> Result<(), Stop> {
    let columns = every_type_of(bench).await;
    bench.delivers(&Load::of("things", 3, columns)).await
}

/// A column of every type that the destination has.
async fn every_type_of(bench: &Bench<'_>) -> Columns {
    let setup = bench.setup().await;
    let mut columns = load::every_type();
    columns.retain(|(_, values)| setup.destination.has_type(values.data_type()));
    columns
}

pub(super) async fn nulls(bench: &Bench<'_>) -> Result<(), Stop> {
    let columns = every_type_of(bench).await.into_iter();
    let columns = columns.map(|(name, values)| {
        let values: ArrayRef = new_null_array(values.data_type(), 2);
        (name, values)
    });
    let mut load = Load::of("things", 2, columns.collect());
    // Values that a null could be confused with, next to a null.
    let mixed = ["", "null"].map(str::to_owned).map(Some).into_iter();
    let columns = vec![load::key(0, 3), load::text("text", mixed.chain([None]))];
    let table = load.table("parts", &columns);
    load.batch(&table, columns);
    bench.delivers(&load).await
}

pub(super) async fn no_rows(bench: &Bench<'_>) -> Result<(), Stop> {
    let mut load = Load::plain(1);
    load.table("nothing", &load::plain_columns(0, 0));
    bench.delivers(&load).await?;
    load.batches.clear();
    bench.delivers(&load).await?;
    load.tables.clear();
    bench.delivers(&load).await
}

pub(super) async fn hostile_text(bench: &Bench<'_>) -> Result<(), Stop> {
    let texts = load::hostile_text();
    let count = texts.len();
    let columns = ["name", "_extra", "select", "order"];
    let columns = columns.map(|name| load::text(name, texts.iter().cloned().map(Some)));
    bench
        .delivers(&Load::of("group", count, columns.to_vec()))
        .await
}

pub(super) async fn many_tables(bench: &Bench<'_>) -> Result<(), Stop> {
    let mut load = Load::new(1);
    let names = (0..40).map(|number| format!("table_{number}"));
    let tables: Vec<_> = names
        .map(|name| load.table(&name, &load::plain_columns(0, 0)))
        .collect();
    for first in [0, 2, 4] {
        for table in &tables {
            load.batch(table, load::plain_columns(first, 2));
        }
    }
    bench.delivers(&load).await
}

pub(super) async fn incomplete_crawl(bench: &Bench<'_>) -> Result<(), Stop> {
    let mut load = Load::plain(1);
    load.fail("account=7");
    bench.delivers(&load).await
}
