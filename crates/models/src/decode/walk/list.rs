//! Reads lists of rows, and what may be in their place.

use std::fmt;

use serde::{
    Deserialize,
    de::{
        DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor,
        value::SeqAccessDeserializer,
    },
};

use super::{Name, Walk};
use crate::{
    decode::{
        Engine,
        row::{Path, Row, WalkPosition},
    },
    layout::Rows,
    value::Scalar,
};

/// Reads a list of rows, or a single object in its place.
pub(in crate::decode) struct List<'e, 'r> {
    pub(in crate::decode) engine: &'e mut Engine,
    pub(in crate::decode) rows: &'static Rows,
    pub(in crate::decode) name: &'static str,
    pub(in crate::decode) around: Option<&'r Row>,
}

impl List<'_, '_> {
    /// Handles a value that is not a list of rows, where one should be.
    fn misfit<E: Error>(self, value: &str) -> Result<(), E> {
        match self.around {
            Some(row) => {
                self.engine
                    .misfit(row, self.name, value, "not a list of objects");
                Ok(())
            }
            // A wrong value inside a row costs one issue. In place of the outermost list it would
            // cost all rows of the page without a trace, so there it is an error.
            None => Err(E::custom(format_args!("`{}` is not a list", self.name))),
        }
    }
}

impl<'de> DeserializeSeed<'de> for List<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for List<'_, '_> {
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
        // An empty object in place of a list means an empty list.
        let Some(first) = map.next_key_seed(Name { fields, guess: 0 })? else {
            return Ok(());
        };
        self.engine.open_list(self.rows.table, self.around);
        let mut row = self
            .engine
            .open_row(self.rows.table, self.around.map(|row| row.root));
        let position = WalkPosition::Inside {
            row: &mut row,
            prefix: "",
        };
        let engine = &mut *self.engine;
        Walk {
            engine,
            fields,
            position,
        }
        .members(first, map)?;
        self.engine.close_row(row);
        // The object is a list of one, so the position still advances: the same list may continue
        // under a second spelling.
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
struct Element<'e, 'r> {
    engine: &'e mut Engine,
    rows: &'static Rows,
    name: &'static str,
    around: Option<&'r Row>,
}

impl Element<'_, '_> {
    fn scalar<E: Error>(self, value: &Scalar<'_>) -> Result<(), E> {
        let Some(column) = self.rows.scalar else {
            let Self {
                engine,
                rows,
                name,
                around,
            } = self;
            if around.is_none() {
                engine.no_row(rows.table, name, value.as_written());
                return Ok(());
            }
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

impl<'de> DeserializeSeed<'de> for Element<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Element<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        // Null inside a list of plain values says nothing. Inside a list of objects it is a row
        // that got lost, which has to be reported.
        match self.rows.scalar {
            Some(_) => Ok(()),
            None => self.scalar(&Scalar::Null),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        let mut row = self
            .engine
            .open_row(self.rows.table, self.around.map(|row| row.root));
        let position = WalkPosition::Inside {
            row: &mut row,
            prefix: "",
        };
        Walk {
            engine: self.engine,
            fields: self.rows.fields,
            position,
        }
        .visit_map(map)?;
        self.engine.close_row(row);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<(), A::Error> {
        // The list has already been opened by the JSON parser, so its original text is gone. This
        // is rare enough to build it again.
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
