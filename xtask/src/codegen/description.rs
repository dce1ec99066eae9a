//! One API description, as all later steps see it.

use std::collections::BTreeMap;

use super::node::Node;

/// A description, with its patch already applied.
#[derive(Debug)]
pub(super) struct Description {
    /// The file name.
    pub(super) file: String,
    /// The file name without its extension.
    pub(super) api: String,
    /// The name of the Rust module that is generated from it.
    pub(super) module: String,
    /// Why it was patched; `None` if it was not.
    pub(super) patched: Option<String>,
    /// The content of the description.
    pub(super) node: Node,
    /// What preparation has to report: place and text.
    pub(super) notes: Vec<(String, String)>,
    /// The types whose names are set in `tables.toml`.
    pub(super) pins: Pins,
}

/// The types of one description whose names are set in `tables.toml`.
#[derive(Debug, Default)]
pub(super) struct Pins {
    /// The name of the type, by the pointer of its schema.
    pub(super) names: BTreeMap<String, String>,
    /// The fields that the type is limited to, by the pointer of its schema.
    pub(super) fields: BTreeMap<String, Vec<String>>,
    /// The pointer of the schema that defines the type, by the pointer of an equal schema.
    pub(super) copies: BTreeMap<String, String>,
}
