//! Declares fields as integers, however an edition of a description declares them.

use super::{config::Config, description::Description, keywords, node::Node, notes::Notes};

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

/// References, parts and lists within each other are followed at most this deep.
const MAX_DEPTH: usize = 32;

/// Declares fields as integers that `tables.toml` lists, although an edition declares them as text,
/// as numbers, as a choice of these, or not at all.
pub(super) fn declare(description: &mut Description, config: &Config, notes: &Notes) {
    if config.integers.is_empty() {
        return;
    }
    let integers = Integers {
        root: description.node.clone(),
        config,
        notes,
    };
    integers.visit(&mut description.node, "#");
}

/// A schema that may stand for an integer, or for a list of them.
#[derive(Clone, Copy)]
struct Plain {
    /// What the description says that it is, or that the innermost elements are.
    said: &'static str,
    nullable: bool,
    /// How many lists are around it.
    lists: usize,
}

impl Plain {
    fn of(said: &'static str) -> Self {
        Self {
            said,
            nullable: false,
            lists: 0,
        }
    }

    /// Reads a schema, directly or by reference.
    fn read(schema: &Node, root: &Node, depth: usize) -> Option<Self> {
        if depth > MAX_DEPTH {
            return None;
        }
        let next = |schema: &Node| Self::read(schema, root, depth + 1);
        let mut plain = if let Some(Node::Text(target)) = member(schema, "$ref") {
            next(root.at(target)?)?
        } else if let Some(Node::List(parts)) = member(schema, "allOf") {
            let parts = parts.iter().map(next);
            let mut parts = parts.collect::<Option<Vec<_>>>()?;
            parts.push(Self::beside_parts(schema)?);
            Self::all_of(&parts)?
        } else if let Some(Node::List(choices)) =
            member(schema, "oneOf").or_else(|| member(schema, "anyOf"))
        {
            let choices = choices.iter().map(next);
            Self::one_of(&choices.collect::<Option<Vec<_>>>()?)?
        } else if keywords::is_null_node(schema) {
            Self {
                nullable: true,
                ..Self::of("null")
            }
        } else {
            Self::simple(schema, next)?
        };
        let is_set = |name| matches!(member(schema, name), Some(Node::Bool(true)));
        plain.nullable |= is_set("nullable") || is_set("x-nullable");
        Some(plain)
    }

    /// Combines the parts of `allOf`, which may say the same or nothing about the type.
    fn all_of(parts: &[Self]) -> Option<Self> {
        let mut typed = parts.iter().filter(|part| part.said != "any value");
        let first = typed.next().copied().unwrap_or(Self::of("any value"));
        let agree = typed.all(|part| (part.said, part.lists) == (first.said, first.lists));
        agree.then_some(Self {
            nullable: parts.iter().any(|part| part.nullable),
            ..first
        })
    }

    /// Reads what a schema says beside its parts.
    fn beside_parts(schema: &Node) -> Option<Self> {
        let is_nested = |keyword| member(schema, keyword).is_some();
        if ["additionalProperties", "items", "properties"]
            .into_iter()
            .any(is_nested)
        {
            return None;
        }
        match member(schema, "type") {
            Some(_) => Self::simple(schema, |_| None),
            None => Some(Self::of("any value")),
        }
    }

    fn one_of(choices: &[Self]) -> Option<Self> {
        let mut others = choices.iter().filter(|choice| choice.said != "null");
        let lists = others.clone().next().map_or(0, |choice| choice.lists);
        if others.clone().any(|choice| choice.lists != lists) {
            return None;
        }
        Some(Self {
            said: if others.all(|choice| choice.said == "an integer") {
                "an integer"
            } else {
                "a choice"
            },
            nullable: choices.iter().any(|choice| choice.nullable),
            lists,
        })
    }

    /// Reads a schema that is neither a reference nor a combination of others.
    fn simple(schema: &Node, items: impl Fn(&Node) -> Option<Self>) -> Option<Self> {
        let types = match member(schema, "type") {
            None => Vec::new(),
            Some(Node::Text(name)) => vec![name.as_str()],
            Some(Node::List(list)) => list.iter().filter_map(text).collect(),
            _ => return None,
        };
        let nullable = types.contains(&"null");
        let others: Vec<&str> = types.into_iter().filter(|name| *name != "null").collect();
        let has = |keyword: &&str| member(schema, keyword).is_some();
        let plain = match (others.as_slice(), member(schema, "items")) {
            ([] | ["array"], Some(schema)) => {
                let plain = items(schema)?;
                Self {
                    nullable: false,
                    lists: plain.lists + 1,
                    ..plain
                }
            }
            ([], None) if SHAPING.iter().any(has) => return None,
            ([], None) => Self::of("any value"),
            (["integer"], _) => Self::of("an integer"),
            (["string"], _) if member(schema, "enum").is_none() => Self::of("text"),
            (["number"], _) => Self::of("a number"),
            ([_], _) => return None,
            (several, _) => {
                let fits = |name: &&str| ["integer", "number", "string"].contains(name);
                several.iter().all(fits).then_some(Self::of("a choice"))?
            }
        };
        Some(Self {
            nullable: plain.nullable || nullable,
            ..plain
        })
    }

    /// The schema of an integer that replaces this one: its type, and the schema of its elements if
    /// it is a list.
    fn replacement(self) -> Vec<(String, Node)> {
        let mut members = Vec::new();
        for depth in 0..=self.lists {
            let name = if depth == 0 { "integer" } else { "array" };
            let mut ty = Node::Text(name.to_owned());
            if depth == self.lists && self.nullable {
                ty = Node::List(vec![ty, Node::Text("null".to_owned())]);
            }
            let mut around = vec![("type".to_owned(), ty)];
            if depth > 0 {
                around.push(("items".to_owned(), Node::Object(members)));
            }
            members = around;
        }
        members
    }
}

/// Returns a member, unless it is null, which some descriptions write for everything unsaid.
fn member<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
    node.get(name).filter(|node| **node != Node::Null)
}

fn text(node: &Node) -> Option<&str> {
    match node {
        Node::Text(text) => Some(text),
        _ => None,
    }
}

struct Integers<'c> {
    /// The description before any change, to follow references.
    root: Node,
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
        if let Some(items @ Node::Object(_)) = schema.at_mut("#/items") {
            return self.read(name, items, &format!("{place}/items"));
        }
        // A list may be one of several schemas, such as a list or null.
        for keyword in ["allOf", "anyOf", "oneOf"] {
            let Some(Node::List(parts)) = schema.at_mut(&format!("#/{keyword}")) else {
                continue;
            };
            for (position, part) in parts.iter_mut().enumerate() {
                if member(part, "items").is_some() {
                    self.read(name, part, &format!("{place}/{keyword}/{position}"));
                }
            }
        }
        let found = Plain::read(schema, &self.root, 0);
        let found = found.filter(|plain| !["an integer", "null"].contains(&plain.said));
        if let (Some(plain), Node::Object(members)) = (found, schema) {
            members.retain(|(key, _)| !GONE.contains(&key.as_str()));
            members.extend(plain.replacement());
            let text = match plain.lists {
                0 => format!("{} by the description, read as an integer", plain.said),
                _ => format!(
                    "list of {} by the description, read as integers",
                    plain.said
                ),
            };
            self.notes.add_at(place, text);
        }
    }
}
