//! Orders a table's columns: first the key, then columns from elsewhere, then those of the row
//! itself.

use std::collections::BTreeSet;

use anyhow::{Result, anyhow, bail};

use super::{
    config::TableSpec,
    names,
    places::Builder,
    rows::{Around, Row, kind},
    tables::{Column, Kind, Origin, meta_columns},
};

/// The column with the position in the list, for rows inside other rows.
const INDEX: &str = "_index";

impl<'a> Builder<'a, '_> {
    /// Returns all columns in order: the key, those from elsewhere, those of the description, the
    /// meta columns.
    pub(super) fn columns(
        &self,
        row: &Row<'a, '_>,
        around: &[Around<'a>],
        root: Option<usize>,
    ) -> Result<Vec<Column>> {
        let mut columns: Vec<Column> = Vec::new();
        for name in row.spec.special() {
            if !columns.iter().any(|known| known.name == name) {
                columns.push(self.special(row, name, around, root)?);
            }
        }
        for column in &row.own {
            if !columns.iter().any(|known| known.name == column.name) {
                columns.push(column.clone());
            }
        }
        self.publish(row.spec, &mut columns)?;
        columns.extend(meta_columns());
        Ok(columns)
    }

    /// Checks that the columns that `tables.toml` defines are among the published ones.
    fn check_published(&self, spec: &TableSpec) -> Result<()> {
        let published = || spec.columns.iter().map(|column| column.name.as_str());
        if spec.columns.is_empty() {
            return Ok(());
        }
        let mut made = spec.special();
        made.extend(spec.rename.values().map(String::as_str));
        let spelled = spec.aliases.values();
        let spelled: Vec<String> = spelled.map(|field| self.column_name(spec, field)).collect();
        made.extend(spelled.iter().map(String::as_str));
        for name in made {
            if !published().any(|known| known == name) {
                let nearest = names::nearest(name, published());
                bail!("the column `{name}` is not among the published `columns`; {nearest}");
            }
        }
        Ok(())
    }

    /// Moves the published columns to the front, and gives them their published types.
    fn publish(&self, spec: &TableSpec, columns: &mut [Column]) -> Result<()> {
        self.check_published(spec)?;
        for published in &spec.columns {
            let name = published.name.as_str();
            let known = columns.iter_mut().find(|column| column.name == name);
            let Some(column) = known else {
                let known = columns.iter().map(|column| column.name.as_str());
                let nearest = names::nearest(name, known);
                bail!("no field provides the published column `{name}`; {nearest}");
            };
            let (kind, found) = (published.kind, column.kind);
            if !kind.reads(found) {
                bail!(
                    "the column `{name}` is published as {}, but the description makes it {}",
                    kind.name(),
                    found.name()
                );
            }
            if kind != found {
                let place = format!("tables.toml, {}", spec.name);
                let text = format!(
                    "the description makes `{name}` {}; it stays {}, as published",
                    found.name(),
                    kind.name()
                );
                self.notes.add_at(&place, text);
                column.kind = kind;
            }
        }
        let place = |column: &Column| {
            let mut published = spec.columns.iter();
            published.position(|published| published.name == column.name)
        };
        // The sort is stable, so columns that are not published keep the order of the description
        // behind the published ones.
        columns.sort_by_key(|column| place(column).unwrap_or(usize::MAX));
        Ok(())
    }

    /// A column that comes before the description's own columns.
    fn special(
        &self,
        row: &Row<'a, '_>,
        name: &str,
        around: &[Around<'a>],
        root: Option<usize>,
    ) -> Result<Column> {
        let spec = row.spec;
        let column = |kind, origin, doc: &str| Column {
            name: name.to_owned(),
            kind,
            origin,
            doc: doc.to_owned(),
        };
        let own = row.own.iter().find(|column| column.name == name);
        if let Some(level) = spec.levels.iter().position(|known| known == name) {
            let doc = "Zero-based position of the parent row in its list.";
            return Ok(column(Kind::Int, Origin::ParentIndex(level + 1), doc));
        }
        if name == INDEX {
            let doc = "Zero-based position of the row in its list.";
            return Ok(column(Kind::Int, Origin::Index, doc));
        }
        if spec.inherit.iter().any(|known| known == name) {
            return self.inherited(name, root);
        }
        if let Some((_, slot, schema)) = around.iter().find(|(known, ..)| known == name) {
            let path = &spec.enclosing[name];
            let kind = kind(spec, path, schema);
            return Ok(column(kind, Origin::Enclosing(*slot), &schema.doc));
        }
        if let Some(argument) = spec.asked.get(name) {
            let doc = format!("The `{argument}` of the request that returned the row.");
            let asked = column(Kind::Int, Origin::Asked(argument.clone()), &doc);
            return Ok(own.map_or(asked, |own| Column {
                origin: Origin::FieldOrAsked(argument.clone()),
                ..own.clone()
            }));
        }
        if let Some(given) = spec.given.get(name) {
            return Ok(column(given.kind, Origin::Given, &given.doc));
        }
        own.cloned().ok_or_else(|| {
            let meta = meta_columns();
            let elsewhere = spec.special().into_iter().filter(|known| *known != name);
            let known = row
                .own
                .iter()
                .chain(&meta)
                .map(|column| column.name.as_str());
            let known = known.chain(elsewhere).chain([INDEX]);
            anyhow!(
                "no field provides the column `{name}`; {}",
                names::nearest(name, known)
            )
        })
    }

    /// A column that is copied from the outermost row.
    fn inherited(&self, name: &str, root: Option<usize>) -> Result<Column> {
        let Some(root) = root.map(|root| &self.out.tables[root]) else {
            bail!("`{name}` cannot be inherited, because the table has no parent");
        };
        let Some(column) = root.column(name) else {
            let known = root.columns.iter().map(|column| column.name.as_str());
            let nearest = names::nearest(name, known);
            bail!(
                "`{}` has no column `{name}` to inherit; {nearest}",
                root.name
            );
        };
        if !matches!(column.kind, Kind::Int | Kind::Id | Kind::Text) {
            bail!("`{name}` cannot be inherited; only columns of text and integers can");
        }
        Ok(Column {
            origin: Origin::Root(name.to_owned()),
            ..column.clone()
        })
    }
}

impl TableSpec {
    /// Returns the columns that come first. Those that come last may also be part of the key.
    fn special(&self) -> Vec<&str> {
        let meta = meta_columns();
        let is_meta = |name: &&str| meta.iter().any(|column| column.name == *name);
        let key = self.key.iter().map(String::as_str);
        let mut names: Vec<&str> = key.filter(|name| !is_meta(name)).collect();
        names.extend(self.inherit.iter().map(String::as_str));
        names.extend(self.enclosing.keys().map(String::as_str));
        names.extend(self.asked.keys().map(String::as_str));
        names.extend(self.given.keys().map(String::as_str));
        names.extend(self.levels.iter().rev().map(String::as_str));
        names.extend(self.index.then_some(INDEX));
        names
    }

    /// Returns the columns that no field of the row may fill.
    pub(super) fn reserved(&self) -> BTreeSet<String> {
        let names = self.inherit.iter().chain(self.enclosing.keys());
        let names = names.chain(self.given.keys());
        names.chain(&self.levels).cloned().collect()
    }
}
