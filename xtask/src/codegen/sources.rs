//! The operations of all descriptions, with names that are unique over all of them.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::{
    config::Config,
    description::Description,
    names,
    notes::Notes,
    operations::{self, Operation},
    place::Named,
};

/// A description and its operations.
pub(super) struct Source<'a> {
    /// The description.
    pub(super) description: &'a Description,
    /// Its operations, in its order.
    pub(super) operations: Vec<Operation<'a>>,
    /// The operations' names.
    pub(super) ids: Vec<String>,
    /// What could not be carried over.
    pub(super) notes: Notes,
}

impl<'a> Source<'a> {
    /// Returns the operations with their names.
    pub(super) fn named(&self) -> Vec<Named<'_, 'a>> {
        let ids = self.ids.iter().map(String::as_str);
        ids.zip(&self.operations).collect()
    }
}

/// Reads the operations of all descriptions.
pub(super) fn read<'a>(
    descriptions: &'a [Description],
    config: &Config,
) -> Result<Vec<Source<'a>>> {
    let mut sources = Vec::new();
    for description in descriptions {
        let notes = Notes::default();
        sources.push(Source {
            description,
            operations: operations::read(description, config, &notes)?,
            ids: Vec::new(),
            notes,
        });
    }
    add_methods(&mut sources);
    respell(&mut sources, config);
    let ids = ids(&sources);
    for (source, ids) in sources.iter_mut().zip(ids) {
        source.ids = ids;
    }
    Ok(sources)
}

/// Adds the method to the names of operations whose path has several.
///
/// The read operation of a path is named after the path alone, so that `pets` and `pets:post` differ.
/// Some descriptions list what gateways answer themselves; that does not rename the others.
fn add_methods(sources: &mut [Source<'_>]) {
    let is_own = |method: &str| !["HEAD", "OPTIONS", "TRACE"].contains(&method);
    let mut methods: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    // The operations of a path may be in different files.
    for operation in sources.iter().flat_map(|source| &source.operations) {
        let all = methods.entry(operation.path.clone()).or_default();
        all.insert(operation.method.clone());
    }
    for operation in sources.iter_mut().flat_map(|source| &mut source.operations) {
        let all = &methods[&operation.path];
        let own = all.iter().filter(|method| is_own(method)).count();
        let is_alone = all.len() == 1 || (own == 1 && is_own(&operation.method));
        if operation.method != "GET" && !is_alone {
            let suffix = format!(":{}", operation.method.to_ascii_lowercase());
            operation.id.push_str(&suffix);
            operation.long_id.push_str(&suffix);
        }
    }
}

/// Spells the names of operations as in `tables.toml`, because editions differ in case.
///
/// A name stays as it is if another operation has the wanted spelling, or if several differ from it
/// only in case. Then `tables.toml` has to name them exactly.
fn respell(sources: &mut [Source<'_>], config: &Config) {
    let names: [for<'o, 'a> fn(&'o mut Operation<'a>) -> &'o mut String; 2] = [
        |operation| &mut operation.id,
        |operation| &mut operation.long_id,
    ];
    for wanted in config.operations() {
        for name in names {
            let all = sources.iter_mut().flat_map(|source| &mut source.operations);
            let alike = all
                .map(name)
                .filter(|name| name.eq_ignore_ascii_case(wanted));
            if let [only] = alike.collect::<Vec<_>>().as_mut_slice() {
                wanted.clone_into(only);
            }
        }
    }
}

/// Returns the names of the operations, unique over all descriptions.
///
/// If two operations have the same name, both get a name from their whole path. If that is still
/// ambiguous, both get the module name in front. So no name depends on the order of the files. A
/// description whose paths differ only in their last slash gets numbers behind the names.
fn ids(sources: &[Source<'_>]) -> Vec<Vec<String>> {
    let count = |name: &dyn Fn(&Source<'_>, &Operation<'_>) -> String| {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for source in sources {
            for operation in &source.operations {
                *counts.entry(name(source, operation)).or_default() += 1;
            }
        }
        counts
    };
    let short = count(&|_, operation| operation.id.clone());
    let long = count(&|_, operation| operation.long_id.clone());
    let unique = |source: &Source<'_>, operation: &Operation<'_>| {
        if short[&operation.id] == 1 {
            operation.id.clone()
        } else if long[&operation.long_id] == 1
            // If several operations want a short name, none of them gets it.
            && short.get(&operation.long_id).is_none_or(|&count| count > 1)
        {
            operation.long_id.clone()
        } else {
            format!("{}/{}", source.description.module, operation.long_id)
        }
    };
    let mut taken = BTreeSet::new();
    let per_source = sources.iter().map(|source| {
        let operations = source.operations.iter();
        operations
            .map(|operation| names::unique(&unique(source, operation), "_", &mut taken))
            .collect()
    });
    per_source.collect()
}
