//! Lists of rows, and what stands in their place.

use std::fmt;

use serde::{
    Deserialize,
    de::{
        DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor,
        value::SeqAccessDeserializer,
    },
};

use super::{
    Engine,
    row::{Path, Row},
    walk::{Name, Place, Walk},
};
use crate::{layout::Rows, value::Scalar};

/// Reads a list of rows, or one object in its place.
pub(super) struct List<'e, 'a, 'r> {
    pub(super) engine: &'e mut Engine<'a>,
    pub(super) rows: &'static Rows,
    pub(super) name: &'static str,
    pub(super) around: Option<&'r Row>,
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
        self.engine.open_list(self.rows.table, self.around);
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
            self.engine.next_position();
        }
        self.engine.close_list(self.rows.table, self.around);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let fields = self.rows.fields;
        // An object without members stands for an empty list.
        let Some(first) = map.next_key_seed(Name { fields, guess: 0 })? else {
            return Ok(());
        };
        self.engine.open_list(self.rows.table, self.around);
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
        self.engine.next_position();
        self.engine.close_list(self.rows.table, self.around);
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
        self.engine
            .fill(&mut row, Path("", self.name), column, value);
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
