//! Generates all files from a folder of descriptions.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};

use super::{
    api::Api,
    calls, catalogue, check,
    config::{Config, Service},
    load::Folder,
    lower::Lowering,
    names::Words,
    notes::Notes,
    operations::Operation,
    places::Builder,
    print, print_index, print_tables, print_types, report, secrets,
    share::Shared,
    sources::Source,
    tables::{Table, Tables},
    types::Call,
};

/// Returns all files: content by path, relative to the target folder.
pub(super) fn files(folder: &Folder) -> Result<BTreeMap<String, String>> {
    let apis = apis(folder)?;
    let mut files = BTreeMap::new();
    let shared = Shared::find(&apis);
    for (number, api) in apis.iter().enumerate() {
        let name = format!("generated/{}.rs", api.description.module);
        files.insert(name, module(api, &shared, number)?);
    }
    if !shared.is_empty() {
        let name = format!("generated/{}.rs", shared.module);
        files.insert(name, shared.print(&apis)?);
    }
    let config = folder.config.as_ref();
    let default = Config::default();
    let tables = tables(&apis, config);
    let index = print_index::index(&apis, &shared, &tables, config.unwrap_or(&default))?;
    files.insert("generated.rs".to_owned(), index);
    files.insert(
        "generated/catalogue.json".to_owned(),
        catalogue::catalogue(&apis, &tables)?,
    );
    files.insert("generated/REPORT.md".to_owned(), report::report(&apis));
    Ok(files)
}

/// Returns all tables with their APIs, in the order of `tables.toml`, or of the descriptions
/// without it.
fn tables<'a>(apis: &'a [Api<'a>], config: Option<&Config>) -> Vec<(&'a Api<'a>, &'a Table)> {
    let mut tables: Vec<_> = apis
        .iter()
        .flat_map(|api| api.tables.iter().map(move |table| (api, table)))
        .collect();
    if let Some(config) = config {
        tables.sort_by_key(|(_, table)| {
            config
                .tables
                .iter()
                .position(|spec| spec.name == table.name)
        });
    }
    tables
}

/// The number of columns after which objects and lists become JSON columns, unless `tables.toml`
/// configures the tables. An API of Kubernetes would have hundreds of thousands of columns, and code
/// of that size takes hours to compile.
const MAX_COLUMNS: usize = 20_000;

/// Processes all descriptions up to the point of printing.
pub(super) fn apis(folder: &Folder) -> Result<Vec<Api<'_>>> {
    apis_within(folder, MAX_COLUMNS)
}

/// Processes all descriptions, with this limit for columns.
pub(super) fn apis_within(folder: &Folder, mut room: usize) -> Result<Vec<Api<'_>>> {
    let default = Config::default();
    let config = folder.config.as_ref().unwrap_or(&default);
    let words = config.words();
    let sources = check::sources(&folder.descriptions, config)?;
    // Checked before anything is built, so that a misspelled name is reported as such and not as a
    // column that is missing.
    check::fields(config, &sources)?;
    let mut taken = BTreeSet::new();
    let mut apis = Vec::new();
    for source in sources {
        let config = folder.config.as_ref();
        apis.push(api(source, config, &words, (&mut taken, &mut room))?);
    }
    check::tables(config, &apis)?;
    Ok(apis)
}

fn api<'a>(
    source: Source<'a>,
    config: Option<&Config>,
    words: &Words,
    (taken, room): (&mut BTreeSet<String>, &mut usize),
) -> Result<Api<'a>> {
    let Source {
        description,
        operations,
        ids,
        notes,
    } = source;
    for (place, text) in &description.notes {
        notes.add_at(place, text);
    }
    let secret = |name: &str| config.is_some_and(|config| config.is_secret(name));
    // Lowering comes first, because it decides the names that the calls below refer to.
    let mut lowering = Lowering::new(words, &secret, &description.pins, &notes);
    let names = lowering.operations(&operations, &ids)?;
    let definitions = lowering.finish();
    let (mut calls, mut layouts, mut tables) = (Vec::new(), Vec::new(), Vec::new());
    for ((operation, name), id) in operations.iter().zip(names).zip(&ids) {
        calls.push(call(operation, name, id, config, &notes)?);
        let builder = Builder {
            config,
            words,
            notes: &notes,
            operation,
            id,
            taken,
            out: Tables::default(),
            unsaid: 0,
            room,
        };
        let built = builder
            .build()
            .with_context(|| format!("`{}`", description.file))?;
        layouts.push((!built.tables.is_empty()).then_some(built.layout));
        tables.extend(built.tables);
    }
    for call in &calls {
        let layout = print_tables::layout_name(call);
        if let Some(table) = tables
            .iter()
            .find(|table: &&Table| print_tables::upper(&table.name) == layout)
        {
            bail!(
                "`tables.toml`: table `{}`: the generated code has this name for the layout of `{}`",
                table.name,
                call.id
            );
        }
    }
    Ok(Api {
        description,
        calls,
        definitions,
        layouts,
        tables,
        notes: notes.into_lines(),
    })
}

fn call(
    operation: &Operation<'_>,
    name: String,
    id: &str,
    config: Option<&Config>,
    notes: &Notes,
) -> Result<Call> {
    let service = config.and_then(|config| config.service(&operation.path));
    let listed = |ids: fn(&Service) -> &[String]| {
        service.is_some_and(|service| ids(service).iter().any(|listed| listed == id))
    };
    // By the rules of HTTP, these two methods change nothing.
    let harmless = ["GET", "HEAD"].contains(&operation.method.as_str());
    Ok(Call {
        name,
        id: id.to_owned(),
        method: operation.method.clone(),
        path: operation.path.clone(),
        system: config.zip(service).and_then(|(config, service)| {
            let name = service.system.as_ref()?;
            let system = config.systems.iter().find(|system| system.name == *name)?;
            Some((name.clone(), system.dialect))
        }),
        client_id: service.and_then(|service| service.client_id.clone()),
        reads: listed(|service| &service.reads) || (harmless && !listed(|service| &service.writes)),
        summary: operation.summary.clone(),
        arguments: calls::arguments(operation, notes)?,
        secrets: secrets::own(operation, config, notes)?,
    })
}

/// Prints the Rust module of one description.
fn module(api: &Api<'_>, shared: &Shared, number: usize) -> Result<String> {
    let reused = shared.of(number);
    let types = print_types::print(&api.calls, &api.definitions, reused)?;
    let name = &api.description.api;
    let endpoints = print_tables::endpoints(name, &api.calls, &api.layouts)?;
    let all: Vec<&Table> = api.tables.iter().collect();
    let tables = print_tables::tables(name, &api.calls, &all, &api.layouts)?;
    let mut code = format!(
        "//! {} from `{}`; not for editing.\n\n",
        print::MARK,
        print::line(&api.description.file)
    );
    code.push_str(
        "#![allow(clippy::doc_markdown, reason = \"the texts are those of the description\")]\n",
    );
    if types.contains("Serialize, Deserialize)") {
        code.push_str("\nuse serde::{Deserialize, Serialize};\n");
    }
    if !reused.is_empty() {
        let names: Vec<&str> = reused.iter().map(String::as_str).collect();
        let list = format!(
            "pub use super::{}::{{{}}};",
            shared.module,
            names.join(", ")
        );
        code.push('\n');
        code.push_str(&print::format(&list)?);
    }
    Ok(code + &types + &endpoints + &tables)
}
