//! Describes the changes between two editions, in words that fit into a changelog.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    path::Path,
};

use anyhow::{Context, Result, bail};

use super::{
    at::At,
    config::Config,
    description::Pins,
    generate, load,
    load::Folder,
    notes::Notes,
    operations::Operation,
    schema::{Rest, Schema, Shape},
    sources,
};

/// The maximum depth at which fields are compared.
const MAX_DEPTH: usize = 12;

/// The content of one edition.
struct Edition {
    /// The operations by name.
    operations: BTreeMap<String, OperationFacts>,
    /// The tables by name, or the reason why they could not be built.
    tables: Result<BTreeMap<String, TableFacts>>,
}

/// An operation.
#[derive(Debug, PartialEq)]
struct OperationFacts {
    method: String,
    path: String,
    request: BTreeMap<String, Field>,
    answer: BTreeMap<String, Field>,
}

/// A field of a request or a response.
#[derive(Debug, PartialEq)]
struct Field {
    ty: &'static str,
    required: bool,
    /// The listed values.
    values: BTreeSet<String>,
}

/// A table: its key, and its columns with their types.
#[derive(Debug, PartialEq)]
struct TableFacts {
    key: Vec<String>,
    columns: Vec<(String, String)>,
}

/// Compares two folders, or two files, the second of which replaces the first.
pub(super) fn compare(old: &Path, new: &Path, beside: &Path) -> Result<String> {
    let (old, new) = match (old.is_file(), new.is_file()) {
        (false, false) => (load::texts(old)?, load::texts(new)?),
        (true, true) => {
            let folder = load::texts(beside)?;
            let name = old.file_stem().and_then(|stem| stem.to_str());
            let name = name.unwrap_or_default().to_owned();
            let read = |path: &Path| {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("cannot read `{}`", path.display()))?;
                let mut folder = folder.clone();
                folder.files.insert(name.clone(), text);
                anyhow::Ok(folder)
            };
            (read(old)?, read(new)?)
        }
        _ => bail!("cannot compare a folder with a file; pass two folders or two files"),
    };
    let (old, new) = editions(&old, &new)?;
    Ok(words(&old, &new))
}

/// Reads both editions in the same way.
///
/// `tables.toml` and the patches may not fit one of them. Then both are compared without them.
/// Otherwise everything that a patch corrects would look like a change.
fn editions(old: &load::Texts, new: &load::Texts) -> Result<(Edition, Edition)> {
    let bare = |texts: &load::Texts| {
        let config = texts.config()?.unwrap_or_default();
        let bare = Config {
            words: config.words,
            integers: config.integers,
            services: config.services,
            ..Config::default()
        };
        operations(&texts.clone().bare(bare.clone())?, &bare)
    };
    let prepared = |texts: &load::Texts| {
        let config = texts.config()?.unwrap_or_default();
        let mut folder = texts.clone().prepared()?;
        let tables = tables(&folder);
        // What hand-written code relies on would hide what the description changed.
        for description in &mut folder.descriptions {
            description.pins = Pins::default();
        }
        anyhow::Ok((operations(&folder, &config)?, tables))
    };
    let edition = |(operations, tables)| Edition { operations, tables };
    let lacking = |texts: &load::Texts, found: Result<(_, _)>, name| {
        let tables = found.and_then(|(_, tables)| tables);
        let operations = bare(texts).context(name)?;
        anyhow::Ok(Edition { operations, tables })
    };
    match (prepared(old), prepared(new)) {
        (Ok(old), Ok(new)) => Ok((edition(old), edition(new))),
        (before, after) => Ok((
            lacking(old, before, "the old edition")?,
            lacking(new, after, "the new edition")?,
        )),
    }
}

/// The names are not checked, because those of `tables.toml` may not fit.
fn operations(folder: &Folder, config: &Config) -> Result<BTreeMap<String, OperationFacts>> {
    let mut all = BTreeMap::new();
    for source in sources::read(&folder.descriptions, config)? {
        for (id, operation) in source.named() {
            all.insert(id.to_owned(), facts(operation)?);
        }
    }
    Ok(all)
}

fn facts(operation: &Operation<'_>) -> Result<OperationFacts> {
    let mut request = Fields::default();
    for parameter in &operation.parameters {
        request.field(&parameter.name, &parameter.at, parameter.required)?;
    }
    if let Some(body) = &operation.body {
        request.schema("", &body.at)?;
    }
    let mut answer = Fields::default();
    if let Some(at) = &operation.response {
        answer.schema("", at)?;
    }
    Ok(OperationFacts {
        method: operation.method.clone(),
        path: operation.path.clone(),
        request: request.found,
        answer: answer.found,
    })
}

/// The fields of a value by path. Lists and maps are transparent.
#[derive(Default)]
struct Fields {
    notes: Notes,
    found: BTreeMap<String, Field>,
    open: Vec<String>,
}

impl Fields {
    fn field(&mut self, path: &str, at: &At<'_>, required: bool) -> Result<()> {
        let schema = Schema::read(at, &self.notes)?;
        let values = match &schema.shape {
            Shape::Enum(values) => values.iter().cloned().collect(),
            _ => BTreeSet::new(),
        };
        let ty = match schema.shape {
            Shape::DateTime => "date and time",
            _ => schema.json_type(),
        };
        self.found.insert(
            path.to_owned(),
            Field {
                ty,
                required,
                values,
            },
        );
        self.schema(path, at)
    }

    fn schema(&mut self, path: &str, at: &At<'_>) -> Result<()> {
        let schema = Schema::read(at, &self.notes)?;
        let place = schema.at.pointer().to_owned();
        if self.open.contains(&place) || self.open.len() == MAX_DEPTH {
            return Ok(());
        }
        self.open.push(place);
        match &schema.shape {
            Shape::List(Some(items)) => self.schema(path, items)?,
            Shape::Object { properties, rest } => {
                for property in properties {
                    let path = match path {
                        "" => property.name.clone(),
                        path => format!("{path}.{}", property.name),
                    };
                    self.field(&path, &property.at, property.required)?;
                }
                if let Rest::Of(values) = rest {
                    self.schema(&format!("{path}.*"), values)?;
                }
            }
            _ => {}
        }
        self.open.pop();
        Ok(())
    }
}

fn tables(folder: &Folder) -> Result<BTreeMap<String, TableFacts>> {
    let mut all = BTreeMap::new();
    for api in generate::apis(folder)? {
        for table in api.tables {
            let columns = table.columns.iter();
            let facts = TableFacts {
                key: table.key.clone(),
                columns: columns
                    .map(|column| (column.name.clone(), column.kind.name().to_owned()))
                    .collect(),
            };
            all.insert(table.name, facts);
        }
    }
    Ok(all)
}

/// Formats the changes as Markdown.
fn words(old: &Edition, new: &Edition) -> String {
    let mut text = String::new();
    section(&mut text, "Endpoints", &endpoint_lines(old, new));
    section(&mut text, "Requests and responses", &field_lines(old, new));
    let lines = match (&old.tables, &new.tables) {
        (Ok(old), Ok(new)) => table_lines(old, new),
        (Err(error), _) => vec![format!(
            "Cannot build the tables of the old edition: {error:#}"
        )],
        (_, Err(error)) => vec![format!(
            "Cannot build the tables of the new edition yet: {error:#}"
        )],
    };
    section(&mut text, "Tables", &lines);
    if text.is_empty() {
        text.push_str("Nothing changed.\n");
    }
    text
}

fn section(text: &mut String, title: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    if !text.is_empty() {
        text.push('\n');
    }
    let _ = writeln!(text, "### {title}\n");
    for line in lines {
        let _ = writeln!(text, "- {line}");
    }
}

fn endpoint_lines(old: &Edition, new: &Edition) -> Vec<String> {
    let mut lines = Vec::new();
    for (id, facts) in &new.operations {
        match old.operations.get(id) {
            None => lines.push(format!("Added `{id}` (`{} {}`).", facts.method, facts.path)),
            Some(before) if (&before.method, &before.path) != (&facts.method, &facts.path) => {
                lines.push(format!(
                    "Moved `{id}` from `{} {}` to `{} {}`.",
                    before.method, before.path, facts.method, facts.path
                ));
            }
            Some(_) => {}
        }
    }
    let gone = old.operations.keys();
    let gone = gone.filter(|id| !new.operations.contains_key(*id));
    lines.extend(gone.map(|id| format!("Removed `{id}`.")));
    lines
}

fn field_lines(old: &Edition, new: &Edition) -> Vec<String> {
    let mut lines = Vec::new();
    for (id, after) in &new.operations {
        let Some(before) = old.operations.get(id) else {
            continue;
        };
        let request = format!("The request of `{id}`");
        lines.extend(changed(&request, &before.request, &after.request, true));
        let answer = format!("The response of `{id}`");
        lines.extend(changed(&answer, &before.answer, &after.answer, false));
    }
    lines
}

fn changed(
    whose: &str,
    old: &BTreeMap<String, Field>,
    new: &BTreeMap<String, Field>,
    is_request: bool,
) -> Vec<String> {
    let mut lines = Vec::new();
    for (path, field) in new {
        let Some(before) = old.get(path) else {
            let required = match (is_request, field.required) {
                (true, true) => ", required",
                (true, false) => ", optional",
                (false, _) => "",
            };
            lines.push(format!("{whose} gained `{path}` ({}{required}).", field.ty));
            continue;
        };
        if before.ty != field.ty {
            lines.push(format!(
                "{whose}: `{path}` changed from {} to {}.",
                before.ty, field.ty
            ));
        }
        if is_request && before.required != field.required {
            let now = if field.required {
                "required"
            } else {
                "optional"
            };
            lines.push(format!("{whose}: `{path}` is {now} now."));
        }
        let list = |values: Vec<&String>| {
            let values: Vec<_> = values.iter().map(|value| format!("`{value}`")).collect();
            values.join(", ")
        };
        let more: Vec<_> = field.values.difference(&before.values).collect();
        if !more.is_empty() {
            lines.push(format!("{whose}: `{path}` can be {} as well.", list(more)));
        }
        let fewer: Vec<_> = before.values.difference(&field.values).collect();
        if !fewer.is_empty() {
            lines.push(format!(
                "{whose}: `{path}` no longer lists {}.",
                list(fewer)
            ));
        }
    }
    let gone = old.keys().filter(|path| !new.contains_key(*path));
    lines.extend(gone.map(|path| format!("{whose} lost `{path}`.")));
    lines
}

fn table_lines(
    old: &BTreeMap<String, TableFacts>,
    new: &BTreeMap<String, TableFacts>,
) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, after) in new {
        let Some(before) = old.get(name) else {
            let count = after.columns.len();
            let s = if count == 1 { "" } else { "s" };
            lines.push(format!("Added the table `{name}` ({count} column{s})."));
            continue;
        };
        for (column, kind) in &after.columns {
            match before.columns.iter().find(|(known, _)| known == column) {
                None => lines.push(format!("`{name}` gained the column `{column}` ({kind}).")),
                Some((_, was)) if was != kind => lines.push(format!(
                    "`{name}`: the column `{column}` changed from {was} to {kind}."
                )),
                Some(_) => {}
            }
        }
        for (column, _) in &before.columns {
            if !after.columns.iter().any(|(known, _)| known == column) {
                lines.push(format!("`{name}` lost the column `{column}`."));
            }
        }
        if before.key != after.key {
            let key = after.key.join(", ");
            lines.push(format!("`{name}`: the key is ({key}) now."));
        }
    }
    let gone = old.keys().filter(|name| !new.contains_key(*name));
    lines.extend(gone.map(|name| format!("Removed the table `{name}`.")));
    lines
}
