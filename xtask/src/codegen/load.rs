//! Reads a folder of descriptions and their patches.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result, anyhow, bail};

use super::{
    config::Config,
    names,
    node::Node,
    patch::{self, Patch},
};

const PATCH_ENDING: &str = ".patch";
const CONFIG_FILE: &str = "tables.toml";

/// One description, with its patch already applied.
#[derive(Debug)]
pub(super) struct Description {
    /// The file's name.
    pub(super) file: String,
    /// The file's name without its ending.
    pub(super) api: String,
    /// The Rust module made from it.
    pub(super) module: String,
    /// Why it was patched, if it was.
    pub(super) patched: Option<String>,
    /// The content.
    pub(super) node: Node,
}

/// A folder of descriptions.
#[derive(Debug)]
pub(super) struct Folder {
    /// The descriptions, sorted by file name.
    pub(super) descriptions: Vec<Description>,
    /// `tables.toml`, if it exists.
    pub(super) config: Option<Config>,
}

/// Reads all of a folder.
pub(super) fn folder(path: &Path) -> Result<Folder> {
    let mut files = json_files(path)?;
    let mut patches = BTreeMap::new();
    for name in files.keys().cloned().collect::<Vec<_>>() {
        if let Some(api) = name.strip_suffix(PATCH_ENDING) {
            patches.insert(api.to_owned(), files.remove(&name).unwrap_or_default());
        }
    }
    if let Some(api) = patches.keys().find(|&api| !files.contains_key(api)) {
        bail!("`{api}{PATCH_ENDING}.json` has no `{api}.json` beside it");
    }
    if files.is_empty() {
        bail!("`{}` holds no description", path.display());
    }
    let mut modules = std::collections::BTreeSet::new();
    let mut descriptions = Vec::new();
    for (api, text) in files {
        let mut description = description(api.clone(), &text, patches.remove(&api).as_deref())?;
        description.module = names::unique(&description.module, "_", &mut modules);
        descriptions.push(description);
    }
    let config = read_config(&path.join(CONFIG_FILE))?;
    Ok(Folder {
        descriptions,
        config,
    })
}

/// Returns the JSON files of a folder, by file name without extension.
fn json_files(path: &Path) -> Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    let entries =
        fs::read_dir(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    for entry in entries {
        let file = entry
            .with_context(|| format!("cannot read `{}`", path.display()))?
            .path();
        if file.extension().is_none_or(|ending| ending != "json") {
            continue;
        }
        let name = file.file_stem().and_then(|stem| stem.to_str());
        let name = name.ok_or_else(|| anyhow!("`{}` is not a UTF-8 name", file.display()))?;
        let text = fs::read_to_string(&file)
            .with_context(|| format!("cannot read `{}`", file.display()))?;
        files.insert(name.to_owned(), text);
    }
    Ok(files)
}

fn read_config(file: &Path) -> Result<Option<Config>> {
    match fs::read_to_string(file) {
        Ok(text) => Config::read(&text)
            .with_context(|| format!("cannot read `{CONFIG_FILE}`"))
            .map(Some),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(anyhow!(error).context(format!("cannot read `{}`", file.display()))),
    }
}

/// Parses a description and applies its patch.
pub(super) fn description(api: String, text: &str, patch: Option<&str>) -> Result<Description> {
    let file = format!("{api}.json");
    let mut node = parse(&file, text)?;
    let mut patched = None;
    if let Some(text) = patch {
        let file = format!("{api}{PATCH_ENDING}.json");
        let patch = Patch::read(&parse(&file, text)?).with_context(|| format!("`{file}`"))?;
        patch::merge(&mut node, &patch.patch);
        patched = Some(patch.reason);
    }
    let module = names::module(&api);
    Ok(Description {
        file,
        api,
        module,
        patched,
        node,
    })
}

fn parse(file: &str, text: &str) -> Result<Node> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    serde_json::from_str(text).with_context(|| format!("`{file}` is not JSON"))
}
