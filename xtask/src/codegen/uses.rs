//! Finds out which generated types hand-written code uses, to check the names under `[types]`.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use syn::{
    UseTree,
    visit::{self, Visit},
};

use super::{config::Config, names};

/// The module that hand-written code imports the types from.
const MODULE: [&str; 2] = ["generated", "types"];

/// Reads which types the code in this folder uses.
pub(super) fn of(code: &Path) -> Result<Used> {
    let mut used = Used::default();
    for file in sources(code)? {
        used.read(&file)?;
    }
    Ok(used)
}

/// Checks that the code uses every type under `[types]`.
///
/// A misspelled name would otherwise be noticed only when that code no longer compiles.
pub(super) fn check(config: &Config, used: &Used) -> Result<()> {
    let mut types = config.types.keys();
    if let Some(name) = types.find(|name| !used.0.contains(*name)) {
        let free = used
            .0
            .iter()
            .filter(|used| !config.types.contains_key(*used));
        let nearest = names::nearest(name, free.map(String::as_str));
        bail!(
            "`tables.toml`: type `{name}`: no hand-written code imports it from \
             `{}`; {nearest}; if no code needs it any more, delete the entry",
            MODULE.join("::")
        );
    }
    Ok(())
}

/// Returns the Rust files in this folder, apart from generated ones and build output.
fn sources(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        let cannot_read = || format!("cannot read `{}`", folder.display());
        for entry in fs::read_dir(&folder).with_context(cannot_read)? {
            let path = entry.with_context(cannot_read)?.path();
            let is_skipped = path.file_stem() == Some(OsStr::new(MODULE[0]));
            if is_skipped || path.join("CACHEDIR.TAG").exists() {
                continue;
            }
            if path.is_dir() {
                open.push(path);
            } else if path.extension() == Some(OsStr::new("rs")) {
                files.push(path);
            }
        }
    }
    Ok(files)
}

/// The names that code takes from the module.
#[derive(Debug, Default)]
pub(super) struct Used(BTreeSet<String>);

impl Used {
    fn read(&mut self, file: &Path) -> Result<()> {
        let text = fs::read_to_string(file)
            .with_context(|| format!("cannot read `{}`", file.display()))?;
        // Parsing all code takes seconds, and few files use these types.
        if MODULE.iter().all(|part| text.contains(part)) {
            let parsed = syn::parse_file(&text)
                .with_context(|| format!("cannot parse `{}`", file.display()))?;
            self.visit_file(&parsed);
        }
        Ok(())
    }

    /// Collects the names that a `use` takes from the module. `path` leads to this part of it.
    fn import(&mut self, tree: &UseTree, path: &mut Vec<String>) {
        match tree {
            UseTree::Path(part) => {
                path.push(part.ident.to_string());
                self.import(&part.tree, path);
                path.pop();
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.import(tree, path);
                }
            }
            UseTree::Name(name) => self.add(path, &name.ident),
            UseTree::Rename(rename) => self.add(path, &rename.ident),
            UseTree::Glob(_) => {}
        }
    }

    fn add(&mut self, path: &[String], name: &syn::Ident) {
        if path.ends_with(&MODULE.map(str::to_owned)) {
            self.0.insert(name.to_string());
        }
    }
}

impl<'ast> Visit<'ast> for Used {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.import(&item.tree, &mut Vec::new());
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> = path
            .segments
            .iter()
            .map(|segment| segment.ident.to_string())
            .collect();
        let modules = names.windows(MODULE.len() + 1);
        for found in modules.filter(|found| found[..MODULE.len()] == MODULE) {
            self.0.insert(found[MODULE.len()].clone());
        }
        visit::visit_path(self, path);
    }
}
