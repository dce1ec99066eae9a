//! Finds circles between the files of a crate.
//!
//! Two modules in one folder may not need each other, neither directly nor through others, with
//! everything below them counted as part of them. A file and the folder of its name are one module:
//! a parent that uses its children, and children that use their parent, are no circle.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use anyhow::{Context as _, Result};
use syn::{
    Attribute, Item, UseTree,
    visit::{self, Visit},
};

/// What the modules of one folder use: of each module the others, and a path that shows it.
type Uses = BTreeMap<Module, BTreeMap<Module, String>>;

/// The names of a module and of the modules around it, the outermost first. The root has none.
type Module = Vec<String>;

/// The modules of one crate.
#[derive(Default)]
struct Crate {
    modules: BTreeMap<Module, Source>,
}

/// What the check needs to know about one file.
#[derive(Default)]
struct Source {
    /// What each imported name stands for, from the root of the crate.
    imports: BTreeMap<String, Vec<String>>,
    /// The paths that the code mentions.
    paths: Vec<Vec<String>>,
}

/// Returns the circles between the files of the crate whose root is this file.
pub(super) fn circles(name: &str, root: &Path) -> Result<Vec<String>> {
    let mut found = Crate::default();
    found.read(root, &[])?;
    let breaches = found.circles();
    Ok(breaches
        .into_iter()
        .map(|circle| format!("{name}: modules in a circle: {circle}"))
        .collect())
}

impl Crate {
    /// Reads a file and the files of its child modules.
    fn read(&mut self, file: &Path, module: &[String]) -> Result<()> {
        let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
        let parsed = syn::parse_file(&text).with_context(|| file.display().to_string())?;
        let mut reading = FileReader {
            module: module.to_vec(),
            ..FileReader::default()
        };
        reading.visit_file(&parsed);
        self.modules.insert(module.to_vec(), reading.source);
        for child in reading.children {
            let folder = if module.is_empty() {
                file.with_file_name("")
            } else {
                file.with_extension("")
            };
            let mut inner = module.to_vec();
            inner.push(child.clone());
            self.read(&folder.join(format!("{child}.rs")), &inner)?;
        }
        Ok(())
    }

    /// The module that defines what a path names, if it is one of this crate.
    fn resolve(&self, from: &Module, path: &[String], depth: usize) -> Option<Module> {
        let (first, rest) = path.split_first()?;
        let mut at = match &**first {
            "crate" => Vec::new(),
            "self" => from.clone(),
            "super" => from[..from.len().checked_sub(1)?].to_vec(),
            child => {
                let mut inner = from.clone();
                inner.push(child.to_owned());
                self.modules.contains_key(&inner).then_some(inner)?
            }
        };
        let mut rest = rest;
        while let Some((next, after)) = rest.split_first() {
            if next == "super" {
                at.pop()?;
            } else {
                at.push(next.clone());
                if !self.modules.contains_key(&at) {
                    at.pop();
                    let imported = self.modules.get(&at)?.imports.get(next);
                    return match imported {
                        Some(path) if depth > 0 => self.resolve(&Vec::new(), path, depth - 1),
                        _ => Some(at),
                    };
                }
            }
            rest = after;
        }
        Some(at)
    }

    /// The circles, each as its modules in order.
    fn circles(&self) -> BTreeSet<String> {
        let mut uses: Uses = BTreeMap::new();
        for (module, source) in &self.modules {
            for path in &source.paths {
                let Some(target) = self.resolve(module, path, 8) else {
                    continue;
                };
                let shared = module
                    .iter()
                    .zip(&target)
                    .take_while(|(a, b)| a == b)
                    .count();
                if shared < module.len() && shared < target.len() {
                    let siblings = uses.entry(module[..=shared].to_vec()).or_default();
                    siblings
                        .entry(target[..=shared].to_vec())
                        .or_insert_with(|| path.join("::"));
                }
            }
        }
        uses.keys()
            .filter_map(|start| circle_from(start, &uses))
            .collect()
    }
}

/// The shortest way from a module back to itself, told from its first module in the alphabet.
fn circle_from(start: &Module, uses: &Uses) -> Option<String> {
    let mut ways = vec![vec![start]];
    let mut seen = BTreeSet::new();
    let mut at = 0;
    while let Some(way) = ways.get(at).cloned() {
        at += 1;
        let last = *way.last()?;
        for next in uses.get(last).into_iter().flat_map(BTreeMap::keys) {
            if next == start {
                let first = way.iter().enumerate().min_by_key(|(_, module)| **module)?.0;
                let ordered: Vec<_> = way[first..].iter().chain(&way[..first]).collect();
                let after = ordered.iter().cycle().skip(1);
                let steps = ordered.iter().zip(after).map(|(module, used)| {
                    format!("`{}` uses `{}`", module.join("::"), uses[**module][**used])
                });
                return Some(steps.collect::<Vec<_>>().join(", "));
            }
            if seen.insert(next) {
                let mut longer = way.clone();
                longer.push(next);
                ways.push(longer);
            }
        }
    }
    None
}

/// Collects what one file imports, mentions and contains.
#[derive(Default)]
struct FileReader {
    module: Module,
    source: Source,
    children: Vec<String>,
}

impl FileReader {
    fn import(&mut self, tree: &UseTree, before: &[String]) {
        let mut path = before.to_vec();
        match tree {
            UseTree::Path(tree) => {
                path.push(tree.ident.to_string());
                self.import(&tree.tree, &path);
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.import(tree, before);
                }
            }
            UseTree::Name(name) if name.ident == "self" => {
                if let Some(name) = before.last().cloned() {
                    self.bind(name, path);
                }
            }
            UseTree::Name(name) => {
                path.push(name.ident.to_string());
                self.bind(name.ident.to_string(), path);
            }
            UseTree::Rename(rename) => {
                if rename.ident != "self" {
                    path.push(rename.ident.to_string());
                }
                self.bind(rename.rename.to_string(), path);
            }
            UseTree::Glob(_) => self.source.paths.push(path),
        }
    }

    fn bind(&mut self, name: String, path: Vec<String>) {
        // From the root of the crate, so that other files can follow the import.
        let mut absolute = vec!["crate".to_owned()];
        match path.first().map(String::as_str) {
            Some("crate") => absolute.clone_from(&path),
            Some("self") => {
                absolute.extend(self.module.clone());
                absolute.extend_from_slice(&path[1..]);
            }
            _ => {
                absolute.extend(self.module.clone());
                absolute.extend(path.clone());
            }
        }
        self.source.paths.push(path);
        self.source.imports.insert(name, absolute);
    }
}

impl<'ast> Visit<'ast> for FileReader {
    fn visit_item(&mut self, item: &'ast Item) {
        match item {
            Item::Use(item) => self.import(&item.tree, &[]),
            Item::Mod(module) if is_test(&module.attrs) => {}
            Item::Mod(module) if module.content.is_none() => {
                self.children.push(module.ident.to_string());
            }
            _ => visit::visit_item(self, item),
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = path.segments.iter();
        self.source
            .paths
            .push(segments.map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }
}

/// Whether an item is compiled for tests only.
fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute
                .parse_args::<syn::Path>()
                .is_ok_and(|path| path.is_ident("test"))
    })
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn circles_of(files: &[(&str, &str)]) -> Vec<String> {
        let folder = TempDir::new().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        circles("x", &folder.path().join("lib.rs")).unwrap()
    }

    #[test]
    fn two_files_that_need_each_other_are_a_circle() {
        let lib = ("lib.rs", "mod a; mod b; pub use a::A;");
        let a = ("a.rs", "pub struct A(crate::b::B);");
        for (b, used) in [
            ("use crate::a;", "crate::a"),
            ("use crate::A;", "crate::A"),
            ("pub struct B; impl B { fn f(_: super::A) {} }", "super::A"),
        ] {
            assert_eq!(
                circles_of(&[lib, a, ("b.rs", b)]),
                [format!(
                    "x: modules in a circle: `a` uses `crate::b::B`, `b` uses `{used}`"
                )],
            );
        }
        assert!(circles_of(&[lib, a, ("b.rs", "pub struct B;")]).is_empty());
    }

    #[test]
    fn a_circle_may_be_long_and_run_through_children() {
        let found = circles_of(&[
            ("lib.rs", "mod a; mod b; mod c;"),
            ("a.rs", "mod inner;"),
            ("a/inner.rs", "use super::super::b::B;"),
            ("b.rs", "pub struct B; fn f() { crate::c::f() }"),
            ("c.rs", "use crate::a as first; pub fn f() {}"),
        ]);
        assert_eq!(
            found,
            [
                "x: modules in a circle: `a` uses `super::super::b::B`, `b` uses `crate::c::f`, `c` \
              uses `crate::a`"
            ]
        );
    }

    #[test]
    fn parents_and_tests_are_no_circle() {
        let found = circles_of(&[
            ("lib.rs", "mod a; mod b; fn f() { a::f() }"),
            (
                "a.rs",
                "mod inner; #[cfg(test)] mod tests { use crate::b; } pub fn f() { inner::g() }",
            ),
            ("a/inner.rs", "pub fn g() { super::f() }"),
            ("b.rs", "use crate::a; use std::fmt;"),
        ]);
        assert!(found.is_empty(), "{found:?}");
    }
}
