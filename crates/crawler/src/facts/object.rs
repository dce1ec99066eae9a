//! Reads the members of a JSON object without parsing their values.

use std::{borrow::Cow, fmt};

use fortilake_auth::printable;
use serde::{
    Deserialize,
    de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// Names and values in the order of the text.
pub(super) type Members<'a> = Vec<(Cow<'a, str>, &'a RawValue)>;

/// All members of an object; `None` if the value is not an object.
///
/// serde also deserializes a list into a struct, member by member, so the type is checked first.
pub(super) fn members(value: &RawValue) -> Option<serde_json::Result<Members<'_>>> {
    struct All;

    impl<'de> Visitor<'de> for All {
        type Value = Members<'de>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Vec::new();
            while let Some(Name(name)) = map.next_key()? {
                members.push((name, map.next_value()?));
            }
            Ok(members)
        }
    }

    let is_object = value.get().starts_with('{');
    is_object.then(|| serde_json::Deserializer::from_str(value.get()).deserialize_map(All))
}

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// The values of these members of an object as text, in the order of `names`. Each name is a list of
/// alternatives. Null counts as absent, and of repeated members the first one counts.
pub(crate) fn pick<'a, const N: usize>(
    object: &'a RawValue,
    names: [&[&str]; N],
) -> serde_json::Result<[Option<&'a str>; N]> {
    struct Picked<'n, const N: usize>([&'n [&'n str]; N]);

    impl<'de, const N: usize> Visitor<'de> for Picked<'_, N> {
        type Value = [Option<&'de str>; N];

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut picked = [None; N];
            while let Some(position) = map.next_key_seed(Position(&self.0))? {
                let Some(position) = position else {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                };
                let value: &RawValue = map.next_value()?;
                if picked[position].is_none() && value.get() != "null" {
                    picked[position] = Some(value.get());
                }
            }
            Ok(picked)
        }
    }

    serde_json::Deserializer::from_str(object.get()).deserialize_map(Picked(names))
}

/// Finds the position of a member's name in the list.
struct Position<'n>(&'n [&'n [&'n str]]);

impl<'de> DeserializeSeed<'de> for Position<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Position<'_> {
    type Value = Option<usize>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a member's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|names| names.contains(&name)))
    }
}

/// The type of a JSON value, with its article.
pub(super) fn kind(value: &RawValue) -> &'static str {
    match value.get().as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b'"') => "a string",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    }
}

/// An error about a response. It may quote names from the response, so characters that would control a
/// terminal are replaced.
pub(crate) fn error(message: &str) -> serde_json::Error {
    serde_json::Error::custom(printable(message))
}
