//! Generates all files from a folder of descriptions.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, anyhow};

use super::{
    calls, catalogue,
    config::{Config, Service},
    load::{Description, Folder},
    lower::Lowering,
    names::{self, Words},
    notes::Notes,
    operations::{self, Operation},
    places::Builder,
    print, print_index, print_tables, print_types, report, secrets,
    tables::{Layout, Table, Tables},
    types::{Call, Definition},
};

/// Everything made from one description.
#[derive(Debug)]
pub(super) struct Api<'a> {
    /// The description.
    pub(super) description: &'a Description,
    /// Its operations.
    pub(super) calls: Vec<Call>,
    /// Its types.
    pub(super) definitions: Vec<Definition>,
    /// The tables of each operation, where it has any.
    pub(super) layouts: Vec<Option<Layout>>,
    /// All tables, parents first.
    pub(super) tables: Vec<Table>,
    /// What was left out.
    pub(super) notes: BTreeSet<(String, String)>,
}

/// Makes all files: path, relative to the target folder, to content.
pub(super) fn files(folder: &Folder) -> Result<BTreeMap<String, String>> {
    let apis = apis(folder)?;
    let mut files = BTreeMap::new();
    for api in &apis {
        let name = format!("generated/{}.rs", api.description.module);
        files.insert(name, module(api)?);
    }
    let secrets = folder
        .config
        .as_ref()
        .map(|config| config.secrets.as_slice());
    let tables = tables(&apis, folder.config.as_ref());
    let index = print_index::index(&apis, &tables, secrets.unwrap_or_default());
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

/// Reads all descriptions down to what is printed.
fn apis(folder: &Folder) -> Result<Vec<Api<'_>>> {
    let default = Config::default();
    let config = folder.config.as_ref().unwrap_or(&default);
    let words = config.words();
    let mut sources = Vec::new();
    for description in &folder.descriptions {
        let notes = Notes::default();
        let operations = operations::read(description, config, &notes)?;
        sources.push(Source {
            description,
            operations,
            notes,
        });
    }
    let ids = ids(&sources);
    check_endpoints(config, &ids)?;
    let mut taken = BTreeSet::new();
    let mut apis = Vec::new();
    for (source, ids) in sources.into_iter().zip(ids) {
        let config = folder.config.as_ref();
        apis.push(api(source, &ids, config, &words, &mut taken)?);
    }
    check_tables(config, &apis)?;
    Ok(apis)
}

/// A description whose operations are known.
struct Source<'a> {
    description: &'a Description,
    operations: Vec<Operation<'a>>,
    notes: Notes,
}

/// The operations' names, unique over all descriptions.
///
/// Where two have one name, both take their whole path; where that is still one name, they take
/// the module in front as well. So no name depends on the order of the files.
fn ids(sources: &[Source<'_>]) -> Vec<Vec<String>> {
    let count = |name: &dyn Fn(&Source<'_>, &Operation<'_>) -> String| {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for source in sources {
            for operation in &source.operations {
                *counts.entry(name(source, operation)).or_default() += 1;
            }
        }
        counts
    };
    let short = count(&|_, operation| operation.id.clone());
    let long = count(&|_, operation| operation.long_id.clone());
    let unique = |source: &Source<'_>, operation: &Operation<'_>| {
        if short[&operation.id] == 1 {
            operation.id.clone()
        } else if long[&operation.long_id] == 1
            // A short name that several wanted is nobody's.
            && short.get(&operation.long_id).is_none_or(|&count| count > 1)
        {
            operation.long_id.clone()
        } else {
            format!("{}/{}", source.description.module, operation.long_id)
        }
    };
    let per_source = sources.iter().map(|source| {
        let operations = source.operations.iter();
        operations
            .map(|operation| unique(source, operation))
            .collect()
    });
    per_source.collect()
}

fn api<'a>(
    source: Source<'a>,
    ids: &[String],
    config: Option<&Config>,
    words: &Words,
    taken: &mut BTreeSet<String>,
) -> Result<Api<'a>> {
    let Source {
        description,
        operations,
        notes,
    } = source;
    let secret = |name: &str| config.is_some_and(|config| config.is_secret(name));
    let mut lowering = Lowering::new(words, &secret, &notes);
    let names = lowering.operations(&operations, ids)?;
    let definitions = lowering.finish();
    let (mut calls, mut layouts, mut tables) = (Vec::new(), Vec::new(), Vec::new());
    for ((operation, name), id) in operations.iter().zip(names).zip(ids) {
        calls.push(call(operation, name, id, config, &notes)?);
        let builder = Builder {
            config,
            words,
            notes: &notes,
            operation,
            id,
            taken,
            out: Tables::default(),
        };
        let built = builder
            .build()
            .with_context(|| format!("`{}`", description.file))?;
        layouts.push((!built.tables.is_empty()).then_some(built.layout));
        tables.extend(built.tables);
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
        client_id: service.and_then(|service| service.client_id.clone()),
        reads: listed(|service| &service.reads) || (harmless && !listed(|service| &service.writes)),
        summary: operation.summary.clone(),
        arguments: calls::arguments(operation, notes)?,
        secrets: secrets::own(operation, config, notes)?,
    })
}

/// Endpoints that `tables.toml` names and no description has.
fn check_endpoints(config: &Config, ids: &[Vec<String>]) -> Result<()> {
    let known: Vec<&str> = ids.iter().flatten().map(String::as_str).collect();
    let check = |id: &str, whose: &str| {
        if known.contains(&id) {
            return Ok(());
        }
        let nearest = names::nearest(id, known.iter().copied());
        Err(anyhow!(
            "`tables.toml`: {whose}: no description has the endpoint `{id}`; {nearest}"
        ))
    };
    for service in &config.services {
        for (list, ids) in [("reads", &service.reads), ("writes", &service.writes)] {
            for id in ids {
                check(id, &format!("{list} of `{}`", service.base))?;
            }
        }
    }
    for table in &config.tables {
        check(&table.endpoint, &format!("table `{}`", table.name))?;
    }
    Ok(())
}

/// Tables of `tables.toml` that were not built, because their parents' rows lack their list.
fn check_tables(config: &Config, apis: &[Api<'_>]) -> Result<()> {
    let built = |name: &str| {
        let mut tables = apis.iter().flat_map(|api| &api.tables);
        tables.any(|table| table.name == name)
    };
    let Some(missing) = config.tables.iter().find(|table| !built(&table.name)) else {
        return Ok(());
    };
    let parent = missing.parent.as_deref().unwrap_or_default();
    let layouts = apis.iter().flat_map(|api| &api.layouts).flatten();
    let mut rows = layouts.flat_map(|layout| &layout.rows);
    let fields = rows.find(|rows| rows.table == parent);
    let names = fields.iter().flat_map(|rows| &rows.fields);
    let nearest = names::nearest(&missing.rows[0], names.map(|field| field.name.as_str()));
    Err(anyhow!(
        "`tables.toml`: table `{}`: the rows of `{parent}` have no `{}`; {nearest}",
        missing.name,
        missing.rows[0]
    ))
}

/// The Rust module of one description.
fn module(api: &Api<'_>) -> Result<String> {
    let types = print_types::print(&api.calls, &api.definitions)?;
    let name = &api.description.api;
    let endpoints = print_tables::endpoints(name, &api.calls, &api.layouts)?;
    let all: Vec<&Table> = api.tables.iter().collect();
    let tables = print_tables::tables(name, &api.calls, &all, &api.layouts)?;
    let mut code = format!(
        "//! {} from `{}`; not for editing.\n\n",
        print::MARK,
        api.description.file
    );
    code.push_str(
        "#![allow(clippy::doc_markdown, reason = \"the texts are those of the description\")]\n",
    );
    if types.contains("Serialize, Deserialize)") {
        code.push_str("\nuse serde::{Deserialize, Serialize};\n");
    }
    Ok(code + &types + &endpoints + &tables)
}
