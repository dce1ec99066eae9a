//! Where the file of a table goes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, Kind, Result};

/// How published files are arranged below the folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// Every snapshot is kept: `TABLE/snapshot=YYYYMMDDTHHMMSSZ/part-00000.EXTENSION`.
    Snapshots,
    /// The newest snapshot replaces the one before: `TABLE.EXTENSION`.
    Latest,
}

impl Layout {
    /// The path below the folder, with `/` on every system, as it stands in the manifest.
    pub(super) fn path(self, table: &str, snapshot: &str, extension: &str) -> String {
        match self {
            Self::Snapshots => format!("{table}/snapshot={snapshot}/part-00000.{extension}"),
            Self::Latest => format!("{table}.{extension}"),
        }
    }
}

/// Refuses a name that would not be one plain part of a path.
pub(super) fn check_name(what: &str, name: &str) -> Result<()> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    // A leading underscore is what our own folder has, and engines skip such names when they list a folder.
    if !name.is_empty() && !name.starts_with('_') && name.bytes().all(plain) {
        return Ok(());
    }
    let text = format!("the {what} `{name}` cannot be the name of a file");
    Err(Error::new(Kind::Internal, text))
}
