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
    json::{Kind, Malformed, Members, Reader, Result, Text},
    layout::{Field, ResponseShape, Rows, Target},
    value::Scalar,
};

/// Reads all rows of a page.
///
/// # Errors
///
/// Fails if the page is malformed or unusual. The engine then contains a part of the page.
pub(super) fn read(engine: &mut Engine<'_>, page: &str) -> Result<()> {
    let answer = &engine.layout.shape;
    let mut direct = Direct {
        engine,
        json: Reader::new(page),
    };
    match answer {
        ResponseShape::Object(fields) => direct.object(fields, &mut WalkPosition::Outside)?,
        ResponseShape::Rows(rows) => direct.list(rows, "answer", None)?,
    }
    direct.json.end()
}

struct Direct<'e, 'a, 't> {
    engine: &'e mut Engine<'a>,
    json: Reader<'t>,
}

impl Direct<'_, '_, '_> {
    fn object(&mut self, fields: &'static [Field], position: &mut WalkPosition<'_>) -> Result<()> {
        let mut members = self.json.open_object()?;
        let first = self.json.next_name(&mut members)?;
        self.members(first, members, fields, position)
    }

    /// Reads the members of an object whose first name has already been read.
    fn members(
        &mut self,
        first: Option<Text<'_>>,
        mut members: Members,
        fields: &'static [Field],
        position: &mut WalkPosition<'_>,
    ) -> Result<()> {
        // Rows usually have their members in the order of the description, so the field after the
        // previous one is tried first.
        let mut guess = 0;
        let mut next = first;
        while let Some(name) = next {
            let name = name.value()?;
            let is_guessed = fields.get(guess).is_some_and(|field| field.name == name);
            let index = if is_guessed {
                Some(guess)
            } else {
                fields.iter().position(|field| field.name == name)
            };
            if let Some(index) = index {
                guess = index + 1;
                self.member(&fields[index], position)?;
            } else {
                let json = self.json.skip()?;
                self.engine.unknown(position, &name, json);
            }
            next = self.json.next_name(&mut members)?;
        }
        Ok(())
    }

    fn member(&mut self, field: &'static Field, position: &mut WalkPosition<'_>) -> Result<()> {
        match (&field.target, position) {
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
            (Target::Rows(rows), position) => {
                let around = match position {
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
                let position = &mut WalkPosition::Inside { row, prefix };
                self.engine.unknown(position, field.name, json);
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
        let mut members = self.json.open_object()?;
        let first = self.json.next_name(&mut members)?;
        if first.is_none() {
            return Ok(());
        }
        self.engine.open_list(rows.table, around);
        let mut row = self.engine.open_row(rows.table, around.map(|row| row.root));
        let mut position = WalkPosition::Inside {
            row: &mut row,
            prefix: "",
        };
        self.members(first, members, rows.fields, &mut position)?;
        self.engine.close_row(row);
        self.engine.next_position();
        self.engine.close_list(rows.table, around);
        Ok(())
    }

    fn element(
        &mut self,
        rows: &'static Rows,
        name: &'static str,
        around: Option<&Row>,
    ) -> Result<()> {
        let root = around.map(|row| row.root);
        match (self.json.kind()?, rows.scalar) {
            (Kind::Object, _) => {
                let mut row = self.engine.open_row(rows.table, root);
                let mut position = WalkPosition::Inside {
                    row: &mut row,
                    prefix: "",
                };
                self.object(rows.fields, &mut position)?;
                self.engine.close_row(row);
            }
            (Kind::Text, Some(column)) => {
                let text = self.json.string()?.value()?;
                let mut row = self.engine.open_row(rows.table, root);
                self.engine
                    .fill(&mut row, Path("", name), column, &Scalar::Text(text));
                self.engine.close_row(row);
            }
            _ => return Err(Malformed),
        }
        Ok(())
    }
}
