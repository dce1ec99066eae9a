//! Walks through a text of any structure along the layout.
//!
//! Pages of the usual structure do not get here, see [`direct`](super::direct).

mod list;

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

pub(super) use self::list::List;
use super::{
    Engine,
    row::{Path, WalkPosition},
};
use crate::{
    layout::{Field, Target},
    value::Scalar,
};

/// Reads one object.
pub(super) struct Walk<'e, 'r> {
    pub(super) engine: &'e mut Engine,
    pub(super) fields: &'static [Field],
    pub(super) position: WalkPosition<'r>,
}

impl<'de> DeserializeSeed<'de> for Walk<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        match map.next_key_seed(Name {
            fields: self.fields,
            guess: 0,
        })? {
            Some(first) => self.members(first, map),
            None => Ok(()),
        }
    }
}

impl Walk<'_, '_> {
    /// Reads the members of an object whose first name has already been read.
    pub(super) fn members<'de, A: MapAccess<'de>>(
        mut self,
        first: Found,
        mut map: A,
    ) -> Result<(), A::Error> {
        let fields = self.fields;
        let mut next = Some(first);
        while let Some(name) = next {
            let mut guess = 0;
            match name {
                Found::Field(position) => {
                    guess = position + 1;
                    self.member(&fields[position], &mut map)?;
                }
                Found::Unknown(name) => self.unknown(&name, map.next_value()?),
            }
            next = map.next_key_seed(Name { fields, guess })?;
        }
        Ok(())
    }

    fn member<'de, A: MapAccess<'de>>(
        &mut self,
        field: &Field,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match (&field.target, &mut self.position) {
            (Target::Ignored, _) | (Target::Column(_), WalkPosition::Outside) => {
                // Skips the value without storing it. A column outside of rows can't happen with
                // generated layouts.
                map.next_value::<IgnoredAny>().map(|_| ())
            }
            (Target::Column(column), WalkPosition::Inside { row, prefix }) => {
                let raw: &RawValue = map.next_value()?;
                let path = Path(prefix, field.name);
                self.engine.fill(row, path, *column, &Scalar::of(raw.get()));
                Ok(())
            }
            (Target::Enclosing(slot), _) => {
                let raw: &RawValue = map.next_value()?;
                self.engine.enclosing[*slot] = Some(raw.get().to_owned());
                Ok(())
            }
            (Target::Rows(rows), position) => {
                let around = match position {
                    WalkPosition::Outside => None,
                    WalkPosition::Inside { row, .. } => Some(&**row),
                };
                map.next_value_seed(List {
                    engine: self.engine,
                    rows,
                    name: field.name,
                    around,
                })
            }
            (Target::Object(fields), WalkPosition::Outside) => {
                let position = WalkPosition::Outside;
                map.next_value_seed(Walk {
                    engine: self.engine,
                    fields,
                    position,
                })
            }
            (Target::Object(fields), WalkPosition::Inside { row, prefix }) => {
                // The value is read as text first, because only an object may be opened. Anything
                // else goes to `_extra` as it is, where opening it would fail the page.
                let raw: &RawValue = map.next_value()?;
                if let Scalar::Other(text) = Scalar::of(raw.get())
                    && text.starts_with('{')
                {
                    let prefix = format!("{prefix}{}.", field.name);
                    let position = WalkPosition::Inside {
                        row,
                        prefix: &prefix,
                    };
                    let walk = Walk {
                        engine: self.engine,
                        fields,
                        position,
                    };
                    let mut json = serde_json::Deserializer::from_str(text);
                    return walk.deserialize(&mut json).map_err(A::Error::custom);
                }
                self.unknown(field.name, raw);
                Ok(())
            }
        }
    }

    fn unknown(&mut self, name: &str, raw: &RawValue) {
        self.engine.unknown(&mut self.position, name, raw.get());
    }
}

/// Reads a member's name and finds its field.
///
/// Rows usually have their members in the same order, so the field after the previous one is tried
/// first.
pub(super) struct Name {
    pub(super) fields: &'static [Field],
    pub(super) guess: usize,
}

pub(super) enum Found {
    Field(usize),
    Unknown(String),
}

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Found;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Found, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name {
    type Value = Found;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a member's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Found, E> {
        if self
            .fields
            .get(self.guess)
            .is_some_and(|field| field.name == name)
        {
            return Ok(Found::Field(self.guess));
        }
        Ok(
            // A linear search is enough: objects have a few dozen members, and almost all of them
            // are found by the guess above.
            match self.fields.iter().position(|field| field.name == name) {
                Some(position) => Found::Field(position),
                None => Found::Unknown(name.to_owned()),
            },
        )
    }
}
