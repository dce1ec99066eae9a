//! Prepares descriptions for reading: applies patches, corrects the type of integers, and adjusts
//! the types that hand-written code relies on.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::{
    check,
    config::Config,
    description::Description,
    node::Node,
    notes::Notes,
    patch::{Edit, Patch},
    pinned,
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
    pinned::pin(descriptions, config)
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

/// Declares fields as integers that an edition declares as text, if `tables.toml` lists them.
fn integers(description: &mut Description, config: &Config, notes: &Notes) {
    if config.integers.is_empty() {
        return;
    }
    let texts = Texts {
        named: named_texts(&description.node),
        config,
        notes,
    };
    texts.visit(&mut description.node, "#");
}

/// Returns the pointers of named schemas that are plain text.
fn named_texts(root: &Node) -> Vec<String> {
    let folders = [
        ("#/definitions/", root.get("definitions")),
        (
            "#/components/schemas/",
            root.get("components").and_then(|node| node.get("schemas")),
        ),
    ];
    let mut names = Vec::new();
    for (folder, schemas) in folders {
        let Some(Node::Object(schemas)) = schemas else {
            continue;
        };
        let texts = schemas.iter().filter(|(_, schema)| is_text(schema));
        names.extend(texts.map(|(name, _)| format!("{folder}{name}")));
    }
    names
}

fn is_text(schema: &Node) -> bool {
    let plain = match schema.get("type") {
        Some(Node::Text(name)) => name == "string",
        Some(Node::List(names)) => {
            let mut types = names.iter().filter_map(|name| match name {
                Node::Text(name) if name != "null" => Some(name.as_str()),
                _ => None,
            });
            types.next() == Some("string") && types.next().is_none()
        }
        _ => false,
    };
    plain && schema.get("enum").is_none()
}

struct Texts<'c> {
    named: Vec<String>,
    config: &'c Config,
    notes: &'c Notes,
}

impl Texts<'_> {
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
        let text = match schema.get("$ref") {
            Some(Node::Text(target)) => self.named.contains(target),
            _ => is_text(schema),
        };
        let Node::Object(members) = schema else {
            return;
        };
        if text {
            let null = Node::Text("null".to_owned());
            let nullable = members.iter().any(|(key, value)| {
                key == "type" && matches!(value, Node::List(names) if names.contains(&null))
            });
            let mut ty = Node::Text("integer".to_owned());
            if nullable {
                ty = Node::List(vec![ty, null]);
            }
            members
                .retain(|(key, _)| !["$ref", "type", "format", "pattern"].contains(&key.as_str()));
            members.push(("type".to_owned(), ty));
            self.notes
                .add_at(place, "text by the description, read as an integer");
        }
    }
}
