//! Reads a page of the usual structure in one pass over its text.
//!
//! Nearly all pages are lists of objects whose inner lists are lists of objects too. For those, the
//! value of each member goes from the text to its column at once. Where a page has anything else,
//! such as a string in place of a list, this gives up, and the page is read again by
//! [`Walk`](super::walk::Walk), which is slower and knows what to make of it.

use super::{
    Engine,
    row::{Path, Row, WalkPosition},
};
use crate::{
    json::{Kind, Malformed, Name, Reader, Result},
    layout::{Field, Layout, ResponseShape, Rows, Target},
    value::Scalar,
};

/// Reads all rows of a page.
///
/// # Errors
///
/// Fails if the page is malformed or unusual. The engine then contains a part of the page.
pub(super) fn read(engine: &mut Engine, page: &str) -> Result<()> {
    let Layout {
        shape: answer,
        tables,
        ..
    } = engine.layout;
    let mut direct = Direct {
        engine,
        json: Reader::new(page),
        following: vec![Vec::new(); tables.len()],
    };
    match answer {
        ResponseShape::Object(fields) => direct.object(fields, &mut WalkPosition::Outside)?,
        ResponseShape::Rows(rows) => direct.list(rows, "answer", None)?,
    }
    direct.json.end()
}

struct Direct<'e, 't> {
    engine: &'e mut Engine,
    json: Reader<'t>,
    /// For each table, the field that followed each field when they were last read. The order of
    /// the members differs between services and from the descriptions, but hardly ever between the
    /// rows of a page.
    following: Vec<Vec<usize>>,
}

impl Direct<'_, '_> {
    fn object(&mut self, fields: &'static [Field], place: &mut WalkPosition<'_>) -> Result<()> {
        let table = match place {
            WalkPosition::Inside { row, prefix: "" } => Some(row.table),
            _ => None,
        };
        let mut members = self.json.open_object()?;
        // The last field that was read, counted from 1.
        let mut last = 0;
        loop {
            let next = table.and_then(|table| self.following[table].get(last));
            let likely = next.map_or(last, |next| *next);
            let likely_name = fields.get(likely).map_or("", |field| field.name);
            let position = match self.json.next_name_or(&mut members, likely_name)? {
                None => return Ok(()),
                Some(Name::Likely) => likely,
                Some(Name::Other(name)) => {
                    let name = name.value()?;
                    let Some(position) = fields.iter().position(|field| field.name == name) else {
                        let json = self.json.skip()?;
                        self.engine.unknown(place, &name, json);
                        continue;
                    };
                    if let Some(table) = table {
                        self.remember(table, last, position);
                    }
                    position
                }
            };
            last = position + 1;
            self.member(&fields[position], place)?;
        }
    }

    /// Remembers which field followed another one in a row.
    fn remember(&mut self, table: usize, last: usize, position: usize) {
        let following = &mut self.following[table];
        let known = following.len();
        following.extend(known..=last);
        following[last] = position;
    }

    fn member(&mut self, field: &'static Field, place: &mut WalkPosition<'_>) -> Result<()> {
        match (&field.target, place) {
            (Target::Column(column), WalkPosition::Inside { row, prefix }) => {
                let value = Scalar::read(&mut self.json)?;
                let path = Path(prefix, field.name);
                self.engine.fill(row, path, *column, &value);
            }
            (Target::Ignored | Target::Column(_), _) => {
                self.json.skip()?;
            }
            (Target::Enclosing(slot), _) => {
                self.engine.enclosing[*slot] = Some(self.json.skip()?.to_owned());
            }
            (Target::Rows(rows), place) => {
                let around = match place {
                    WalkPosition::Outside => None,
                    WalkPosition::Inside { row, .. } => Some(&**row),
                };
                self.list(rows, field.name, around)?;
            }
            (Target::Object(fields), WalkPosition::Outside) => match self.json.kind()? {
                Kind::Null => drop(self.json.literal()?),
                _ => self.object(fields, &mut WalkPosition::Outside)?,
            },
            (Target::Object(fields), WalkPosition::Inside { row, prefix }) => {
                if self.json.kind()? == Kind::Object {
                    let prefix = format!("{prefix}{}.", field.name);
                    let prefix = &prefix;
                    return self.object(fields, &mut WalkPosition::Inside { row, prefix });
                }
                let json = self.json.skip()?;
                let place = &mut WalkPosition::Inside { row, prefix };
                self.engine.unknown(place, field.name, json);
            }
        }
        Ok(())
    }

    fn list(
        &mut self,
        rows: &'static Rows,
        name: &'static str,
        around: Option<&Row>,
    ) -> Result<()> {
        match self.json.kind()? {
            Kind::Null => {
                self.json.literal()?;
                return Ok(());
            }
            Kind::Object => return self.only_row(rows, around),
            _ => {}
        }
        let mut elements = self.json.open_list()?;
        self.engine.open_list(rows.table, around);
        while self.json.next_element(&mut elements)? {
            self.element(rows, name, around)?;
            self.engine.next_position();
        }
        self.engine.close_list(rows.table, around);
        Ok(())
    }

    /// Reads an object in place of a list: its only row, or an empty list if it has no members.
    fn only_row(&mut self, rows: &'static Rows, around: Option<&Row>) -> Result<()> {
        if self.json.is_at_empty_object() {
            self.json.skip()?;
            return Ok(());
        }
        self.engine.open_list(rows.table, around);
        self.row(rows, around)?;
        self.engine.next_position();
        self.engine.close_list(rows.table, around);
        Ok(())
    }

    fn row(&mut self, rows: &'static Rows, around: Option<&Row>) -> Result<()> {
        let root = around.map(|row| row.root);
        let mut row = self.engine.open_row(rows.table, root);
        let mut place = WalkPosition::Inside {
            row: &mut row,
            prefix: "",
        };
        self.object(rows.fields, &mut place)?;
        self.engine.close_row(row);
        Ok(())
    }

    fn element(
        &mut self,
        rows: &'static Rows,
        name: &'static str,
        around: Option<&Row>,
    ) -> Result<()> {
        match (self.json.kind()?, rows.scalar) {
            (Kind::Object, _) => self.row(rows, around),
            (Kind::Text, Some(column)) => {
                let text = self.json.string()?.value()?;
                let root = around.map(|row| row.root);
                let mut row = self.engine.open_row(rows.table, root);
                self.engine
                    .fill(&mut row, Path("", name), column, &Scalar::Text(text));
                self.engine.close_row(row);
                Ok(())
            }
            _ => Err(Malformed),
        }
    }
}
