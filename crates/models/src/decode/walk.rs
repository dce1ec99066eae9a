//! The walk over the text, along the layout.

use std::fmt;

use serde::{
    Deserialize,
    de::{
        DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
        value::SeqAccessDeserializer,
    },
};
use serde_json::value::RawValue;

use super::{Engine, Row};
use crate::{
    is_secret,
    layout::{Field, Rows, Target},
    value::Scalar,
};

/// Where in the answer the walk stands.
pub(super) enum Place<'r> {
    /// Around the rows.
    Outside,
    /// In this row; `prefix` is the path from the row's object, empty or ending in a dot.
    Inside { row: &'r mut Row, prefix: &'r str },
}

/// Reads one object.
pub(super) struct Walk<'e, 'a, 'r> {
    pub(super) engine: &'e mut Engine<'a>,
    pub(super) fields: &'static [Field],
    pub(super) place: Place<'r>,
}

impl<'de> DeserializeSeed<'de> for Walk<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_, '_, '_> {
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

impl Walk<'_, '_, '_> {
    /// Reads the members of an object whose first name is known.
    fn members<'de, A: MapAccess<'de>>(mut self, first: Found, mut map: A) -> Result<(), A::Error> {
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
        match (&field.target, &mut self.place) {
            (Target::Ignored, _) | (Target::Column(_), Place::Outside) => {
                map.next_value::<IgnoredAny>().map(|_| ())
            }
            (Target::Column(column), Place::Inside { row, .. }) => {
                let raw: &RawValue = map.next_value()?;
                self.engine.fill(row, field, *column, &Scalar::of(raw));
                Ok(())
            }
            (Target::Enclosing(slot), _) => {
                let raw: &RawValue = map.next_value()?;
                self.engine.enclosing[*slot] = Some(raw.get().to_owned());
                Ok(())
            }
            (Target::Rows(rows), place) => {
                let around = match place {
                    Place::Outside => None,
                    Place::Inside { row, .. } => Some(&**row),
                };
                map.next_value_seed(List {
                    engine: self.engine,
                    rows,
                    name: field.name,
                    around,
                })
            }
            (Target::Object(fields), Place::Outside) => {
                let place = Place::Outside;
                map.next_value_seed(Walk {
                    engine: self.engine,
                    fields,
                    place,
                })
            }
            (Target::Object(fields), Place::Inside { row, prefix }) => {
                let raw: &RawValue = map.next_value()?;
                if let Scalar::Other(text) = Scalar::of(raw)
                    && text.starts_with('{')
                {
                    let prefix = format!("{prefix}{}.", field.name);
                    let place = Place::Inside {
                        row,
                        prefix: &prefix,
                    };
                    let walk = Walk {
                        engine: self.engine,
                        fields,
                        place,
                    };
                    let mut json = serde_json::Deserializer::from_str(text);
                    return walk.deserialize(&mut json).map_err(A::Error::custom);
                }
                self.unknown(field.name, raw);
                Ok(())
            }
        }
    }

    /// Keeps what has no column, unless it says nothing or must not be kept.
    fn unknown(&mut self, name: &str, raw: &RawValue) {
        if let Place::Inside { row, prefix } = &mut self.place
            && raw.get() != "null"
            && !is_secret(name)
        {
            row.keep(&format!("{prefix}{name}"), raw.get());
            self.engine.unknown_fields += 1;
        }
    }
}

/// Reads a member's name.
///
/// Rows repeat their members in one order, so the one after the last is tried first.
struct Name {
    fields: &'static [Field],
    guess: usize,
}

enum Found {
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
            match self.fields.iter().position(|field| field.name == name) {
                Some(position) => Found::Field(position),
                None => Found::Unknown(name.to_owned()),
            },
        )
    }
}

/// Reads a list of rows, or one object in its place.
struct List<'e, 'a, 'r> {
    engine: &'e mut Engine<'a>,
    rows: &'static Rows,
    name: &'static str,
    around: Option<&'r Row>,
}

impl List<'_, '_, '_> {
    /// Something that is no list of rows stands where one should.
    fn misfit<E: Error>(self, value: &str) -> Result<(), E> {
        match self.around {
            Some(row) => {
                self.engine
                    .misfit(row, self.name, value, "not a list of objects");
                Ok(())
            }
            None => Err(E::custom(format_args!("`{}` is not a list", self.name))),
        }
    }
}

impl<'de> DeserializeSeed<'de> for List<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for List<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        self.engine.positions.push(0);
        loop {
            let element = Element {
                engine: self.engine,
                rows: self.rows,
                name: self.name,
                around: self.around,
            };
            if list.next_element_seed(element)?.is_none() {
                break;
            }
            if let Some(position) = self.engine.positions.last_mut() {
                *position += 1;
            }
        }
        self.engine.positions.pop();
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let fields = self.rows.fields;
        // An object without members stands for an empty list.
        let Some(first) = map.next_key_seed(Name { fields, guess: 0 })? else {
            return Ok(());
        };
        self.engine.positions.push(0);
        let mut row = self
            .engine
            .open_row(self.rows.table, self.around.map(|row| row.root));
        let place = Place::Inside {
            row: &mut row,
            prefix: "",
        };
        let engine = &mut *self.engine;
        Walk {
            engine,
            fields,
            place,
        }
        .members(first, map)?;
        self.engine.close_row(row);
        self.engine.positions.pop();
        Ok(())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.misfit(value)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.misfit(&value.to_string())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.misfit(&value.to_string())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.misfit(&value.to_string())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.misfit(&value.to_string())
    }
}

/// Reads one element of a list of rows.
struct Element<'e, 'a, 'r> {
    engine: &'e mut Engine<'a>,
    rows: &'static Rows,
    name: &'static str,
    around: Option<&'r Row>,
}

impl Element<'_, '_, '_> {
    fn scalar<E: Error>(self, value: &Scalar<'_>) -> Result<(), E> {
        let Some(column) = self.rows.scalar else {
            let Self {
                engine,
                rows,
                name,
                around,
            } = self;
            return List {
                engine,
                rows,
                name,
                around,
            }
            .misfit(value.as_written());
        };
        let mut row = self
            .engine
            .open_row(self.rows.table, self.around.map(|row| row.root));
        let field = Field {
            name: self.name,
            target: Target::Column(column),
        };
        self.engine.fill(&mut row, &field, column, value);
        self.engine.close_row(row);
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Element<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Element<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        let mut row = self
            .engine
            .open_row(self.rows.table, self.around.map(|row| row.root));
        let place = Place::Inside {
            row: &mut row,
            prefix: "",
        };
        Walk {
            engine: self.engine,
            fields: self.rows.fields,
            place,
        }
        .visit_map(map)?;
        self.engine.close_row(row);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<(), A::Error> {
        let list = serde_json::Value::deserialize(SeqAccessDeserializer::new(list))?;
        self.scalar(&Scalar::Other(&list.to_string()))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.scalar(&Scalar::Text(value.into()))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.scalar(&Scalar::Literal(&value.to_string()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.scalar(&Scalar::Literal(&value.to_string()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.scalar(&Scalar::Literal(&value.to_string()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.scalar(&Scalar::Literal(&value.to_string()))
    }
}
