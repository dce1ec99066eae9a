//! One API description, as all later steps see it.

use std::collections::{BTreeMap, BTreeSet};

use super::node::Node;

/// A description, with its patch already applied.
#[derive(Debug, Clone)]
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
    /// The pointers of fields that are secret according to `tables.toml`, whatever their format.
    pub(super) secrets: BTreeSet<String>,
}

/// The types of one description whose names are set in `tables.toml`.
#[derive(Debug, Clone, Default)]
pub(super) struct Pins {
    /// The name of the type, by the pointer of its schema.
    pub(super) names: BTreeMap<String, String>,
    /// What hand-written code relies on, by the pointer of the schema.
    pub(super) forms: BTreeMap<String, Form>,
    /// The pointer of the schema that defines the type, by the pointer of an equal schema.
    pub(super) copies: BTreeMap<String, String>,
}

/// What hand-written code relies on in a schema. It applies whenever the schema is read, whatever
/// the edition says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Form {
    /// The code constructs objects.
    Object {
        /// All fields of the type, in order.
        fields: Vec<String>,
        /// The fields that must be set.
        required: Vec<String>,
        /// The fields for which null differs from absent.
        nullable: Vec<String>,
    },
    /// The code sends these texts or compares with them.
    Values(Vec<String>),
}
