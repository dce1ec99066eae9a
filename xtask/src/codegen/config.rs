//! `tables.toml`: information that API descriptions cannot contain.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Error, Result, anyhow, bail};
use serde::Deserialize;

use super::{
    names::{self, Words},
    tables::Kind,
};

/// The content of `tables.toml`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// Words that the general rule would split wrongly, and their `snake_case` form.
    #[serde(default)]
    pub(super) words: BTreeMap<String, String>,
    /// Fields that must never be stored: names as the API spells them, or places such as
    /// `licenses/download answer.license` for a name that is secret there only.
    #[serde(default)]
    pub(super) secrets: Vec<String>,
    /// Fields that contain integers, although an edition of a description may declare them as text.
    #[serde(default)]
    pub(super) integers: Vec<String>,
    /// The possible credentials. If it is empty, they are not checked.
    #[serde(default)]
    pub(super) clients: Vec<String>,
    /// The possible first parts of endpoint names. If it is empty, they are not checked.
    #[serde(default)]
    pub(super) prefixes: Vec<String>,
    /// The possible values of `include` in a configuration. If it is empty, they are not checked.
    #[serde(default)]
    pub(super) includes: Vec<String>,
    /// The published tables. If it is empty, they are not checked.
    #[serde(default)]
    pub(super) published: Vec<String>,
    /// The types that hand-written code uses, by name.
    #[serde(default)]
    pub(super) types: BTreeMap<String, TypeSpec>,
    /// The systems that services belong to.
    #[serde(default, rename = "system")]
    pub(super) systems: Vec<System>,
    /// Settings that all endpoints under a base path share.
    #[serde(default, rename = "service")]
    pub(super) services: Vec<Service>,
    /// The tables, parents before their children.
    #[serde(default, rename = "table")]
    pub(super) tables: Vec<TableSpec>,
}

/// A type that hand-written code uses.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TypeSpec {
    /// Where its schema is, such as `products/list answer.assets`.
    pub(super) at: Places,
    /// The fields that the code uses.
    ///
    /// If `required` is set, the code constructs values of this type, so the type has exactly these
    /// fields in this order.
    #[serde(default)]
    pub(super) fields: Vec<String>,
    /// The fields that a constructor must set. If it is absent, the description decides.
    pub(super) required: Option<Vec<String>>,
    /// If `required` is set: the fields for which null differs from absent.
    pub(super) nullable: Option<Vec<String>>,
    /// The texts that the code sends or compares with. Other values remain possible.
    #[serde(default)]
    pub(super) values: Vec<String>,
}

/// One place, or several with equal schemas.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "OneOrMany")]
pub(super) struct Places(pub(super) Vec<String>);

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl From<OneOrMany> for Places {
    fn from(places: OneOrMany) -> Self {
        Self(match places {
            OneOrMany::One(place) => vec![place],
            OneOrMany::Many(places) => places,
        })
    }
}

/// A system, such as FortiCloud, which may have several services.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct System {
    /// The name that services refer to.
    pub(super) name: String,
    /// Where its responses say whether a call succeeded.
    pub(super) dialect: Dialect,
}

/// Where responses say whether a call succeeded: in the body or in the HTTP status.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Dialect {
    Body,
    Http,
}

/// The endpoints under a base path.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Service {
    /// The base path, such as `/ES/api/iam/v1`.
    ///
    /// It is compared without case. Requests use the spelling given here.
    pub(super) base: String,
    /// The first part of the endpoints' names. Without it, the names follow from the path alone.
    pub(super) name: Option<String>,
    /// The system that the endpoints belong to, by its name.
    pub(super) system: Option<String>,
    /// The credentials that the endpoints need.
    pub(super) client_id: Option<String>,
    /// The endpoints that change nothing, although their method is not `GET`.
    #[serde(default)]
    pub(super) reads: Vec<String>,
    /// The endpoints that change something, although their method is `GET`.
    #[serde(default)]
    pub(super) writes: Vec<String>,
}

/// A table.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TableSpec {
    /// The table's name.
    pub(super) name: String,
    /// One line that says what a row is.
    pub(super) summary: String,
    /// The endpoint whose responses contain the rows. A table with a parent uses its parent's
    /// endpoint.
    #[serde(default)]
    pub(super) endpoint: String,
    /// The table whose rows contain these rows.
    pub(super) parent: Option<String>,
    /// Where the rows are: relative to the response or, with a parent, to the parent's row.
    ///
    /// Further entries are other spellings of the same list. A single dot is the response itself: a
    /// list, or a single row.
    pub(super) rows: Vec<String>,
    /// The columns that identify a row.
    #[serde(default)]
    pub(super) key: Vec<String>,
    /// The value under `include` that a configuration needs to get this table. If it is absent, the
    /// table is always included.
    pub(super) include: Option<String>,
    /// Column names by field, where they differ from the general rule.
    #[serde(default)]
    pub(super) rename: BTreeMap<String, String>,
    /// Fields by alternative spelling.
    #[serde(default)]
    pub(super) aliases: BTreeMap<String, String>,
    /// Fields that are timestamps, although their format is not `date-time`.
    #[serde(default)]
    pub(super) timestamps: Vec<String>,
    /// Ids for which zero means "none".
    #[serde(default)]
    pub(super) ids: Vec<String>,
    /// Fields that belong to other tables.
    #[serde(default)]
    pub(super) ignore: Vec<String>,
    /// Request arguments by column. They fill the column if the row does not.
    #[serde(default)]
    pub(super) asked: BTreeMap<String, String>,
    /// Columns that the crawl fills from the responses of other endpoints.
    #[serde(default)]
    pub(super) given: BTreeMap<String, Given>,
    /// Fields outside the list by the column that they fill, such as `organizationUnits.orgId`.
    #[serde(default)]
    pub(super) enclosing: BTreeMap<String, String>,
    /// The published columns in order, as `name: kind`.
    ///
    /// They keep their position and type in every edition. Columns that are not listed come after
    /// them.
    #[serde(default)]
    pub(super) columns: Vec<Published>,
    /// Columns that are copied from the outermost row that contains these rows.
    #[serde(default)]
    pub(super) inherit: Vec<String>,
    /// The column for the position of the parent's row.
    pub(super) parent_index: Option<String>,
    /// The column for an element that is a plain value instead of an object.
    pub(super) scalar: Option<String>,
    /// Columns for the positions of the containing rows, innermost first.
    ///
    /// Only tables that are not in the file have more than one.
    #[serde(skip)]
    pub(super) levels: Vec<String>,
    /// Whether there is a position column, although it is not part of the key.
    #[serde(skip)]
    pub(super) index: bool,
    /// The places of the schemas of the containing rows and of these rows, outermost first.
    #[serde(skip)]
    pub(super) places: Vec<String>,
}

/// A column that readers of the tables rely on.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Published {
    /// The column's name.
    pub(super) name: String,
    /// The type of its values.
    pub(super) kind: Kind,
}

impl TryFrom<String> for Published {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (name, kind) = text.split_once(": ").ok_or_else(|| {
            format!("`{text}` is not a column definition; write it like `serial_number: text`")
        })?;
        let kinds = Kind::ALL.map(Kind::name);
        let kind = Kind::ALL
            .into_iter()
            .find(|known| known.name() == kind.trim())
            .ok_or_else(|| {
                let nearest = names::nearest(kind.trim(), kinds);
                format!("column `{name}`: unknown kind `{}`; {nearest}", kind.trim())
            })?;
        Ok(Self {
            name: name.trim().to_owned(),
            kind,
        })
    }
}

/// A column that is filled by the crawl instead of a field of the row.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Given {
    /// The type of its values.
    pub(super) kind: Kind,
    /// What the column means and where its values come from.
    pub(super) doc: String,
}

impl Config {
    /// Parses the file, and makes the checks that need no description.
    pub(super) fn read(text: &str) -> Result<Self> {
        let mut config: Self = toml::from_str(text)
            .map_err(|error| unknown_section(text).unwrap_or_else(|| error.into()))?;
        config.check_forms()?;
        let mut known: Vec<&str> = Vec::new();
        for table in &config.tables {
            let name = table.name.as_str();
            if known.contains(&name) {
                bail!("table `{name}` is defined twice");
            }
            match &table.parent {
                Some(parent) if !known.contains(&parent.as_str()) => {
                    let nearest = names::nearest(parent, known.iter().copied());
                    bail!(
                        "table `{name}`: its parent `{parent}` is not a table defined before it; \
                         {nearest}"
                    )
                }
                None if table.endpoint.is_empty() => {
                    bail!("table `{name}` has neither an `endpoint` nor a `parent`")
                }
                Some(_) if !table.endpoint.is_empty() => {
                    bail!("table `{name}` has a `parent`, so it must not have an `endpoint`")
                }
                _ => {}
            }
            if table.rows.is_empty() {
                bail!("table `{name}` does not say where its `rows` are");
            }
            known.push(name);
        }
        for position in 0..config.tables.len() {
            config.complete(position);
        }
        Ok(config)
    }

    /// Checks that names which become names in code or in tables have the form of such names.
    fn check_forms(&self) -> Result<()> {
        if self.words.contains_key("") {
            bail!("words: an empty word is part of every name");
        }
        for table in &self.tables {
            let name = &table.name;
            if !names::is_plain(name) {
                bail!("table `{name}`: not a name for a table; {PLAIN}");
            }
            if let Some(rows) = name.strip_suffix("_rows")
                && self.tables.iter().any(|table| table.name == rows)
            {
                bail!("table `{name}`: the generated code has this name for the rows of `{rows}`");
            }
            for (setting, column) in table.own_names() {
                if !names::is_plain(column) {
                    bail!(
                        "table `{name}`: {setting}: `{column}` is not a name for a column; {PLAIN}"
                    );
                }
            }
        }
        Ok(())
    }

    /// Checks the form of the names of types.
    pub(super) fn check_types(&self) -> Result<()> {
        for name in self.types.keys() {
            if !names::is_type(name) {
                bail!(
                    "`tables.toml`: type `{name}`: not a name for a type; write it like \
                     `ProductsListRequest`, and not like a type of Rust's standard library"
                );
            }
        }
        Ok(())
    }

    /// Fills in the settings that follow from the parent.
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

    /// Returns the words for [`Words::snake`].
    pub(super) fn words(&self) -> Words {
        Words::new(self.words.clone())
    }

    /// Returns the service with the longest base path that is a prefix of this path.
    pub(super) fn service(&self, path: &str) -> Option<&Service> {
        self.services
            .iter()
            .filter(|service| {
                let (base, length) = (&service.base, service.base.len());
                path.get(..length)
                    .is_some_and(|start| start.eq_ignore_ascii_case(base))
                    && matches!(path.as_bytes().get(length), None | Some(b'/'))
            })
            .max_by_key(|service| service.base.len())
    }

    /// Returns the names of the operations that this file mentions.
    pub(super) fn operations(&self) -> BTreeSet<&str> {
        let services = self.services.iter();
        let listed = services.flat_map(|service| service.reads.iter().chain(&service.writes));
        let tables = self.tables.iter().map(|table| &table.endpoint);
        let types = self.types.values().flat_map(|spec| &spec.at.0);
        let places = types.chain(self.secret_places());
        let places = places.filter_map(|place| place.split_whitespace().next());
        listed
            .chain(tables)
            .map(String::as_str)
            .chain(places)
            .collect()
    }

    /// Whether a field with this name must never be stored.
    pub(super) fn is_secret(&self, name: &str) -> bool {
        self.secret_names()
            .any(|secret| secret.eq_ignore_ascii_case(name))
    }

    /// Returns the names that are secret everywhere.
    pub(super) fn secret_names(&self) -> impl Iterator<Item = &String> {
        self.secrets.iter().filter(|secret| !is_place(secret))
    }

    /// Returns the places that are secret although their name is not.
    pub(super) fn secret_places(&self) -> impl Iterator<Item = &String> {
        self.secrets.iter().filter(|secret| is_place(secret))
    }
}

/// Finds a section whose name is unknown.
///
/// The parser often reports the consequences first, because a section such as `[table.rename]`
/// belongs to the last `[[table]]` before it.
fn unknown_section(text: &str) -> Option<Error> {
    const SECTIONS: [&str; 5] = ["words", "types", "system", "service", "table"];
    text.lines().enumerate().find_map(|(number, line)| {
        let name = line.trim_start_matches('[');
        let name = name.split(['.', ']']).next()?.trim();
        (line.starts_with('[') && !SECTIONS.contains(&name)).then(|| {
            anyhow!(
                "line {}: unknown section `{name}`; {}",
                number + 1,
                names::nearest(name, SECTIONS)
            )
        })
    })
}

/// The form of names of tables and columns, for error messages.
const PLAIN: &str = "use small letters, digits and `_`, and begin with a letter";

impl TableSpec {
    /// Returns the names of columns that this file makes up, each with its setting.
    fn own_names(&self) -> impl Iterator<Item = (&'static str, &String)> {
        let renamed = self.rename.values().map(|name| ("rename", name));
        let asked = self.asked.keys().map(|name| ("asked", name));
        let given = self.given.keys().map(|name| ("given", name));
        let enclosing = self.enclosing.keys().map(|name| ("enclosing", name));
        let index = self.parent_index.iter().map(|name| ("parent_index", name));
        let scalar = self.scalar.iter().map(|name| ("scalar", name));
        let all = renamed.chain(asked).chain(given).chain(enclosing);
        all.chain(index).chain(scalar)
    }
}

/// Whether an entry of `secrets` is a place. Only places contain a space.
fn is_place(secret: &str) -> bool {
    secret.contains(' ')
}
