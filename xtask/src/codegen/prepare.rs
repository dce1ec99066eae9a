//! Prepares descriptions for reading: applies patches, corrects the type of integers, and adjusts
//! the types that hand-written code relies on.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::{
    at, check,
    config::Config,
    description::Description,
    node::Node,
    notes::Notes,
    patch::{Edit, Patch},
    pinned,
    place::Place,
    sources,
};

/// Applies the patches, then the settings of `tables.toml` about types.
pub(super) fn prepare(
    descriptions: &mut [Description],
    patches: &BTreeMap<String, Patch>,
    config: &Config,
) -> Result<()> {
    patch(descriptions, patches, config)?;
    for description in descriptions.iter_mut() {
        let notes = Notes::default();
        integers(description, config, &notes);
        description.notes.extend(notes.into_lines());
    }
    secrets(descriptions, config)?;
    pinned::pin(descriptions, config)
}

/// Finds the places that are secret according to `tables.toml`.
fn secrets(descriptions: &mut [Description], config: &Config) -> Result<()> {
    if config.secret_places().next().is_none() {
        return Ok(());
    }
    let mut found = Vec::new();
    let sources = check::sources(descriptions, config)?;
    let named: Vec<_> = sources.iter().flat_map(sources::Source::named).collect();
    for text in config.secret_places() {
        let place = Place::parse(text).and_then(|place| place.find(&named, &Notes::default()));
        let place = place.context("`tables.toml`: secrets")?;
        found.extend(
            place
                .iter()
                .map(|at| (at.file().to_owned(), at.pointer().to_owned())),
        );
    }
    drop(named);
    drop(sources);
    for (file, pointer) in found {
        let description = descriptions.iter_mut().find(|known| known.file == file);
        if let Some(description) = description {
            description.secrets.insert(pointer);
        }
    }
    Ok(())
}

fn patch(
    descriptions: &mut [Description],
    patches: &BTreeMap<String, Patch>,
    config: &Config,
) -> Result<()> {
    if patches.is_empty() {
        return Ok(());
    }
    let file = |api: &str| format!("`{api}.patch.json`");
    for description in descriptions.iter_mut() {
        if let Some(patch) = patches.get(&description.api) {
            patch
                .apply_to_whole(&mut description.node)
                .with_context(|| file(&description.api))?;
            description.patched = Some(patch.reason.clone());
        }
    }
    // All places are found before the first change, because a change may make later places
    // unreachable.
    let mut edits: Vec<Vec<Edit>> = Vec::new();
    let mut said = Vec::new();
    for source in check::sources(descriptions, config)? {
        let api = &source.description.api;
        let notes = Notes::default();
        edits.push(match patches.get(api) {
            Some(patch) => patch
                .edits(&source.named(), &notes)
                .with_context(|| file(api))?,
            None => Vec::new(),
        });
        said.push(notes.into_lines());
    }
    for ((description, edits), said) in descriptions.iter_mut().zip(edits).zip(said) {
        for edit in edits {
            edit.apply(&mut description.node)
                .with_context(|| file(&description.api))?;
        }
        description.notes.extend(said);
    }
    Ok(())
}

/// Declares fields as integers that an edition declares as text or as numbers, if `tables.toml`
/// lists them.
fn integers(description: &mut Description, config: &Config, notes: &Notes) {
    if config.integers.is_empty() {
        return;
    }
    let integers = Integers {
        named: named(&description.node),
        config,
        notes,
    };
    integers.visit(&mut description.node, "#");
}

/// Returns the pointers of named schemas that may stand for an integer, with what they are.
fn named(root: &Node) -> BTreeMap<String, &'static str> {
    let folders = [
        ("#/definitions/", root.get("definitions")),
        (
            "#/components/schemas/",
            root.get("components").and_then(|node| node.get("schemas")),
        ),
    ];
    let mut names = BTreeMap::new();
    for (folder, schemas) in folders {
        let Some(Node::Object(schemas)) = schemas else {
            continue;
        };
        names.extend(schemas.iter().filter_map(|(name, schema)| {
            let name = name.replace('~', "~0").replace('/', "~1");
            Some((format!("{folder}{name}"), plain(schema)?))
        }));
    }
    names
}

/// Returns what a schema is that may stand for an integer: text or a number.
fn plain(schema: &Node) -> Option<&'static str> {
    let name = match schema.get("type")? {
        Node::Text(name) => name.as_str(),
        Node::List(names) => {
            let mut types = names.iter().filter_map(|name| match name {
                Node::Text(name) if name != "null" => Some(name.as_str()),
                _ => None,
            });
            types.next().filter(|_| types.next().is_none())?
        }
        _ => return None,
    };
    match name {
        "string" if schema.get("enum").is_none() => Some("text"),
        "number" => Some("a number"),
        _ => None,
    }
}

struct Integers<'c> {
    named: BTreeMap<String, &'static str>,
    config: &'c Config,
    notes: &'c Notes,
}

impl Integers<'_> {
    fn visit(&self, node: &mut Node, pointer: &str) {
        if let (Some(Node::Text(name)), Some(Node::Text(_))) = (node.get("name"), node.get("in")) {
            let name = name.clone();
            match node.at_mut("#/schema") {
                Some(schema) => self.read(&name, schema, &format!("{pointer}/schema")),
                None => self.read(&name, node, pointer),
            }
        }
        match node {
            Node::Object(members) => {
                for (name, value) in members {
                    let place = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
                    if let ("properties", Node::Object(properties)) = (name.as_str(), &mut *value) {
                        for (name, schema) in properties {
                            self.read(name, schema, &format!("{place}/{name}"));
                        }
                    }
                    self.visit(value, &place);
                }
            }
            Node::List(items) => {
                for (position, item) in items.iter_mut().enumerate() {
                    self.visit(item, &format!("{pointer}/{position}"));
                }
            }
            _ => {}
        }
    }

    fn read(&self, name: &str, schema: &mut Node, place: &str) {
        if !self.config.integers.iter().any(|known| known == name) {
            return;
        }
        if let Some(items) = schema.at_mut("#/items") {
            return self.read(name, items, &format!("{place}/items"));
        }
        let found = self.plain(schema);
        if let (Some(found), Node::Object(members)) = (found, schema) {
            let null = Node::Text("null".to_owned());
            let nullable = members.iter().any(|(key, value)| {
                key == "type" && matches!(value, Node::List(names) if names.contains(&null))
            });
            let mut ty = Node::Text("integer".to_owned());
            if nullable {
                ty = Node::List(vec![ty, null]);
            }
            let gone = ["$ref", "allOf", "type", "format", "pattern"];
            members.retain(|(key, _)| !gone.contains(&key.as_str()));
            members.push(("type".to_owned(), ty));
            let text = format!("{found} by the description, read as an integer");
            self.notes.add_at(place, text);
        }
    }

    /// Returns what a schema is that may stand for an integer, directly or by reference.
    fn plain(&self, schema: &Node) -> Option<&'static str> {
        if let Some(Node::Text(target)) = schema.get("$ref") {
            return self.named.get(&at::decode(target)).copied();
        }
        match schema.get("allOf") {
            Some(Node::List(parts)) if parts.len() == 1 => self.plain(&parts[0]),
            _ => plain(schema),
        }
    }
}
