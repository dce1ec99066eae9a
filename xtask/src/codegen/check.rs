//! Checks the names in `tables.toml`. A name that matches nothing is an error, which suggests the
//! most similar names.

use std::collections::BTreeSet;

use anyhow::{Result, anyhow, bail};

use super::{
    api::Api,
    config::{Config, Service},
    description::Description,
    names,
    node::Node,
    schema::Schema,
    sources::{self, Source},
};

/// Checks the services and endpoints in `tables.toml`.
/// Reads the operations of all descriptions, and checks what `tables.toml` says about them.
pub(super) fn sources<'a>(
    descriptions: &'a [Description],
    config: &Config,
) -> Result<Vec<Source<'a>>> {
    let sources = sources::read(descriptions, config)?;
    endpoints(config, &sources)?;
    Ok(sources)
}

fn endpoints(config: &Config, sources: &[Source<'_>]) -> Result<()> {
    bases(config, sources)?;
    credentials(config)?;
    let known: Vec<&str> = sources
        .iter()
        .flat_map(|source| &source.ids)
        .map(String::as_str)
        .collect();
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

/// Checks that every endpoint is under a base, and every base has endpoints.
///
/// An endpoint outside all bases would have no credentials and count as a write, and nobody would
/// notice before calling it.
fn bases(config: &Config, sources: &[Source<'_>]) -> Result<()> {
    if config.services.is_empty() {
        return Ok(());
    }
    let mut used: BTreeSet<&str> = BTreeSet::new();
    let mut prefixes: BTreeSet<&str> = BTreeSet::new();
    let mut outside = None;
    for source in sources {
        for operation in &source.operations {
            let path = operation.path.as_str();
            let slashes = path.match_indices('/').skip(1);
            prefixes.extend(slashes.map(|(at, _)| &path[..at]));
            match config.service(path) {
                Some(service) => {
                    used.insert(&service.base);
                }
                None => outside = outside.or(Some((source, path))),
            }
        }
    }
    for Service { base, .. } in &config.services {
        if !used.contains(base.as_str()) {
            let nearest = names::nearest(base, prefixes.iter().copied());
            bail!("`tables.toml`: no endpoint is under the base `{base}`; {nearest}");
        }
    }
    if let Some((source, path)) = outside {
        let bases = config.services.iter().map(|service| service.base.as_str());
        return Err(anyhow!(
            "`{}`: `{path}` is under no `base` of a `[[service]]` in `tables.toml`; {}",
            source.description.file,
            names::nearest(path, bases)
        ));
    }
    Ok(())
}

/// Checks that credentials and options are listed at the top of the file, if it has such lists.
fn credentials(config: &Config) -> Result<()> {
    let listed = |list: &[String], name: Option<&String>, what: &str, whose: &str| match name {
        Some(name) if !list.is_empty() && !list.contains(name) => {
            let nearest = names::nearest(name, list.iter().map(String::as_str));
            Err(anyhow!(
                "`tables.toml`: {whose}: unknown {what} `{name}`; {nearest}"
            ))
        }
        _ => Ok(()),
    };
    for service in &config.services {
        let whose = format!("the service `{}`", service.base);
        listed(
            &config.clients,
            service.client_id.as_ref(),
            "client",
            &whose,
        )?;
        listed(&config.prefixes, service.name.as_ref(), "prefix", &whose)?;
        let systems: Vec<String> = config
            .systems
            .iter()
            .map(|system| system.name.clone())
            .collect();
        listed(&systems, service.system.as_ref(), "system", &whose)?;
    }
    for table in &config.tables {
        let whose = format!("table `{}`", table.name);
        listed(&config.includes, table.include.as_ref(), "include", &whose)?;
        listed(&config.published, Some(&table.name), "table", &whose)?;
    }
    let unused = |list: &[String], what: &str, used: &dyn Fn(&String) -> bool| match list
        .iter()
        .find(|name| !used(name))
    {
        Some(name) => Err(anyhow!("`tables.toml`: nothing uses the {what} `{name}`")),
        None => Ok(()),
    };
    let services = &config.services;
    unused(&config.clients, "client", &|name| {
        services
            .iter()
            .any(|service| service.client_id.as_ref() == Some(name))
    })?;
    unused(&config.prefixes, "prefix", &|name| {
        services
            .iter()
            .any(|service| service.name.as_ref() == Some(name))
    })?;
    let systems: Vec<String> = config
        .systems
        .iter()
        .map(|system| system.name.clone())
        .collect();
    unused(&systems, "system", &|name| {
        services
            .iter()
            .any(|service| service.system.as_ref() == Some(name))
    })?;
    unused(&config.published, "published table", &|name| {
        config.tables.iter().any(|table| table.name == *name)
    })?;
    unused(&config.includes, "include", &|name| {
        config
            .tables
            .iter()
            .any(|table| table.include.as_ref() == Some(name))
    })
}

/// Checks names that apply to all descriptions: secrets, integers and words.
pub(super) fn fields(config: &Config, sources: &[Source<'_>]) -> Result<()> {
    let mut known = BTreeSet::new();
    for source in sources {
        collect(&source.description.node, &mut known);
    }
    let lists = [
        ("secrets", config.secret_names().collect::<Vec<_>>()),
        ("integers", config.integers.iter().collect()),
    ];
    for (list, names) in lists {
        for name in names {
            if !known.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                let nearest = names::nearest(name, known.iter().copied());
                bail!("`tables.toml`: {list}: no description has the field `{name}`; {nearest}");
            }
        }
    }
    for (word, split) in &config.words {
        let parts = || known.iter().flat_map(|name| words(name));
        if !known.iter().any(|name| name.contains(word.as_str())) {
            let nearest = names::nearest(word, parts());
            bail!("`tables.toml`: words: no field name contains `{word}`; {nearest}");
        }
        let (letters, wanted) = (split.replace('_', ""), word.to_ascii_lowercase());
        if letters != wanted {
            let same: Vec<_> = parts()
                .filter(|part| part.eq_ignore_ascii_case(&letters))
                .collect();
            let nearest = match same.as_slice() {
                [] => names::nearest(word, parts()),
                same => names::nearest(word, same.iter().copied()),
            };
            bail!(
                "`tables.toml`: words: `{split}` has other letters than `{word}`, which are \
                 `{wanted}`; {nearest}"
            );
        }
    }
    arguments(config, sources)
}

/// Checks arguments that fill columns. They belong to the table's endpoint or to the one that led
/// to it.
fn arguments(config: &Config, sources: &[Source<'_>]) -> Result<()> {
    let mut known: BTreeSet<String> = BTreeSet::new();
    for source in sources {
        for operation in &source.operations {
            let parameters = operation.parameters.iter();
            known.extend(parameters.map(|parameter| parameter.name.clone()));
            if let Some(body) = &operation.body {
                let schema = Schema::read(&body.at, &source.notes)?;
                let properties = schema.properties().iter();
                known.extend(properties.map(|property| property.name.clone()));
            }
        }
    }
    for table in &config.tables {
        for argument in table.asked.values() {
            if !known.contains(argument) {
                let nearest = names::nearest(argument, known.iter().map(String::as_str));
                bail!(
                    "`tables.toml`: table `{}`: asked: no endpoint takes the argument \
                     `{argument}`; {nearest}",
                    table.name
                );
            }
        }
    }
    Ok(())
}

/// Collects the names of all properties and parameters in a description.
fn collect<'n>(node: &'n Node, names: &mut BTreeSet<&'n str>) {
    match node {
        Node::Object(members) => {
            if let (Some(Node::Text(name)), Some(Node::Text(_))) =
                (node.get("name"), node.get("in"))
            {
                names.insert(name);
            }
            for (name, value) in members {
                if let ("properties", Node::Object(properties)) = (name.as_str(), value) {
                    names.extend(properties.iter().map(|(name, _)| name.as_str()));
                }
                collect(value, names);
            }
        }
        Node::List(items) => items.iter().for_each(|item| collect(item, names)),
        _ => {}
    }
}

/// Returns the parts of a name that start with a capital letter and end at a possible word
/// boundary.
fn words(name: &str) -> Vec<&str> {
    let mut words = Vec::new();
    for (start, _) in name.match_indices(|char: char| char.is_ascii_uppercase()) {
        let rest = &name[start..];
        let ends = rest
            .char_indices()
            .map(|(at, _)| at)
            .skip(1)
            .chain([rest.len()]);
        let ends =
            ends.filter(|&end| !rest[end..].starts_with(|next: char| next.is_ascii_lowercase()));
        words.extend(ends.map(|end| &rest[..end]));
    }
    words
}

/// Checks that all tables of `tables.toml` were built. One is missing if the rows of its parent
/// lack its list.
pub(super) fn tables(config: &Config, apis: &[Api<'_>]) -> Result<()> {
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
