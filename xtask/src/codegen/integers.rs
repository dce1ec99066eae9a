//! Declares fields as integers, however an edition of a description declares them.

use std::collections::BTreeMap;

use super::{at, config::Config, description::Description, keywords, node::Node, notes::Notes};

/// The keywords that give a schema another shape than that of any value.
const SHAPING: [&str; 8] = [
    "$ref",
    "additionalProperties",
    "allOf",
    "anyOf",
    "enum",
    "items",
    "oneOf",
    "properties",
];

/// The keywords that do not fit an integer.
const GONE: [&str; 7] = [
    "$ref", "allOf", "anyOf", "oneOf", "type", "format", "pattern",
];

/// Declares fields as integers that `tables.toml` lists, although an edition declares them as text,
/// as numbers, as a choice of these, or not at all.
pub(super) fn declare(description: &mut Description, config: &Config, notes: &Notes) {
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
fn named(root: &Node) -> BTreeMap<String, Plain> {
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
            Some((format!("{folder}{name}"), plain(schema, &BTreeMap::new())?))
        }));
    }
    names
}

/// A schema that may stand for an integer.
#[derive(Clone, Copy)]
struct Plain {
    /// What the description says that it is.
    said: &'static str,
    nullable: bool,
}

/// Returns what a schema is that may stand for an integer, directly or by reference.
fn plain(schema: &Node, named: &BTreeMap<String, Plain>) -> Option<Plain> {
    if let Some(Node::Text(target)) = schema.get("$ref") {
        return named.get(&at::decode(target)).copied();
    }
    if let Some(Node::List(parts)) = schema.get("allOf") {
        let [part] = parts.as_slice() else {
            return None;
        };
        return plain(part, named);
    }
    if let Some(Node::List(choices)) = schema.get("oneOf").or(schema.get("anyOf")) {
        let choices = choices.iter().map(|choice| plain(choice, named));
        let choices = choices.collect::<Option<Vec<_>>>()?;
        let is_usual = |choice: &Plain| ["an integer", "null"].contains(&choice.said);
        return Some(Plain {
            said: if choices.iter().all(is_usual) {
                "an integer"
            } else {
                "a choice"
            },
            nullable: choices.iter().any(|choice| choice.nullable),
        });
    }
    if keywords::is_null_node(schema) {
        return Some(Plain {
            said: "null",
            nullable: true,
        });
    }
    let types = match schema.get("type") {
        None if SHAPING.iter().all(|keyword| schema.get(keyword).is_none()) => Vec::new(),
        Some(Node::Text(name)) => vec![name.as_str()],
        Some(Node::List(list)) => list.iter().filter_map(text).collect(),
        _ => return None,
    };
    let nullable = types.contains(&"null");
    let others: Vec<&str> = types.into_iter().filter(|name| *name != "null").collect();
    let said = match others.as_slice() {
        [] => "any value",
        ["integer"] => "an integer",
        ["string"] if schema.get("enum").is_none() => "text",
        ["number"] => "a number",
        [_] => return None,
        several => {
            let fits = |name: &&str| ["integer", "number", "string"].contains(name);
            several.iter().all(fits).then_some("a choice")?
        }
    };
    Some(Plain { said, nullable })
}

fn text(node: &Node) -> Option<&str> {
    match node {
        Node::Text(text) => Some(text),
        _ => None,
    }
}

struct Integers<'c> {
    named: BTreeMap<String, Plain>,
    config: &'c Config,
    notes: &'c Notes,
}

impl Integers<'_> {
    fn visit(&self, node: &mut Node, pointer: &str) {
        if let (Some(Node::Text(name)), Some(Node::Text(found_in))) =
            (node.get("name"), node.get("in"))
            // The name of a body says nothing about its content.
            && found_in != "body"
        {
            let name = name.clone();
            if let Some(schema) = node.at_mut("#/schema") {
                self.read(&name, schema, &format!("{pointer}/schema"));
            } else if node.get("content").is_none() {
                self.read(&name, node, pointer);
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
        // A list may be one of several schemas, such as a list or null.
        for keyword in ["allOf", "anyOf", "oneOf"] {
            let Some(Node::List(parts)) = schema.at_mut(&format!("#/{keyword}")) else {
                continue;
            };
            for (position, part) in parts.iter_mut().enumerate() {
                if part.get("items").is_some() {
                    self.read(name, part, &format!("{place}/{keyword}/{position}"));
                }
            }
        }
        let found = plain(schema, &self.named);
        let found = found.filter(|plain| !["an integer", "null"].contains(&plain.said));
        if let (Some(Plain { said, nullable }), Node::Object(members)) = (found, schema) {
            let mut ty = Node::Text("integer".to_owned());
            if nullable {
                ty = Node::List(vec![ty, Node::Text("null".to_owned())]);
            }
            members.retain(|(key, _)| !GONE.contains(&key.as_str()));
            members.push(("type".to_owned(), ty));
            let text = format!("{said} by the description, read as an integer");
            self.notes.add_at(place, text);
        }
    }
}
