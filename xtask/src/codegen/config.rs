//! `tables.toml`: what no description can say.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use serde::Deserialize;

use super::{names::Words, tables::Kind};

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// Words whose capitals no rule can split, and what they are in `snake_case`.
    #[serde(default)]
    pub(super) words: BTreeMap<String, String>,
    /// Fields that must never be kept, in the API's spelling.
    #[serde(default)]
    pub(super) secrets: Vec<String>,
    /// What is the same for all endpoints under one base path.
    #[serde(default, rename = "service")]
    pub(super) services: Vec<Service>,
    /// The tables, parents before their children.
    #[serde(default, rename = "table")]
    pub(super) tables: Vec<TableSpec>,
}

/// The endpoints under one base path.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Service {
    /// The base path, such as `/ES/api/iam/v1`.
    pub(super) base: String,
    /// What the names of its endpoints begin with; without it, they follow from the path alone.
    pub(super) name: Option<String>,
    /// Which credential opens it.
    pub(super) client_id: Option<String>,
    /// The endpoints that change nothing although their method is not `GET`.
    #[serde(default)]
    pub(super) reads: Vec<String>,
    /// The endpoints that change something although their method is `GET`.
    #[serde(default)]
    pub(super) writes: Vec<String>,
}

/// One table.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TableSpec {
    /// The table's name.
    pub(super) name: String,
    /// What a row is, in one line.
    pub(super) summary: String,
    /// The endpoint whose answers hold the rows; a table with a parent has its parent's.
    #[serde(default)]
    pub(super) endpoint: String,
    /// The table whose rows hold these rows.
    pub(super) parent: Option<String>,
    /// Where the rows lie: from the answer on or, with a parent, from the parent's row on.
    ///
    /// Further entries are other spellings of the same list.
    /// A lone dot is the answer itself: a bare list, or a single row.
    pub(super) rows: Vec<String>,
    /// The columns that tell one row from another.
    #[serde(default)]
    pub(super) key: Vec<String>,
    /// What a configuration lists under `include` to get this table; absent for "always".
    pub(super) include: Option<String>,
    /// Field to column, where the rule does not give the column's name.
    #[serde(default)]
    pub(super) rename: BTreeMap<String, String>,
    /// Other spelling to the field that it stands for.
    #[serde(default)]
    pub(super) aliases: BTreeMap<String, String>,
    /// Fields that are timestamps although their format is not `date-time`.
    #[serde(default)]
    pub(super) timestamps: Vec<String>,
    /// Ids in which zero means "none".
    #[serde(default)]
    pub(super) ids: Vec<String>,
    /// Fields that other tables have.
    #[serde(default)]
    pub(super) ignore: Vec<String>,
    /// Column to the argument of the request that fills it where the row does not.
    #[serde(default)]
    pub(super) asked: BTreeMap<String, String>,
    /// Columns that the crawl fills from what other endpoints answered.
    #[serde(default)]
    pub(super) given: BTreeMap<String, Given>,
    /// Column to the field around the list that fills it, such as `organizationUnits.orgId`.
    #[serde(default)]
    pub(super) enclosing: BTreeMap<String, String>,
    /// Columns of the outermost row around these rows.
    #[serde(default)]
    pub(super) inherit: Vec<String>,
    /// The column that takes the position of the parent's row.
    pub(super) parent_index: Option<String>,
    /// The column that takes an element which is a bare value instead of an object.
    pub(super) scalar: Option<String>,
    /// Columns that take the positions of the rows around, nearest first.
    ///
    /// Only tables that no file describes have more than one.
    #[serde(skip)]
    pub(super) levels: Vec<String>,
    /// Whether there is a position column although the key does not name it.
    #[serde(skip)]
    pub(super) index: bool,
    /// The places of the schemas of the rows around and of these rows, outermost first.
    #[serde(skip)]
    pub(super) places: Vec<String>,
}

/// A column that no field of the row fills.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Given {
    /// What it holds.
    pub(super) kind: Kind,
    /// What it means and where it comes from.
    pub(super) doc: String,
}

impl Config {
    /// Parses the file and checks what needs no description.
    pub(super) fn read(text: &str) -> Result<Self> {
        let mut config: Self = toml::from_str(text)?;
        let mut known: Vec<&str> = Vec::new();
        for table in &config.tables {
            let name = table.name.as_str();
            if known.contains(&name) {
                bail!("table `{name}` is there twice");
            }
            match &table.parent {
                Some(parent) if !known.contains(&parent.as_str()) => {
                    bail!("table `{name}`: its parent `{parent}` is not a table above it")
                }
                None if table.endpoint.is_empty() => {
                    bail!("table `{name}` has neither an `endpoint` nor a `parent`")
                }
                Some(_) if !table.endpoint.is_empty() => {
                    bail!("table `{name}` has a `parent`, so its `endpoint` is not to be said")
                }
                _ => {}
            }
            if table.rows.is_empty() {
                bail!("table `{name}` does not say where its `rows` lie");
            }
            known.push(name);
        }
        for position in 0..config.tables.len() {
            config.complete(position);
        }
        Ok(config)
    }

    /// Fills in what follows from the parent.
    fn complete(&mut self, position: usize) {
        let parent = self.tables[position].parent.clone();
        let parent = parent.and_then(|name| self.tables.iter().find(|table| table.name == name));
        let endpoint = parent.map(|parent| (parent.endpoint.clone(), parent.include.clone()));
        let table = &mut self.tables[position];
        if let Some((endpoint, include)) = endpoint {
            table.endpoint = endpoint;
            table.include = table.include.take().or(include);
        }
        table.levels.extend(table.parent_index.clone());
    }

    /// The words for [`Words::snake`].
    pub(super) fn words(&self) -> Words {
        Words::new(self.words.clone())
    }

    /// The service with the longest base path that this path starts with.
    pub(super) fn service(&self, path: &str) -> Option<&Service> {
        self.services
            .iter()
            .filter(|service| {
                path.strip_prefix(service.base.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
            .max_by_key(|service| service.base.len())
    }

    /// Whether a field of this name must never be kept.
    pub(super) fn is_secret(&self, name: &str) -> bool {
        self.secrets
            .iter()
            .any(|secret| secret.eq_ignore_ascii_case(name))
    }
}
