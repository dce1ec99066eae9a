//! Gives every type under `[types]` a schema of its own.
//!
//! An edition may use one schema at the places of several types, for instance for a product in a
//! list and for the details of a product. Hand-written code needs each type by its own name, and may
//! rely on other fields in each.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::{
    at::At,
    check,
    config::Config,
    description::Description,
    node::Node,
    notes::Notes,
    place::Place,
    sources::{self, Source},
};

/// A copy of a schema that replaces a reference to it.
struct Copy {
    file: String,
    from: String,
    to: String,
    schema: Node,
}

/// Copies schemas that several types share.
pub(super) fn unshare(descriptions: &mut [Description], config: &Config) -> Result<()> {
    let sources = check::sources(descriptions, config)?;
    let copies = copies(&sources, config)?;
    drop(sources);
    for Copy {
        file,
        from,
        to,
        schema,
    } in copies
    {
        let mut all = descriptions.iter_mut();
        let Some(description) = all.find(|known| known.file == file) else {
            continue;
        };
        let secrets = description.secrets.iter();
        let secrets = secrets.filter_map(|place| Some(format!("{to}{}", inside(place, &from)?)));
        let secrets: Vec<String> = secrets.collect();
        description.secrets.extend(secrets);
        if let Some(target) = description.node.at_mut(&to) {
            *target = schema;
        }
    }
    Ok(())
}

fn copies(sources: &[Source<'_>], config: &Config) -> Result<Vec<Copy>> {
    let named: Vec<_> = sources.iter().flat_map(sources::Source::named).collect();
    let notes = Notes::default();
    // The type that keeps each schema, by file and pointer.
    let mut owners: BTreeMap<(String, String), &String> = BTreeMap::new();
    let mut copies: Vec<Copy> = Vec::new();
    for (name, spec) in &config.types {
        for text in &spec.at.0 {
            let uses = Place::parse(text)
                .and_then(|place| place.uses(&named, &notes))
                .with_context(|| format!("`tables.toml`: type `{name}`"))?;
            for (site, schema) in uses {
                let pointer = schema.at.pointer().to_owned();
                let owner = owners
                    .entry((schema.at.file().to_owned(), pointer))
                    .or_insert(name);
                if *owner != name && site.pointer() != schema.at.pointer() {
                    copies.push(copy(&site, &schema.at));
                }
            }
        }
    }
    Ok(copies)
}

fn copy(site: &At<'_>, schema: &At<'_>) -> Copy {
    Copy {
        file: site.file().to_owned(),
        from: schema.pointer().to_owned(),
        to: site.pointer().to_owned(),
        schema: schema.node().clone(),
    }
}

/// Returns the part of a pointer below another one, if it is inside.
fn inside<'p>(pointer: &'p str, outer: &str) -> Option<&'p str> {
    let rest = pointer.strip_prefix(outer)?;
    rest.starts_with('/').then_some(rest)
}
