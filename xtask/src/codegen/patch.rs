//! Patch files: corrections to a description that are applied before it is read.

use anyhow::{Result, bail};

use super::node::Node;

/// A patch file's content.
#[derive(Debug)]
pub(super) struct Patch {
    /// Why the patch is needed. It appears in the report.
    pub(super) reason: String,
    /// The JSON merge patch.
    pub(super) patch: Node,
}

impl Patch {
    /// Reads the content of a patch file, which must contain a reason.
    pub(super) fn read(node: &Node) -> Result<Self> {
        let Node::Object(members) = node else {
            bail!("expected an object, found {}", node.kind());
        };
        if let Some((name, _)) = members
            .iter()
            .find(|(name, _)| name != "reason" && name != "patch")
        {
            bail!("unknown member `{name}`; a patch has `reason` and `patch`");
        }
        let reason = match node.get("reason") {
            Some(Node::Text(reason)) if !reason.trim().is_empty() => reason.trim().to_owned(),
            _ => bail!("no `reason`; a patch says in a sentence why it is needed"),
        };
        let Some(patch @ Node::Object(_)) = node.get("patch") else {
            bail!("no `patch`; it is a JSON merge patch (RFC 7386), an object");
        };
        let patch = patch.clone();
        Ok(Self { reason, patch })
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
