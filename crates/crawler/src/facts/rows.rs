//! The rows of a list, in all the forms that the decoder accepts.

use std::fmt;

use serde::de::{Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::object::{error, kind};

/// A list of rows. Null is an empty list, and an object is its only row.
///
/// An empty object is neither: no release is known to send one for an empty list, so it proves
/// nothing.
#[derive(Debug, Default)]
pub(crate) struct Rows<'a> {
    /// The rows that are objects.
    pub(crate) objects: Vec<&'a RawValue>,
    /// The number of elements that are null.
    pub(crate) nulls: usize,
    /// The number of elements that are neither objects nor null. The decoder reports each of them
    /// as an issue, as it does for nulls.
    pub(crate) odd: usize,
    /// Whether an object stands in the place of the list, as its only row.
    pub(crate) is_single: bool,
    /// What the response has in the place of the list.
    pub(crate) member: RowsMember,
}

/// What a response has in the place of a list of rows.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowsMember {
    #[default]
    Absent,
    Null,
    /// A list, empty or not.
    List,
}

impl<'a> Rows<'a> {
    /// Reads the rows from the member `name`.
    pub(crate) fn read(name: &str, value: &'a RawValue) -> serde_json::Result<Self> {
        let text = value.get();
        match text.as_bytes().first() {
            Some(b'[') => serde_json::Deserializer::from_str(text).deserialize_seq(Elements),
            Some(b'{') if text[1..].trim_ascii_start() == "}" => Err(error(&format!(
                "`{name}` is an empty object where a list was expected"
            ))),
            Some(b'{') => Ok(Self {
                objects: vec![value],
                is_single: true,
                ..Self::default()
            }),
            Some(b'n') => Ok(Self::default()),
            _ => Err(error(&format!(
                "`{name}` is {} where a list was expected",
                kind(value)
            ))),
        }
    }

    /// The number of elements of any type.
    pub(crate) fn len(&self) -> usize {
        self.objects.len() + self.nulls + self.odd
    }
}

struct Elements;

impl<'de> Visitor<'de> for Elements {
    type Value = Rows<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Rows<'de>, A::Error> {
        let mut rows = Rows::default();
        while let Some(element) = elements.next_element::<&RawValue>()? {
            match element.get().as_bytes().first() {
                Some(b'{') => rows.objects.push(element),
                Some(b'n') => rows.nulls += 1,
                _ => rows.odd += 1,
            }
        }
        Ok(rows)
    }
}
