//! `cargo xtask codegen`: generates types, endpoints, tables and layouts from API descriptions.
//!
//! Each step has its own file: `load` reads a folder and its patches, `operations` and `schema`
//! read descriptions of any dialect, `lower` converts them to Rust types, `places` and `rows` build
//! tables as configured in `tables.toml` (`config`), and the printers write the result. The output
//! depends only on the folder.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

mod api;
mod at;
mod calls;
mod catalogue;
mod check;
mod columns;
mod config;
mod content;
mod description;
mod diff;
mod equal;
mod generate;
mod integers;
mod keywords;
mod load;
mod lower;
mod names;
mod node;
mod notes;
mod operations;
mod parameters;
mod patch;
mod pinned;
mod place;
mod places;
mod pointer;
mod prepare;
mod print;
mod print_index;
mod print_tables;
mod print_types;
mod report;
mod rows;
mod schema;
mod secrets;
mod share;
mod sources;
mod spelling;
mod tables;
mod types;
mod unshare;
mod uses;

#[cfg(test)]
mod tests;

/// Generates the models from the API descriptions.
///
/// Writes `generated.rs`, a parent module, and next to it the folder `generated/` with a module for
/// each description, the catalogue and the report. The generated code depends on the crates
/// fortilake-models, serde (with derive) and `serde_json`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Change nothing; fail if a generated file is not up to date.
    #[arg(long)]
    pub check: bool,
    /// The folder with the descriptions, their patches and, optionally, `tables.toml`.
    #[arg(long, value_name = "DIR")]
    pub from: Option<PathBuf>,
    /// The folder for `generated.rs` and `generated/`.
    #[arg(long, value_name = "DIR", requires = "from")]
    pub to: Option<PathBuf>,
    /// Change nothing; print what changed between two folders of descriptions, or between two
    /// editions of one description.
    ///
    /// Folders are compared with their own patches and `tables.toml`. Two files are compared with
    /// the patches and the `tables.toml` of `--from`, and OLD must have the same file name as
    /// there.
    #[arg(long, num_args = 2, value_names = ["OLD", "NEW"], conflicts_with_all = ["check", "to"])]
    pub diff: Vec<PathBuf>,
}

impl Args {
    /// Runs the command.
    pub fn run(&self) -> Result<()> {
        let root = crate::root();
        let from = self.from.clone();
        let from = from.unwrap_or_else(|| root.join("fixtures/apireference"));
        if let [old, new] = self.diff.as_slice() {
            let mut out = std::io::stdout().lock();
            return Ok(out.write_all(diff(old, new, &from)?.as_bytes())?);
        }
        if self.from.is_some() && self.to.is_none() {
            bail!("`--from` requires `--to`, except with `--diff`");
        }
        let to = self.to.clone();
        let to = to.unwrap_or_else(|| root.join("crates/models/src"));
        // Other descriptions than ours are for code that is not in this repository.
        let output = match self.from {
            None => Output::for_code(&from, &root.join("crates"))?,
            Some(_) => Output::generate(&from)?,
        };
        if self.check {
            output.check(&to)
        } else {
            output.write(&to)
        }
    }
}

/// Returns the changes between two editions as Markdown. The editions are folders, or files whose
/// patches and `tables.toml` are in `beside`.
pub fn diff(old: &Path, new: &Path, beside: &Path) -> Result<String> {
    diff::compare(old, new, beside)
}

/// The generated files: content by path, relative to the target folder.
#[derive(Debug)]
pub struct Output(BTreeMap<String, String>);

impl Output {
    /// Generates the files from a folder of descriptions.
    pub fn generate(from: &Path) -> Result<Self> {
        generate::files(&load::folder(from)?).map(Self)
    }

    /// Generates the files like [`Output::generate`], and checks that the Rust code in another folder
    /// uses all types under `[types]` in `tables.toml`.
    pub fn for_code(from: &Path, code: &Path) -> Result<Self> {
        let texts = load::texts(from)?;
        if let Some(config) = texts.config()? {
            uses::check(&config, &uses::of(code)?)?;
        }
        generate::files(&texts.prepared()?).map(Self)
    }

    /// Returns the content of a file.
    pub fn file(&self, path: &str) -> Option<&str> {
        self.0.get(path).map(String::as_str)
    }

    /// Iterates over all files as path and content.
    pub fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(path, content)| (path.as_str(), content.as_str()))
    }

    /// Writes the files that differ, and removes generated modules whose descriptions no longer
    /// exist.
    pub fn write(&self, to: &Path) -> Result<()> {
        for (path, content) in &self.0 {
            let file = to.join(path);
            if fs::read_to_string(&file).is_ok_and(|old| old == *content) {
                continue;
            }
            let folder = file.parent().unwrap_or(to);
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot create `{}`", folder.display()))?;
            fs::write(&file, content)
                .with_context(|| format!("cannot write `{}`", file.display()))?;
        }
        for file in self.stale(to)? {
            fs::remove_file(&file)
                .with_context(|| format!("cannot remove `{}`", file.display()))?;
        }
        Ok(())
    }

    /// Fails if a file in the folder is not up to date.
    pub fn check(&self, to: &Path) -> Result<()> {
        for (path, content) in &self.0 {
            let file = to.join(path);
            if !fs::read_to_string(&file).is_ok_and(|old| old == *content) {
                bail!("`{path}` is out of date; run `cargo xtask codegen`");
            }
        }
        if let Some(file) = self.stale(to)?.first() {
            let file = file.strip_prefix(to).unwrap_or(file).display();
            bail!("`{file}` is no longer generated; run `cargo xtask codegen` to remove it");
        }
        Ok(())
    }

    /// Returns the modules in the target folder that an earlier run wrote and this one does not.
    fn stale(&self, to: &Path) -> Result<Vec<PathBuf>> {
        let folder = to.join("generated");
        let Ok(entries) = fs::read_dir(&folder) else {
            return Ok(Vec::new());
        };
        let mut stale = Vec::new();
        for entry in entries {
            let file = entry
                .with_context(|| format!("cannot read `{}`", folder.display()))?
                .path();
            let name = file.file_name().and_then(|name| name.to_str());
            let known = name.is_some_and(|name| self.0.contains_key(&format!("generated/{name}")));
            // Files that the generator did not write are left alone.
            let ours = fs::read_to_string(&file)
                .is_ok_and(|text| text.starts_with(&format!("//! {}", print::MARK)));
            if ours && !known {
                stale.push(file);
            }
        }
        stale.sort();
        Ok(stale)
    }
}
