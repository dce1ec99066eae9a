//! The sink's options. Their doc comments are shown by `fortilake sinks`.

use std::path::{Path, PathBuf};

use fortilake_sink::files::Layout;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Options of the `ndjson` sink.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The folder to publish into, created if it does not exist, or `-` for standard output.
    pub(crate) path: PathBuf,
    /// `snapshots` keeps every snapshot in its own folders; `latest` replaces the previous files. Ignored for `-`.
    #[serde(default = "default_layout")]
    pub(crate) layout: Layout,
    /// The tables that are written, as a list or with commas between; all if it is empty.
    #[serde(default)]
    pub(crate) tables: Tables,
}

impl Config {
    pub(crate) fn is_pipe(&self) -> bool {
        self.path == Path::new("-")
    }
}

/// Names of tables.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Tables {
    Line(String),
    List(Vec<String>),
}

impl Default for Tables {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

impl Tables {
    pub(crate) fn into_list(self) -> Vec<String> {
        match self {
            Self::List(names) => names,
            Self::Line(names) => {
                let names = names.split(',').map(str::trim);
                names
                    .filter(|name| !name.is_empty())
                    .map(str::to_owned)
                    .collect()
            }
        }
    }
}

fn default_layout() -> Layout {
    Layout::Latest
}
