//! Patch files: corrections to a description that are applied before it is read.

use std::collections::BTreeSet;

use anyhow::{Context, Result, anyhow, bail};

use super::{
    names,
    node::Node,
    notes::Notes,
    place::{Named, Place},
};

/// The content of a patch file.
#[derive(Debug, Clone)]
pub(super) struct Patch {
    /// Why the patch is needed. It appears in the report.
    pub(super) reason: String,
    /// The changes, in order.
    changes: Vec<Change>,
}

/// A single change.
#[derive(Debug, Clone)]
struct Change {
    /// The place to change; `None` for the description as a whole.
    at: Option<Place>,
    action: Action,
}

/// What to do with the value at a place.
#[derive(Debug, Clone)]
enum Action {
    /// Apply a JSON merge patch (RFC 7386).
    Merge(Node),
    /// Replace the schema.
    Replace(Node),
    /// Add a property that some editions lack. Nothing happens if it exists.
    Add(Node),
    /// Remove the property.
    Remove,
}

const ACTIONS: [&str; 4] = ["merge", "replace", "add", "remove"];

/// A change of a single value in a description.
#[derive(Debug)]
pub(super) struct Edit {
    /// The place as it is written in the patch file.
    place: String,
    /// The JSON pointer of the value, or of the containing schema for an added property.
    pointer: String,
    kind: EditKind,
}

#[derive(Debug)]
enum EditKind {
    Merge(Node),
    Replace(Node),
    /// The name and schema of the property.
    Add(String, Node),
    /// The name of the property.
    Remove(String),
}

impl Patch {
    /// Reads the content of a patch file, which must contain a reason.
    pub(super) fn read(node: &Node) -> Result<Self> {
        let Node::Object(members) = node else {
            bail!("expected an object, found {}", node.kind());
        };
        let mut names = members.iter().map(|(name, _)| name.as_str());
        if let Some(name) = names.find(|name| !["reason", "changes"].contains(name)) {
            bail!("unknown member `{name}`; a patch consists of `reason` and `changes`");
        }
        let reason = match node.get("reason") {
            Some(Node::Text(reason)) if !reason.trim().is_empty() => reason.trim().to_owned(),
            _ => bail!("no `reason`; explain in a sentence why the patch is needed"),
        };
        let changes = match node.get("changes") {
            Some(Node::List(changes)) if !changes.is_empty() => changes,
            _ => bail!("no `changes`; add a list of objects with `at` and an action"),
        };
        let changes = changes.iter().enumerate().map(|(position, change)| {
            Change::read(change).with_context(|| format!("change {}", position + 1))
        });
        Ok(Self {
            reason,
            changes: changes.collect::<Result<_>>()?,
        })
    }

    /// Applies the changes to the description as a whole, for example to its servers.
    pub(super) fn apply_to_whole(&self, description: &mut Node) -> Result<()> {
        for change in self.changes.iter().filter(|change| change.at.is_none()) {
            let Action::Merge(patch) = &change.action else {
                bail!("a change without `at` must be a `merge`");
            };
            let before = description.clone();
            merge(description, patch);
            // A patch without effect usually means that the vendor has corrected the description.
            // It is an error so that obsolete patches don't pile up.
            if *description == before {
                bail!("a change of the whole description has no effect; {REMEDY}");
            }
        }
        Ok(())
    }

    /// Finds where the other changes apply. `said` collects additions that are no longer necessary.
    pub(super) fn edits(&self, operations: &[Named<'_, '_>], said: &Notes) -> Result<Vec<Edit>> {
        // Problems of the schemas are reported when the patched description is read, so these notes
        // are dropped.
        let reading = Notes::default();
        let mut edits = Vec::new();
        for change in &self.changes {
            let Some(place) = &change.at else { continue };
            let found = change.action.edits(place, operations, &reading)?;
            if found.is_empty() {
                said.add_at(
                    place.text(),
                    "the patch adds what this edition has already, and can go",
                );
            }
            edits.extend(found);
        }
        Ok(edits)
    }
}

/// What to do about a change without effect.
const REMEDY: &str = "if this edition no longer needs it, delete the change";

impl Change {
    fn read(node: &Node) -> Result<Self> {
        let Node::Object(members) = node else {
            bail!("expected an object, found {}", node.kind());
        };
        let at = match node.get("at") {
            None => None,
            Some(Node::Text(text)) => Some(Place::parse(text)?),
            Some(other) => bail!("`at` must be a text, not {}", other.kind()),
        };
        let mut actions = members.iter().filter(|(name, _)| name != "at");
        let Some((name, value)) = actions.next() else {
            bail!("no action; use one of `merge`, `replace`, `add`, `remove`");
        };
        if let Some((other, _)) = actions.next() {
            bail!("`{name}` and `{other}` are two actions; write them as two changes");
        }
        let action = match (name.as_str(), value) {
            ("merge", Node::Object(_)) => Action::Merge(value.clone()),
            ("replace", Node::Object(_)) => Action::Replace(value.clone()),
            ("add", Node::Object(_)) => Action::Add(value.clone()),
            ("remove", Node::Bool(true)) => Action::Remove,
            ("remove", _) => bail!("`remove` must be `true`"),
            (name, value) if ACTIONS.contains(&name) => {
                bail!("`{name}` must be an object, not {}", value.kind())
            }
            (name, _) => bail!("unknown action `{name}`; {}", names::nearest(name, ACTIONS)),
        };
        if at.as_ref().is_some_and(Place::is_operation) && !matches!(action, Action::Merge(_)) {
            bail!("an operation as a whole can only be changed with `merge`");
        }
        Ok(Self { at, action })
    }
}

impl Action {
    fn edits(
        &self,
        place: &Place,
        operations: &[Named<'_, '_>],
        notes: &Notes,
    ) -> Result<Vec<Edit>> {
        let property = place.split();
        let name = property.as_ref().map_or("", |(_, name)| *name);
        let pointers: Vec<String> = match self {
            Self::Merge(_) | Self::Replace(_) => {
                let found = place.find(operations, notes)?;
                found.iter().map(|at| at.pointer().to_owned()).collect()
            }
            Self::Add(_) => {
                let (around, name) = property
                    .as_ref()
                    .ok_or_else(|| anyhow!("`{}` does not name a property", place.text()))?;
                let schemas = around.schemas(operations, notes)?;
                // Schemas that already have the property need no addition.
                let lacking = schemas
                    .iter()
                    .filter(|schema| schema.property(name).is_none());
                lacking
                    .map(|schema| schema.at.pointer().to_owned())
                    .collect()
            }
            Self::Remove => {
                // A property is under the `properties` of its schema.
                let found = place.find(operations, notes)?;
                let around = found.iter().filter_map(|at| at.pointer().rsplit_once('/'));
                around.map(|(around, _)| around.to_owned()).collect()
            }
        };
        // Several operations may share one schema, which must be edited only once.
        let pointers: BTreeSet<String> = pointers.into_iter().collect();
        let edits = pointers.into_iter().map(|pointer| Edit {
            // All edits are computed before any is applied, so they don't depend on each other's
            // order.
            place: place.text().to_owned(),
            pointer,
            kind: self.kind(name),
        });
        Ok(edits.collect())
    }

    fn kind(&self, name: &str) -> EditKind {
        match self {
            Self::Merge(patch) => EditKind::Merge(patch.clone()),
            Self::Replace(schema) => EditKind::Replace(schema.clone()),
            Self::Add(schema) => EditKind::Add(name.to_owned(), schema.clone()),
            Self::Remove => EditKind::Remove(name.to_owned()),
        }
    }
}

impl Edit {
    /// Applies the change to the description.
    ///
    /// # Errors
    ///
    /// Fails if the change has no effect.
    pub(super) fn apply(self, description: &mut Node) -> Result<()> {
        let target = description
            .at_mut(&self.pointer)
            .ok_or_else(|| anyhow!("`{}`: an earlier change removed this place", self.place))?;
        let before = target.clone();
        match self.kind {
            EditKind::Merge(patch) => merge(target, &patch),
            EditKind::Replace(schema) => *target = schema,
            EditKind::Add(name, schema) => {
                let patch = Node::Object(vec![(name, schema)]);
                merge(
                    target,
                    &Node::Object(vec![("properties".to_owned(), patch)]),
                );
            }
            EditKind::Remove(name) => {
                merge(target, &Node::Object(vec![(name, Node::Null)]));
            }
        }
        if *target == before {
            bail!("`{}`: the change has no effect; {REMEDY}", self.place);
        }
        Ok(())
    }
}

/// Applies a JSON merge patch (RFC 7386).
///
/// Replaced members keep their position, so a patch does not reorder columns.
pub(super) fn merge(target: &mut Node, patch: &Node) {
    let Node::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !matches!(target, Node::Object(_)) {
        *target = Node::Object(Vec::new());
    }
    let Node::Object(members) = target else {
        return;
    };
    for (name, change) in changes {
        if *change == Node::Null {
            members.retain(|(key, _)| key != name);
        // If a name occurs twice, the last one counts, as in JSON parsers.
        } else if let Some((_, value)) = members.iter_mut().rev().find(|(key, _)| key == name) {
            merge(value, change);
        } else {
            let mut value = Node::Null;
            merge(&mut value, change);
            members.push((name.clone(), value));
        }
    }
}
