//! Converts the schema of a row to columns.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

use super::{
    config::TableSpec,
    names,
    places::{Builder, MAX_DEPTH, WHOLE, element},
    schema::{Property, Schema, Shape},
    tables::{Column, Field, Kind, Origin, Rows, Table, Target},
};

/// The maximum nesting of rows inside rows, unless a file configures the tables.
const MAX_NESTING: usize = 3;

/// The maximum number of columns, unless a file configures the table. Beyond that, objects become
/// JSON columns.
const MAX_COLUMNS: usize = 200;

/// The maximum number of tables of an endpoint, unless a file configures them. Beyond that, lists
/// become JSON columns.
const MAX_TABLES: usize = 40;

/// The note about an object or a list after the last column that all endpoints together may have.
const MANY: &str = "the descriptions have many columns: this is a JSON column";

/// The columns of a row that is being built.
pub(super) struct Row<'a, 's> {
    /// The settings of the table.
    pub(super) spec: &'s TableSpec,
    /// The columns that the row's object fills, in the order of the description.
    pub(super) own: Vec<Column>,
    taken: BTreeSet<String>,
    /// The paths of all fields in the description, including ignored ones.
    pub(super) paths: Vec<String>,
    /// The tables of the lists in this row.
    children: Vec<(TableSpec, Vec<Schema<'a>>)>,
}

impl Row<'_, '_> {
    /// Adds the column for elements that are plain values.
    fn scalar(&mut self, schema: &Schema<'_>) {
        let Some(name) = &self.spec.scalar else {
            return;
        };
        let bare = !matches!(schema.shape, Shape::Object { .. });
        if bare && self.taken.insert(name.clone()) {
            self.own.push(Column {
                name: name.clone(),
                kind: kind(self.spec, name, schema),
                origin: Origin::Field,
                doc: schema.doc.clone(),
            });
        }
    }
}

/// A value outside the outermost list: its column, its slot, and its schema.
pub(super) type Around<'a> = (String, usize, Schema<'a>);

impl<'a> Builder<'a, '_> {
    /// Builds the table of these lists, then the tables of the lists in its rows.
    ///
    /// There are several lists if the API has several spellings.
    pub(super) fn rows(
        &mut self,
        spec: &TableSpec,
        lists: &[Schema<'a>],
        around: &[Around<'a>],
        root: Option<usize>,
    ) -> Result<()> {
        let mut row = Row {
            spec,
            own: Vec::new(),
            taken: spec.reserved(),
            paths: Vec::new(),
            children: Vec::new(),
        };
        let mut fields: Vec<Field> = Vec::new();
        for list in lists {
            let schema = element(list, self.notes)?.unwrap_or_else(|| list.clone());
            let mut open = vec![schema.at.pointer().to_owned()];
            let known = fields.iter().map(|field| field.name.clone()).collect();
            fields.extend(self.members(&mut row, &schema, "", &mut open, &known)?);
            row.scalar(&schema);
        }
        // A list that no file configures may contain nothing but further lists.
        if row.own.is_empty() && self.config.is_some() {
            bail!("`{}` contains no objects", spec.rows[0]);
        }
        self.spell_otherwise(&row, &mut fields)?;
        self.check_names(&row)?;
        self.spell_lists(&row, &mut fields);
        let position = self.out.tables.len();
        let columns = self.columns(&row, around, root)?;
        *self.room = self.room.saturating_sub(columns.len());
        self.out.tables.push(Table {
            name: spec.name.clone(),
            summary: spec.summary.clone(),
            key: spec.key.clone(),
            endpoint: spec.endpoint.clone(),
            root: root.map(|root| self.out.tables[root].name.clone()),
            include: spec.include.clone(),
            columns,
        });
        self.out.layout.rows.push(Rows {
            table: spec.name.clone(),
            fields,
            scalar: spec.scalar.clone(),
        });
        let mut children = std::mem::take(&mut row.children);
        if let Some(config) = self.config {
            // Use the order of the file, because the description's order may change in the next
            // edition.
            children.sort_by_key(|(child, _)| {
                let mut tables = config.tables.iter();
                tables.position(|table| table.name == child.name)
            });
        }
        for (child, lists) in children {
            self.rows(&child, &lists, &[], Some(root.unwrap_or(position)))
                .map_err(|error| error.context(format!("table `{}`", child.name)))?;
        }
        Ok(())
    }

    /// Adds the members of an object in the row. `prefix` is the path to the object.
    fn members(
        &mut self,
        row: &mut Row<'a, '_>,
        schema: &Schema<'a>,
        prefix: &str,
        open: &mut Vec<String>,
        known: &BTreeSet<String>,
    ) -> Result<Vec<Field>> {
        let mut fields = Vec::new();
        for property in schema.properties() {
            // Another spelling of the list has already provided this member.
            if known.contains(&property.name) {
                continue;
            }
            let target = self.member(row, property, prefix, open)?;
            fields.push(Field {
                name: property.name.clone(),
                target,
            });
        }
        Ok(fields)
    }

    fn member(
        &mut self,
        row: &mut Row<'a, '_>,
        property: &Property<'a>,
        prefix: &str,
        open: &mut Vec<String>,
    ) -> Result<Target> {
        let path = format!("{prefix}{}", property.name);
        row.paths.push(path.clone());
        let named = self
            .config
            .is_some_and(|config| config.is_secret(&property.name));
        // Secrets never become columns, not even if a description adds them later.
        if named || row.spec.ignore.contains(&path) {
            return Ok(Target::Ignored);
        }
        let schema = Schema::read(&property.at, self.notes)?;
        if schema.is_secret(self.notes)? {
            return Ok(Target::Ignored);
        }
        if let Some(child) = self.child(row, &path, &schema)? {
            return Ok(Target::Rows(child));
        }
        let place = schema.at.pointer();
        // A schema that contains itself would be expanded forever.
        let circular = open.iter().any(|known| known == place);
        let wide = self.config.is_none() && (row.own.len() >= MAX_COLUMNS || *self.room == 0);
        if wide && !schema.properties().is_empty() {
            let text = match *self.room {
                0 => MANY.to_owned(),
                _ => format!(
                    "`{}` has many columns: this object is one of them",
                    row.spec.name
                ),
            };
            self.notes.add(&property.at, text);
        }
        if !schema.properties().is_empty() && !circular && !wide && open.len() < MAX_DEPTH {
            open.push(place.to_owned());
            let prefix = format!("{path}.");
            let fields = self.members(row, &schema, &prefix, open, &BTreeSet::new())?;
            open.pop();
            return Ok(Target::Object(fields));
        }
        let canonical = row.spec.aliases.get(&path);
        let field = canonical.unwrap_or(&path).clone();
        let name = self.column_name(row.spec, &field);
        // Both spellings of a field fill the same column, and the canonical one provides the
        // documentation.
        let shared = canonical.is_some() || row.spec.aliases.values().any(|field| *field == path);
        if shared && let Some(known) = row.own.iter_mut().find(|column| column.name == name) {
            if canonical.is_none() {
                schema.doc.clone_into(&mut known.doc);
            }
            return Ok(Target::Column(name));
        }
        let free = names::unique(&name, "_", &mut row.taken);
        if free != name {
            self.notes.add(
                &property.at,
                format!("column `{name}` of `{}` is taken: `{free}`", row.spec.name),
            );
        }
        row.own.push(Column {
            name: free.clone(),
            kind: kind(row.spec, &field, &schema),
            origin: Origin::Field,
            doc: schema.doc,
        });
        Ok(Target::Column(free))
    }

    /// Returns the column name of a field.
    pub(super) fn column_name(&self, spec: &TableSpec, field: &str) -> String {
        match spec.rename.get(field) {
            Some(name) => name.clone(),
            None => self.words.snake(field),
        }
    }

    /// Returns the table for this list in the row, if it becomes one.
    fn child(
        &mut self,
        row: &mut Row<'a, '_>,
        path: &str,
        schema: &Schema<'a>,
    ) -> Result<Option<String>> {
        if let Some(config) = self.config {
            let child = config.tables.iter().find(|table| {
                table.parent.as_ref() == Some(&row.spec.name)
                    && table.rows.iter().any(|rows| rows == path)
            });
            let Some(child) = child else { return Ok(None) };
            match row
                .children
                .iter_mut()
                .find(|(known, _)| known.name == child.name)
            {
                Some((_, lists)) => lists.push(schema.clone()),
                None => row.children.push((child.clone(), vec![schema.clone()])),
            }
            return Ok(Some(child.name.clone()));
        }
        let Some(element) = element(schema, self.notes)? else {
            return Ok(None);
        };
        // Rows that contain rows of the same kind have no end, and very deeply nested rows are hard
        // to query. Both become JSON.
        let circular = row
            .spec
            .places
            .iter()
            .any(|place| place == element.at.pointer());
        if element.properties().is_empty() || circular || row.spec.levels.len() == MAX_NESTING {
            return Ok(None);
        }
        if self.unsaid >= MAX_TABLES || *self.room == 0 {
            let text = match *self.room {
                0 => MANY.to_owned(),
                _ => format!("`{}` has many tables: this list is a JSON column", self.id),
            };
            self.notes.add(&schema.at, text);
            return Ok(None);
        }
        let name = format!("{} {path}", row.spec.name);
        let mut child = self.unsaid(&name, &[path.to_owned()], schema, &element);
        child.index = true;
        child.places.extend(row.spec.places.clone());
        child.levels.clone_from(&row.spec.levels);
        let list = match row.spec.rows[0].as_str() {
            WHOLE => &row.spec.name,
            list => list,
        };
        let level = format!("{}_index", self.words.snake(list));
        let mut taken = child.levels.iter().cloned().collect();
        child
            .levels
            .insert(0, names::unique(&level, "_", &mut taken));
        let name = child.name.clone();
        row.children.push((child, vec![schema.clone()]));
        Ok(Some(name))
    }

    /// Adds alternative spellings of fields that the description does not have.
    fn spell_otherwise(&self, row: &Row<'a, '_>, fields: &mut Vec<Field>) -> Result<()> {
        for (spelling, field) in &row.spec.aliases {
            if fields.iter().any(|known| known.name == *spelling) {
                continue;
            }
            let name = self.column_name(row.spec, field);
            if !row.own.iter().any(|column| column.name == name) {
                let known = row.own.iter().map(|column| column.name.as_str());
                let nearest = names::nearest(&name, known);
                bail!("`{spelling}` is an alias of `{field}`, which is not a field; {nearest}");
            }
            fields.push(Field {
                name: spelling.clone(),
                target: Target::Column(name),
            });
        }
        Ok(())
    }

    /// Adds alternative spellings of lists of rows that the description does not have.
    fn spell_lists(&self, row: &Row<'a, '_>, fields: &mut Vec<Field>) {
        let tables = self.config.map_or(&[][..], |config| &config.tables);
        let built = |table: &&TableSpec| {
            row.children
                .iter()
                .any(|(child, _)| child.name == table.name)
        };
        for child in tables.iter().filter(built) {
            let spellings = child.rows.iter().filter(|path| !path.contains('.'));
            for spelling in spellings.filter(|path| !row.paths.contains(path)) {
                fields.push(Field {
                    name: spelling.clone(),
                    target: Target::Rows(child.name.clone()),
                });
            }
        }
    }
}

/// Returns the type of the column for this schema.
pub(super) fn kind(spec: &TableSpec, field: &str, schema: &Schema<'_>) -> Kind {
    let listed = |names: &[String]| names.iter().any(|name| name == field);
    match schema.shape {
        Shape::Bool => Kind::Bool,
        Shape::Integer if listed(&spec.ids) => Kind::Id,
        Shape::Integer => Kind::Int,
        Shape::Number => Kind::Float,
        Shape::DateTime => Kind::Timestamp,
        Shape::Text if listed(&spec.timestamps) => Kind::Timestamp,
        Shape::Text | Shape::Enum(_) => Kind::Text,
        Shape::Any | Shape::List(_) | Shape::Object { .. } => Kind::Json,
    }
}
