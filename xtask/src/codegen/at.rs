//! A location in a description: a value together with its JSON pointer.
//!
//! All code that reads descriptions uses this type, so that every error names the file, the
//! pointer, and what was expected.

use anyhow::{Error, Result, anyhow};

use super::{
    description::{Description, Form},
    node::Node,
    pointer,
};

/// References that lead to further references are followed at most this many times.
const MAX_HOPS: usize = 32;

/// A value in a description and its location.
#[derive(Debug, Clone)]
pub(super) struct At<'a> {
    description: &'a Description,
    node: &'a Node,
    pointer: String,
}

impl<'a> At<'a> {
    /// Returns the root of the description.
    pub(super) fn root(description: &'a Description) -> Self {
        let node = &description.node;
        let pointer = "#".to_owned();
        Self {
            description,
            node,
            pointer,
        }
    }

    /// Returns the location of this JSON pointer, if it exists.
    pub(super) fn of(description: &'a Description, pointer: &str) -> Option<Self> {
        let mut place = At::root(description);
        for segment in pointer.split('/').skip(1) {
            place = place.step(&pointer::unescape(segment))?;
        }
        Some(place)
    }

    /// Returns what hand-written code relies on in the schema at this location.
    pub(super) fn form(&self) -> Option<&'a Form> {
        self.description.pins.forms.get(&self.pointer)
    }

    /// Whether `tables.toml` says that the value at this location is secret.
    pub(super) fn is_secret(&self) -> bool {
        self.description.secrets.contains(&self.pointer)
    }

    /// Returns the value.
    pub(super) fn node(&self) -> &'a Node {
        self.node
    }

    /// Returns the name of the description's file.
    pub(super) fn file(&self) -> &'a str {
        &self.description.file
    }

    /// Returns the JSON pointer, such as `#/components/schemas/Asset`.
    pub(super) fn pointer(&self) -> &str {
        &self.pointer
    }

    /// Creates an error about this location.
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

    /// Returns the member with this name, unless it is absent or null.
    ///
    /// # Errors
    ///
    /// Fails if this is not an object.
    pub(super) fn get(&self, name: &str) -> Result<Option<At<'a>>> {
        let Node::Object(_) = self.node else {
            return Err(self.expected("an object"));
        };
        let node = self.node.get(name).filter(|node| **node != Node::Null);
        Ok(node.map(|node| self.child(name, node)))
    }

    /// Returns the text of the member with this name, or an empty text if it is absent.
    pub(super) fn text_of(&self, name: &str) -> Result<&'a str> {
        self.get(name)?.map_or(Ok(""), |member| member.text())
    }

    /// Whether the member with this name is true.
    pub(super) fn flag(&self, name: &str) -> Result<bool> {
        match self.get(name)? {
            None => Ok(false),
            Some(member) => match member.node {
                Node::Bool(flag) => Ok(*flag),
                _ => Err(member.expected("a boolean")),
            },
        }
    }

    /// Returns all members of an object.
    pub(super) fn members(&self) -> Result<Vec<(&'a str, At<'a>)>> {
        let Node::Object(members) = self.node else {
            return Err(self.expected("an object"));
        };
        let places = members.iter();
        Ok(places
            .map(|(name, node)| (name.as_str(), self.child(name, node)))
            .collect())
    }

    /// Returns all members of the object with this name, or none if it is absent.
    pub(super) fn members_of(&self, name: &str) -> Result<Vec<(&'a str, At<'a>)>> {
        self.get(name)?
            .map_or(Ok(Vec::new()), |member| member.members())
    }

    /// Returns all items of a list.
    pub(super) fn items(&self) -> Result<Vec<At<'a>>> {
        let Node::List(items) = self.node else {
            return Err(self.expected("a list"));
        };
        let places = items.iter().enumerate();
        Ok(places
            .map(|(position, node)| self.child(&position.to_string(), node))
            .collect())
    }

    /// Returns all items of the list with this name, or none if it is absent.
    pub(super) fn items_of(&self, name: &str) -> Result<Vec<At<'a>>> {
        self.get(name)?
            .map_or(Ok(Vec::new()), |member| member.items())
    }

    /// Returns the text, or an error if this is not text.
    pub(super) fn text(&self) -> Result<&'a str> {
        match self.node {
            Node::Text(text) => Ok(text),
            _ => Err(self.expected("text")),
        }
    }

    /// Follows `$ref`. Returns this location if there is no `$ref`.
    pub(super) fn follow(&self) -> Result<At<'a>> {
        let mut place = self.clone();
        for _ in 0..MAX_HOPS {
            let Some(target) = place.node.get("$ref") else {
                return Ok(place);
            };
            let link = place.child("$ref", target);
            place = link.resolve()?;
        }
        Err(self.error("`$ref` refers to itself, directly or through others"))
    }

    fn resolve(&self) -> Result<At<'a>> {
        let target = self.text()?;
        let Some(path) = target.strip_prefix('#') else {
            return Err(self.error(format_args!(
                "`{target}` is in another file; only references that start with `#` are supported"
            )));
        };
        let mut place = At::root(self.description);
        for segment in path.split('/').skip(1) {
            let next = place.step(&pointer::segment(segment));
            place = next.ok_or_else(|| self.error(format_args!("`{target}` does not exist")))?;
        }
        Ok(place)
    }

    /// Returns the member or the item with this name.
    fn step(&self, name: &str) -> Option<At<'a>> {
        let node = match self.node {
            Node::List(items) => name.parse().ok().and_then(|at: usize| items.get(at)),
            node => node.get(name),
        };
        node.map(|node| self.child(name, node))
    }
}
