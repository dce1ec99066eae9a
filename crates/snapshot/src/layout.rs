//! The paths of a snapshot's files in each layout.

use std::fmt;

use fortilake_sink::{Error, Kind, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Our own folder in a place. Query engines that read whole folders skip names with a leading underscore.
pub(crate) const OWN: &str = "_fortilake";

/// The pointer of the layout `snapshots`.
pub(crate) const LATEST_JSON: &str = "_fortilake/latest.json";

/// The pointer of the layout `latest`: a symbolic link to the folder of the current version.
pub(crate) const CURRENT: &str = "_fortilake/current";

/// The pointer of the layout `latest` on file systems without symbolic links.
pub(crate) const CURRENT_JSON: &str = "_fortilake/current.json";

/// How published files are arranged in a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// Every snapshot is kept: `TABLE/snapshot=YYYYMMDDTHHMMSSZ/part-TOKEN.EXTENSION`.
    Snapshots,
    /// The newest snapshot replaces the previous one: `TABLE.EXTENSION`.
    Latest,
}

impl Layout {
    /// Both layouts, for callers that look at everything in a place.
    pub const ALL: [Self; 2] = [Self::Snapshots, Self::Latest];

    /// The name in configurations and manifests.
    pub fn name(self) -> &'static str {
        match self {
            Self::Snapshots => "snapshots",
            Self::Latest => "latest",
        }
    }

    /// The folder of the claims on names.
    pub(crate) fn claims(self) -> &'static str {
        match self {
            Self::Snapshots => "_fortilake/claims/snapshots",
            Self::Latest => "_fortilake/claims/latest",
        }
    }

    /// The folder of the manifests.
    pub(crate) fn manifests(self) -> &'static str {
        match self {
            Self::Snapshots => "_fortilake/snapshots",
            Self::Latest => "_fortilake/versions",
        }
    }

    pub(crate) fn claim(self, name: &str) -> String {
        format!("{}/{name}.json", self.claims())
    }

    pub(crate) fn manifest(self, name: &str) -> String {
        format!("{}/{name}.json", self.manifests())
    }

    /// The path of a table's file relative to the place, as the manifest names it.
    pub(crate) fn file(self, table: &str, name: &str, token: &str, extension: &str) -> String {
        match self {
            Self::Snapshots => format!("{table}/snapshot={name}/part-{token}.{extension}"),
            Self::Latest => format!("{}/{table}.{extension}", version(name, token)),
        }
    }

    /// The folders that hold the files of the snapshot `name` with these tables.
    pub(crate) fn folders<'a>(
        self,
        name: &str,
        tables: impl IntoIterator<Item = &'a str>,
    ) -> Vec<String> {
        match self {
            Self::Snapshots => {
                let tables = tables.into_iter();
                tables
                    .map(|table| format!("{table}/snapshot={name}"))
                    .collect()
            }
            Self::Latest => vec![self.manifests().to_owned()],
        }
    }

    /// Whether [`folders`](Self::folders) can return `folder`. Checked before deleting the folders that a claim lists.
    pub(crate) fn is_folder_of(self, folder: &str, name: &str) -> bool {
        match self {
            Self::Snapshots => folder
                .rsplit_once("/snapshot=")
                .is_some_and(|(table, found)| found == name && check_name("table", table).is_ok()),
            Self::Latest => folder == self.manifests(),
        }
    }

    /// Whether a file that was listed in one of [`folders`](Self::folders) belongs to the snapshot `name`.
    pub(crate) fn is_file_of(self, path: &str, name: &str) -> bool {
        match self {
            Self::Snapshots => true,
            Self::Latest => path
                .strip_prefix("_fortilake/versions/")
                .and_then(|rest| rest.split_once('/'))
                .is_some_and(|(folder, _)| name_of_version(folder) == name),
        }
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// The folder of a version in the layout `latest`.
pub(crate) fn version(name: &str, token: &str) -> String {
    format!("_fortilake/versions/{name}-{token}")
}

/// The snapshot name in a version folder's name `NAME-TOKEN`.
pub(crate) fn name_of_version(folder: &str) -> &str {
    folder.split_once('-').map_or(folder, |(name, _)| name)
}

/// Checks that `name` is safe as a single path component.
pub(crate) fn check_name(what: &str, name: &str) -> Result<()> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    // A leading underscore is reserved: query engines skip such names, and our own folder has one.
    if !name.is_empty() && !name.starts_with('_') && name.bytes().all(plain) {
        return Ok(());
    }
    let text = format!(
        "{what} name `{name}` is not allowed; use ASCII letters, digits and `_`, and do not start with `_`"
    );
    Err(Error::new(Kind::Internal, text))
}
