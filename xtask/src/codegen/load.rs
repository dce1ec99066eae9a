//! Reads a folder of descriptions and their patches.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use anyhow::{Context, Result, anyhow, bail};

use super::{
    config::Config,
    description::{Description, Pins},
    names,
    node::Node,
    patch::Patch,
    prepare,
};

const PATCH_ENDING: &str = ".patch";
const CONFIG_FILE: &str = "tables.toml";

/// A folder of descriptions.
#[derive(Debug)]
pub(super) struct Folder {
    /// The descriptions, sorted by file name.
    pub(super) descriptions: Vec<Description>,
    /// `tables.toml`, if it exists.
    pub(super) config: Option<Config>,
}

/// The contents of a folder, by file name without extension.
#[derive(Debug, Clone)]
pub(super) struct Texts {
    /// The descriptions.
    pub(super) files: BTreeMap<String, String>,
    /// The patches, by the name of their description.
    patches: BTreeMap<String, String>,
    /// `tables.toml`, if it exists.
    config: Option<String>,
}

/// Reads and prepares a folder.
pub(super) fn folder(path: &Path) -> Result<Folder> {
    texts(path)?.prepared()
}

/// Reads the files of a folder.
pub(super) fn texts(path: &Path) -> Result<Texts> {
    let mut files = json_files(path)?;
    let mut patches = BTreeMap::new();
    for name in files.keys().cloned().collect::<Vec<_>>() {
        if let Some(api) = name.strip_suffix(PATCH_ENDING) {
            patches.insert(api.to_owned(), files.remove(&name).unwrap_or_default());
        }
    }
    if let Some(api) = patches.keys().find(|&api| !files.contains_key(api)) {
        bail!("`{api}{PATCH_ENDING}.json` patches `{api}.json`, which does not exist");
    }
    if files.is_empty() {
        bail!("`{}` contains no API description", path.display());
    }
    Ok(Texts {
        files,
        patches,
        config: read_config(&path.join(CONFIG_FILE))?,
    })
}

impl Texts {
    /// Parses `tables.toml`, if it exists.
    pub(super) fn config(&self) -> Result<Option<Config>> {
        self.config.as_deref().map(config).transpose()
    }

    /// Parses and patches everything.
    pub(super) fn prepared(self) -> Result<Folder> {
        let config = self.config()?;
        self.parsed()?.prepared(config)
    }

    /// Parses the descriptions without patching them.
    pub(super) fn bare(mut self, config: Config) -> Result<Folder> {
        self.patches.clear();
        self.parsed()?.prepared(Some(config))
    }

    /// Parses the descriptions and their patches.
    pub(super) fn parsed(&self) -> Result<Parsed> {
        let mut modules = BTreeSet::new();
        let mut descriptions = Vec::new();
        for (api, text) in &self.files {
            let mut description = description(api.clone(), text)?;
            description.module = names::unique(&description.module, "_", &mut modules);
            descriptions.push(description);
        }
        let patches = self.patches.iter().map(|(api, text)| {
            let file = format!("{api}{PATCH_ENDING}.json");
            let patch = Patch::read(&parse(&file, text)?).with_context(|| format!("`{file}`"))?;
            Ok((api.clone(), patch))
        });
        Ok(Parsed {
            descriptions,
            patches: patches.collect::<Result<_>>()?,
        })
    }
}

/// Parses the text of `tables.toml`.
pub(super) fn config(text: &str) -> Result<Config> {
    Config::read(text).with_context(|| format!("cannot read `{CONFIG_FILE}`"))
}

/// The descriptions of a folder and their patches, which are not applied yet.
#[derive(Debug, Clone)]
pub(super) struct Parsed {
    descriptions: Vec<Description>,
    /// By the name of the description.
    patches: BTreeMap<String, Patch>,
}

impl Parsed {
    /// Applies the patches and `tables.toml`.
    pub(super) fn prepared(mut self, config: Option<Config>) -> Result<Folder> {
        let default = Config::default();
        prepare::prepare(
            &mut self.descriptions,
            &self.patches,
            config.as_ref().unwrap_or(&default),
        )?;
        Ok(Folder {
            descriptions: self.descriptions,
            config,
        })
    }
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
        let name =
            name.ok_or_else(|| anyhow!("the file name `{}` is not valid UTF-8", file.display()))?;
        let text = fs::read_to_string(&file)
            .with_context(|| format!("cannot read `{}`", file.display()))?;
        files.insert(name.to_owned(), text);
    }
    Ok(files)
}

fn read_config(file: &Path) -> Result<Option<String>> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(anyhow!(error).context(format!("cannot read `{}`", file.display()))),
    }
}

/// Parses a description.
fn description(api: String, text: &str) -> Result<Description> {
    let file = format!("{api}.json");
    let node = parse(&file, text)?;
    let module = names::module(&api);
    Ok(Description {
        file,
        api,
        module,
        patched: None,
        node,
        notes: Vec::new(),
        pins: Pins::default(),
        secrets: BTreeSet::new(),
    })
}

fn parse(file: &str, text: &str) -> Result<Node> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    serde_json::from_str(text).with_context(|| format!("`{file}` is not JSON"))
}
