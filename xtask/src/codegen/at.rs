//! A place in a description: a value that knows its JSON pointer.
//!
//! Everything that reads descriptions goes through here, so that every error names the file,
//! the pointer, and what was expected.

use anyhow::{Error, Result, anyhow};

use super::{load::Description, node::Node};

/// References that lead to references end after this many steps.
const MAX_HOPS: usize = 32;

/// A value in a description.
#[derive(Debug, Clone)]
pub(super) struct At<'a> {
    description: &'a Description,
    node: &'a Node,
    pointer: String,
}

impl<'a> At<'a> {
    /// The whole description.
    pub(super) fn root(description: &'a Description) -> Self {
        let node = &description.node;
        let pointer = "#".to_owned();
        Self {
            description,
            node,
            pointer,
        }
    }

    /// The value.
    pub(super) fn node(&self) -> &'a Node {
        self.node
    }

    /// Where it stands, such as `#/components/schemas/Asset`.
    pub(super) fn pointer(&self) -> &str {
        &self.pointer
    }

    /// An error about this place.
    pub(super) fn error(&self, message: impl std::fmt::Display) -> Error {
        anyhow!(
            "`{}` at `{}`: {message}",
            self.description.file,
            self.pointer
        )
    }

    fn expected(&self, what: &str) -> Error {
        self.error(format_args!("expected {what}, found {}", self.node.kind()))
    }

    fn child(&self, name: &str, node: &'a Node) -> At<'a> {
        let name = name.replace('~', "~0").replace('/', "~1");
        At {
            description: self.description,
            node,
            pointer: format!("{}/{name}", self.pointer),
        }
    }

    /// The member of this name, unless it is absent or null.
    ///
    /// # Errors
    ///
    /// If this is no object.
    pub(super) fn get(&self, name: &str) -> Result<Option<At<'a>>> {
        let Node::Object(_) = self.node else {
            return Err(self.expected("an object"));
        };
        let node = self.node.get(name).filter(|node| **node != Node::Null);
        Ok(node.map(|node| self.child(name, node)))
    }

    /// The text of the member of this name; empty if there is none.
    pub(super) fn text_of(&self, name: &str) -> Result<&'a str> {
        self.get(name)?.map_or(Ok(""), |member| member.text())
    }

    /// Whether the member of this name is true.
    pub(super) fn flag(&self, name: &str) -> Result<bool> {
        match self.get(name)? {
            None => Ok(false),
            Some(member) => match member.node {
                Node::Bool(flag) => Ok(*flag),
                _ => Err(member.expected("a truth value")),
            },
        }
    }

    /// All members of an object.
    pub(super) fn members(&self) -> Result<Vec<(&'a str, At<'a>)>> {
        let Node::Object(members) = self.node else {
            return Err(self.expected("an object"));
        };
        let places = members.iter();
        Ok(places
            .map(|(name, node)| (name.as_str(), self.child(name, node)))
            .collect())
    }

    /// All members of the object under this name; none if it is absent.
    pub(super) fn members_of(&self, name: &str) -> Result<Vec<(&'a str, At<'a>)>> {
        self.get(name)?
            .map_or(Ok(Vec::new()), |member| member.members())
    }

    /// All items of a list.
    pub(super) fn items(&self) -> Result<Vec<At<'a>>> {
        let Node::List(items) = self.node else {
            return Err(self.expected("a list"));
        };
        let places = items.iter().enumerate();
        Ok(places
            .map(|(position, node)| self.child(&position.to_string(), node))
            .collect())
    }

    /// All items of the list under this name; none if it is absent.
    pub(super) fn items_of(&self, name: &str) -> Result<Vec<At<'a>>> {
        self.get(name)?
            .map_or(Ok(Vec::new()), |member| member.items())
    }

    /// The text, if this is text.
    pub(super) fn text(&self) -> Result<&'a str> {
        match self.node {
            Node::Text(text) => Ok(text),
            _ => Err(self.expected("text")),
        }
    }

    /// The place that `$ref` leads to, or this one if there is no `$ref`.
    pub(super) fn follow(&self) -> Result<At<'a>> {
        let mut place = self.clone();
        for _ in 0..MAX_HOPS {
            let Some(target) = place.node.get("$ref") else {
                return Ok(place);
            };
            let link = place.child("$ref", target);
            place = link.resolve()?;
        }
        Err(self.error("`$ref` leads in a circle"))
    }

    fn resolve(&self) -> Result<At<'a>> {
        let target = self.text()?;
        let Some(path) = target.strip_prefix('#') else {
            return Err(self.error(format_args!(
                "`{target}` is in another file; only references that start with `#` are read"
            )));
        };
        let mut place = At::root(self.description);
        for segment in path.split('/').skip(1) {
            let name = unescape(segment);
            let node = match place.node {
                Node::List(items) => name.parse().ok().and_then(|at: usize| items.get(at)),
                node => node.get(&name),
            };
            let node = node.ok_or_else(|| self.error(format_args!("`{target}` leads nowhere")))?;
            place = place.child(&name, node);
        }
        Ok(place)
    }
}

/// Undoes the escapes of a pointer's segment in a URI.
fn unescape(segment: &str) -> String {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let code = match (first, tail) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)),
            _ => None,
        };
        if let Some((high, low)) = code {
            bytes.push(high * 16 + low);
            rest = &tail[2..];
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes)
        .replace("~1", "/")
        .replace("~0", "~")
}

fn hex(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}
