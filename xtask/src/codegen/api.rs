//! What is generated from one description, before it is printed.

use std::collections::BTreeSet;

use super::{
    description::Description,
    tables::{Layout, Table},
    types::{Call, Definition},
};

/// Everything that is generated from one description.
#[derive(Debug)]
pub(super) struct Api<'a> {
    /// The description.
    pub(super) description: &'a Description,
    /// Its operations with the names of their types.
    pub(super) calls: Vec<Call>,
    /// The definitions of its types.
    pub(super) definitions: Vec<Definition>,
    /// For each operation, the layout of its response, if it has tables.
    pub(super) layouts: Vec<Option<Layout>>,
    /// All tables, parents first.
    pub(super) tables: Vec<Table>,
    /// What could not be carried over, by place.
    pub(super) notes: BTreeSet<(String, String)>,
}
