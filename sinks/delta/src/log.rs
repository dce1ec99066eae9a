//! The state of a table's Delta log, as far as the next commit needs it.

use std::collections::BTreeSet;

use fortilake_sink::{Error, Kind, Result};
use fortilake_snapshot::Place;
use serde_json::{Map, Value};

/// The member of our `commitInfo` with the snapshot's name; absent in the empty versions of a table that came later.
pub(crate) const SNAPSHOT: &str = "fortilakeSnapshot";

/// The member of our `commitInfo` with the version whose `metaData` is valid.
pub(crate) const METADATA: &str = "fortilakeMetadata";

/// The features that a table may have for us to write it. Others oblige writers to do more than we do.
const FEATURES: [&str; 3] = ["deletionVectors", "invariants", "timestampNtz"];

/// The log of one table.
#[derive(Debug)]
pub(crate) struct Log {
    /// The number of versions: the next one has this number.
    pub(crate) length: u64,
    /// The newest registered snapshot.
    pub(crate) snapshot: Option<String>,
    /// The valid `metaData` and the version that has it; `None` if there is no version yet.
    pub(crate) metadata: Option<(Map<String, Value>, u64)>,
    /// The `add` actions of the files that the newest version lists.
    pub(crate) active: Vec<Map<String, Value>>,
}

/// The path of a commit.
pub(crate) fn path(table: &str, version: u64) -> String {
    format!("{table}/_delta_log/{version:020}.json")
}

impl Log {
    /// Reads the log backwards, from the newest version to the newest one of ours.
    ///
    /// Each of our versions replaces the whole table and says where the metadata is. So usually two files are read,
    /// however long the log is. Older versions matter only if another program has written the newest ones.
    pub(crate) async fn read(place: &dyn Place, table: &str) -> Result<Self> {
        let mut log = Self {
            length: length(place, table).await?,
            snapshot: None,
            metadata: None,
            active: Vec::new(),
        };
        let mut gone = BTreeSet::new();
        for version in (0..log.length).rev() {
            let commit = Commit::read(place, table, version).await?;
            commit.check_protocol(table)?;
            log.take(&commit, version, &mut gone);
            let Some(info) = commit.only("commitInfo") else {
                continue;
            };
            if let Some(valid) = info.get(METADATA).and_then(Value::as_u64) {
                log.snapshot = info
                    .get(SNAPSHOT)
                    .and_then(Value::as_str)
                    .map(str::to_owned);
                if log.metadata.is_none() {
                    let commit = Commit::read(place, table, valid).await?;
                    log.metadata = commit.only("metaData").map(|found| (found.clone(), valid));
                }
                break;
            }
        }
        if log.length > 0 && log.metadata.is_none() {
            let text = format!(
                "the Delta log of table `{table}` in `{}` has no metadata; restore it, or delete `{table}/_delta_log` to \
                 begin a new one",
                place.location()
            );
            return Err(Error::new(Kind::Rejected, text));
        }
        Ok(log)
    }

    /// Takes over what the newer versions have not replaced.
    fn take(&mut self, commit: &Commit, version: u64, gone: &mut BTreeSet<String>) {
        for add in commit.all("add") {
            if gone.insert(file(add)) {
                self.active.push(add.clone());
            }
        }
        gone.extend(commit.all("remove").map(file));
        if let Some(found) = commit.only("metaData").filter(|_| self.metadata.is_none()) {
            self.metadata = Some((found.clone(), version));
        }
    }

    /// The fields of the table's schema.
    pub(crate) fn fields(&self) -> Result<Vec<Value>> {
        let Some((metadata, _)) = &self.metadata else {
            return Ok(Vec::new());
        };
        let text = metadata.get("schemaString").and_then(Value::as_str);
        let schema: Value = serde_json::from_str(text.unwrap_or_default()).map_err(|error| {
            Error::new(Kind::Rejected, "the schema in a Delta log is damaged").with_source(error)
        })?;
        Ok(schema["fields"].as_array().cloned().unwrap_or_default())
    }
}

/// What identifies a file in a version: its path, and the rows of it that are deleted.
fn file(action: &Map<String, Value>) -> String {
    let member = |name| action.get(name).unwrap_or(&Value::Null);
    format!("{} {}", member("path"), member("deletionVector"))
}

/// The number of versions of a log, after checking that it can be continued.
async fn length(place: &dyn Place, table: &str) -> Result<u64> {
    let folder = format!("{table}/_delta_log");
    let version = |path: &String| {
        let name = path.strip_prefix(&folder)?.strip_prefix('/')?;
        let digits = name
            .strip_suffix(".json")
            .filter(|digits| digits.len() == 20)?;
        digits.parse::<u64>().ok()
    };
    let paths = place.list(&folder).await?;
    Ok(paths
        .iter()
        .filter_map(version)
        .max()
        .map_or(0, |last| last + 1))
}

/// The actions of one version.
#[derive(Debug)]
struct Commit(Vec<Map<String, Value>>);

impl Commit {
    async fn read(place: &dyn Place, table: &str, version: u64) -> Result<Self> {
        let path = path(table, version);
        let rejected = |problem: &str| {
            let text = format!(
                "`{path}` in `{}` {problem}; restore it, or delete `{table}/_delta_log` to begin a new log",
                place.location()
            );
            Error::new(Kind::Rejected, text)
        };
        let found = place.get(&path).await?;
        let content = found.ok_or_else(|| rejected("is missing"))?.content;
        let actions = serde_json::Deserializer::from_slice(&content).into_iter();
        let actions: Result<_, _> = actions.collect();
        let actions = actions.map_err(|error| rejected("is damaged").with_source(error))?;
        Ok(Self(actions))
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &Map<String, Value>> {
        let actions = self.0.iter();
        actions.filter_map(move |action| action.get(name)?.as_object())
    }

    fn only(&self, name: &str) -> Option<&Map<String, Value>> {
        self.all(name).next()
    }

    /// Refuses a table for which another program has turned on a feature that we do not write.
    fn check_protocol(&self, table: &str) -> Result<()> {
        let features = self
            .all("protocol")
            .filter_map(|found| found.get("writerFeatures"));
        let features = features.filter_map(Value::as_array).flatten();
        let mut names = features.filter_map(Value::as_str);
        let Some(unknown) = names.find(|name| !FEATURES.contains(name)) else {
            return Ok(());
        };
        let text = format!(
            "another program has turned on the feature `{unknown}` of the Delta table `{table}`, which fortilake does not \
             support; turn it off, or publish to another folder"
        );
        Err(Error::new(Kind::Config, text))
    }
}
