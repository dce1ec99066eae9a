//! Finds the lists of rows in an endpoint's responses.

use std::collections::BTreeSet;

use anyhow::{Result, anyhow, bail};

use super::{
    config::{Config, TableSpec},
    names::{self, Words},
    notes::Notes,
    operations::Operation,
    schema::{Schema, Shape},
    tables::{Field, Tables, Target},
};

/// The path of the response itself.
pub(super) const WHOLE: &str = ".";

/// The maximum depth at which objects are searched for rows.
pub(super) const MAX_DEPTH: usize = 4;

/// Builds the tables of one endpoint.
pub(super) struct Builder<'a, 'c> {
    /// `tables.toml`. Without it, every list of objects becomes a table.
    pub(super) config: Option<&'c Config>,
    /// The words that the general naming rule would split wrongly.
    pub(super) words: &'c Words,
    /// Receives what could not be carried over.
    pub(super) notes: &'c Notes,
    /// The endpoint.
    pub(super) operation: &'c Operation<'a>,
    /// The endpoint's name.
    pub(super) id: &'c str,
    /// The table names that are already taken.
    pub(super) taken: &'c mut BTreeSet<String>,
    /// The tables built so far.
    pub(super) out: Tables,
    /// How many tables were built that no file configures.
    pub(super) unsaid: usize,
    /// How many more columns all endpoints together may have, unless a file configures the tables.
    pub(super) room: &'c mut usize,
}

impl<'a> Builder<'a, '_> {
    /// Builds all tables of the endpoint.
    pub(super) fn build(mut self) -> Result<Tables> {
        let specs: Vec<TableSpec> = self.config.map_or(Vec::new(), |config| {
            let tables = config.tables.iter();
            tables
                .filter(|table| table.endpoint == self.id && table.parent.is_none())
                .cloned()
                .collect()
        });
        let Some(response) = &self.operation.response else {
            return match specs.first() {
                Some(spec) => Err(anyhow!(
                    "table `{}`: `{}` describes no response",
                    spec.name,
                    self.id
                )),
                None => Ok(self.out),
            };
        };
        // An endpoint without tables in the file is fine. Without any file, every list of objects
        // becomes a table instead.
        if self.config.is_some() && specs.is_empty() {
            return Ok(self.out);
        }
        let answer = Schema::read(response, self.notes)?;
        let specs = match self.config {
            Some(_) => specs,
            None => self.discover(&answer)?,
        };
        for spec in &specs {
            self.outermost(spec, &answer)
                .map_err(|error| error.context(format!("table `{}`", spec.name)))?;
        }
        Ok(self.out)
    }

    /// Builds a table whose rows are not inside other rows.
    fn outermost(&mut self, spec: &TableSpec, answer: &Schema<'a>) -> Result<()> {
        let mut lists = vec![self.find(answer, &spec.rows[0])?];
        for other in &spec.rows[1..] {
            match self.find(answer, other) {
                Ok(list) => lists.push(list),
                // Another spelling may be missing in this edition, but the first one is the name
                // that documentation and tests use, so it has to exist.
                Err(error) => self.check_spelling(answer, other, error)?,
            }
        }
        let mut around = Vec::new();
        for (column, path) in &spec.enclosing {
            let schema = self.find(answer, path)?;
            let slot = self.out.layout.enclosing;
            self.out.layout.enclosing += 1;
            place(&mut self.out.layout.fields, path, Target::Enclosing(slot));
            around.push((column.clone(), slot, schema));
        }
        for path in &spec.rows {
            if path == WHOLE {
                self.out.layout.whole = Some(spec.name.clone());
            } else {
                let target = Target::Rows(spec.name.clone());
                place(&mut self.out.layout.fields, path, target);
            }
        }
        if self.out.layout.whole.is_some() && !self.out.layout.fields.is_empty() {
            bail!("the response cannot both consist of rows and contain lists of rows");
        }
        self.rows(spec, &lists, &around, None)
    }

    /// Returns the schema at a path of property names.
    pub(super) fn find(&self, answer: &Schema<'a>, path: &str) -> Result<Schema<'a>> {
        let mut schema = answer.clone();
        if path == WHOLE {
            return Ok(schema);
        }
        for (depth, name) in path.split('.').enumerate() {
            let property = schema.property(name).ok_or_else(|| {
                let known = schema.properties().iter();
                let nearest = names::nearest(name, known.map(|property| property.name.as_str()));
                let around: Vec<&str> = path.split('.').take(depth).collect();
                let around = if around.is_empty() {
                    String::new()
                } else {
                    format!(" under `{}`", around.join("."))
                };
                anyhow!(
                    "the response of `{}` has no `{name}`{around}; {nearest}",
                    self.id
                )
            })?;
            schema = Schema::read(&property.at, self.notes)?;
        }
        Ok(schema)
    }

    /// Finds the tables of a response without configuration: all lists of objects.
    fn discover(&mut self, answer: &Schema<'a>) -> Result<Vec<TableSpec>> {
        let mut specs = Vec::new();
        if let Some(row) = element(answer, self.notes)?
            && !row.properties().is_empty()
        {
            let name = self.id.replace(':', " ");
            specs.push(self.unsaid(&name, &[WHOLE.to_owned()], answer, &row));
        }
        self.discover_in(answer, "", &mut Vec::new(), &mut specs)?;
        Ok(specs)
    }

    fn discover_in(
        &mut self,
        schema: &Schema<'a>,
        prefix: &str,
        open: &mut Vec<String>,
        specs: &mut Vec<TableSpec>,
    ) -> Result<()> {
        let place = schema.at.pointer();
        if open.len() == MAX_DEPTH || open.iter().any(|known| known == place) {
            return Ok(());
        }
        open.push(place.to_owned());
        for property in schema.properties() {
            // A path with this name would be ambiguous, because dots separate names.
            if property.name.contains('.') {
                continue;
            }
            let path = format!("{prefix}{}", property.name);
            let inner = Schema::read(&property.at, self.notes)?;
            match element(&inner, self.notes)? {
                Some(row) if !row.properties().is_empty() => {
                    let name = format!("{} {path}", self.id.replace(':', " "));
                    specs.push(self.unsaid(&name, &[path], &inner, &row));
                }
                // A list of plain values becomes a JSON column of its row, not a table.
                Some(_) => {}
                None => self.discover_in(&inner, &format!("{path}."), open, specs)?,
            }
        }
        open.pop();
        Ok(())
    }

    /// Claims a table name for a list. The generated code has constants for each table, which must
    /// differ from those of all others.
    fn claim(&mut self, name: &str) -> String {
        let name = names::table(&self.words.snake(name));
        let is_rows_of = |name: &str, taken: &BTreeSet<String>| {
            let base = name.strip_suffix("_rows");
            base.is_some_and(|base| taken.contains(base)) || taken.contains(&format!("{name}_rows"))
        };
        let plain = if is_rows_of(&name, self.taken) || name.ends_with("_layout") {
            format!("{name}_list")
        } else {
            name
        };
        let mut name = plain.clone();
        let mut number = 2;
        while self.taken.contains(&name) || is_rows_of(&name, self.taken) {
            name = format!("{plain}_{number}");
            number += 1;
        }
        self.taken.insert(name.clone());
        name
    }

    /// Creates the settings for a table that no file configures.
    pub(super) fn unsaid(
        &mut self,
        name: &str,
        rows: &[String],
        list: &Schema<'a>,
        row: &Schema<'a>,
    ) -> TableSpec {
        self.unsaid += 1;
        let docs = [&list.doc, &row.doc];
        let summary = docs.into_iter().find(|doc| !doc.is_empty());
        TableSpec {
            name: self.claim(name),
            summary: summary.map_or_else(
                || match rows[0].as_str() {
                    WHOLE => format!("One element of the responses of `{}`.", self.id),
                    list => format!("One element of `{list}` in the responses of `{}`.", self.id),
                },
                Clone::clone,
            ),
            endpoint: self.id.to_owned(),
            rows: rows.to_vec(),
            places: vec![row.at.pointer().to_owned()],
            ..TableSpec::default()
        }
    }
}

/// Returns the schema of a list's elements, or none if it is not a list.
pub(super) fn element<'a>(schema: &Schema<'a>, notes: &Notes) -> Result<Option<Schema<'a>>> {
    match &schema.shape {
        Shape::List(Some(items)) => Schema::read(items, notes).map(Some),
        _ => Ok(None),
    }
}

/// Adds a target at a path, and creates the objects on the way.
fn place(fields: &mut Vec<Field>, path: &str, target: Target) {
    let Some((name, rest)) = path.split_once('.') else {
        fields.push(Field {
            name: path.to_owned(),
            target,
        });
        return;
    };
    let known = fields.iter().position(|field| field.name == name);
    let position = known.unwrap_or_else(|| {
        fields.push(Field {
            name: name.to_owned(),
            target: Target::Object(Vec::new()),
        });
        fields.len() - 1
    });
    if let Target::Object(inner) = &mut fields[position].target {
        place(inner, rest, target);
    }
}
