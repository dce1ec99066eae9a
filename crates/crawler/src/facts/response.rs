//! The structure of a response: its members, its rows, and whether a response without rows can be
//! trusted.
//!
//! A response without rows needs proof. To code that only looks for rows, a gateway's error page, a
//! renamed member and a truncated response all look like an empty list, and an empty list deletes
//! rows downstream.

use std::borrow::Cow;

use fortilake_models::{self as models, ENVELOPE, Field, Layout, ResponseShape, Target};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::{
    UnusableTotal,
    object::{Members, error, kind, members, pick},
    rows::{Rows, RowsMember},
};

/// The journal's form of a response in which the API states that nothing was found.
const NOTHING: &str = "{}";

/// How many levels of undescribed members are searched for lists of objects.
const DEPTH: usize = 3;

/// One response, read along the layout of its endpoint.
pub(crate) struct ParsedResponse<'a> {
    layout: Option<&'static Layout>,
    members: Members<'a>,
    /// Whether the API stated that nothing was found.
    says_nothing: bool,
}

impl<'a> ParsedResponse<'a> {
    pub(crate) fn read(endpoint: &str, page: &'a str) -> serde_json::Result<Self> {
        let raw: &RawValue = serde_json::from_str(page)?;
        let members = members(raw)
            .ok_or_else(|| error(&format!("the response is {}, not an object", kind(raw))))??;
        Ok(Self {
            layout: models::endpoint(endpoint).and_then(|endpoint| endpoint.layout),
            members,
            says_nothing: page.trim_ascii() == NOTHING,
        })
    }

    /// A top-level member of the response; null counts as absent.
    pub(crate) fn member(&self, name: &str) -> Option<&'a RawValue> {
        let found = self.members.iter().find(|(known, _)| known == name);
        found
            .map(|(_, value)| *value)
            .filter(|value| value.get() != "null")
    }

    /// A number in the response itself, or else in an object around the rows.
    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        let mut values = self.values(name).into_iter();
        values.find_map(models::integer_of)
    }

    /// What is wrong with the number of pages that the response reports, if it reports one.
    pub(crate) fn unusable_total(&self) -> Option<UnusableTotal> {
        let values = self.values("totalPages").into_iter();
        // One usable number is enough.
        values.map(|value| UnusableTotal::of(Some(value))).min()?
    }

    /// The values of the members of this name: in the response itself, then in the objects around
    /// the rows.
    fn values(&self, name: &str) -> Vec<&'a str> {
        let value = |members: &Members<'a>| {
            let found = members.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| value.get())
        };
        let path = self.path();
        let objects = path.iter().rev().skip(1);
        let inner = objects.filter_map(|object| value(&self.inside(object).ok()??));
        value(&self.members).into_iter().chain(inner).collect()
    }

    /// The members of an object inside the response; `None` if the object is absent or null.
    pub(crate) fn inside(&self, name: &str) -> serde_json::Result<Option<Members<'a>>> {
        let Some(value) = self.member(name) else {
            return Ok(None);
        };
        let members = members(value).ok_or_else(|| {
            error(&format!(
                "`{name}` is {} where an object was expected",
                kind(value)
            ))
        })?;
        members.map(Some)
    }

    /// The rows of the response, found along the layout.
    ///
    /// # Errors
    ///
    /// If the rows cannot be found or counted, or if there are none and the response does not prove
    /// that it is this endpoint's empty list.
    pub(crate) fn rows(&self) -> serde_json::Result<Rows<'a>> {
        let path = self.path();
        let Some((last, way)) = path.split_last() else {
            return Ok(Rows::default());
        };
        let (members, described) = match way.first() {
            None => (Cow::Borrowed(&self.members), self.described(&[])),
            Some(object) => match self.inside(object)? {
                Some(members) => (Cow::Owned(members), self.described(way)),
                None => (Cow::Borrowed(&self.members), self.described(&[])),
            },
        };
        let is_enclosed = way.is_empty() || matches!(members, Cow::Owned(_));
        let mut found = members.iter().filter(|(name, _)| name == last);
        let value = found.next().map(|(_, value)| *value);
        if found.next().is_some() {
            return Err(error(&format!("the response has `{last}` twice")));
        }
        let mut rows = match value {
            Some(value) => Rows::read(last, value)?,
            None => Rows::default(),
        };
        rows.member = match value.map(RawValue::get) {
            None => RowsMember::Absent,
            Some("null") => RowsMember::Null,
            Some(_) => RowsMember::List,
        };
        if rows.len() > 0 && !is_enclosed {
            // The decoder looks for rows in the enclosing object only, and would find none.
            return Err(error(&format!(
                "the response has `{last}` where `{}` was expected",
                path.join(".")
            )));
        }
        if rows.objects.is_empty() {
            if rows.len() > 0 {
                let message = format!(
                    "none of the {} elements of `{last}` is an object",
                    rows.len()
                );
                return Err(error(&message));
            }
            self.check_empty(last, value.is_some(), &members, &described)?;
        }
        Ok(rows)
    }

    /// The rows of a list. An object in its place can be its only row, but not without a row's key:
    /// then it may be many rows by name, or anything else.
    ///
    /// # Errors
    ///
    /// As for [`rows`](Self::rows).
    pub(crate) fn listed_rows(&self) -> serde_json::Result<Rows<'a>> {
        let rows = self.rows()?;
        let key = self.key_members();
        if rows.is_single && !key.is_empty() && pick(rows.objects[0], [&key])?[0].is_none() {
            return Err(error(&format!(
                "`{}` is an object without `{}` where a list was expected",
                self.path().last().copied().unwrap_or_default(),
                key[0]
            )));
        }
        Ok(rows)
    }

    /// Checks that a response without rows can be this endpoint's empty list.
    fn check_empty(
        &self,
        expected: &str,
        is_there: bool,
        inner: &Members<'_>,
        described: &[&str],
    ) -> serde_json::Result<()> {
        let top = self.described(&[]);
        let stray = undescribed(inner, described).or_else(|| undescribed(&self.members, &top));
        if let Some(name) = stray {
            return Err(error(&format!(
                "the response has `{name}` where `{expected}` was expected"
            )));
        }
        if is_there || self.says_nothing || counts_nothing(inner) {
            return Ok(());
        }
        Err(error(&format!("the response has no `{expected}`")))
    }

    /// Checks that a row has no member with further rows of its kind: a list of objects that have the
    /// row's `key` but are not described. A tree of rows would otherwise be read as its roots alone.
    pub(crate) fn check_flat(&self, row: &RawValue, key: &str) -> serde_json::Result<()> {
        let Some(members) = members(row).transpose()? else {
            return Ok(());
        };
        let rows = self.layout.and_then(|layout| outermost(&layout.shape));
        let described: Vec<&str> = rows
            .iter()
            .flat_map(|rows| rows.fields.iter().map(|field| field.name))
            .collect();
        let nested = members
            .iter()
            .find(|(name, value)| !described.contains(&&**name) && holds_rows(value, key));
        match nested {
            None => Ok(()),
            Some((name, _)) => Err(error(&format!(
                "a row has further rows in `{name}`, which the API description does not mention"
            ))),
        }
    }

    fn path(&self) -> Vec<&'static str> {
        self.layout.map(path_to_rows).unwrap_or_default()
    }

    /// The member names that the layout describes for the object at this path.
    fn described(&self, way: &[&str]) -> Vec<&'static str> {
        let mut fields: &[Field] = match self.layout.map(|layout| &layout.shape) {
            Some(ResponseShape::Object(fields)) => fields,
            Some(ResponseShape::Rows(rows)) => rows.fields,
            None => &[],
        };
        for name in way {
            let inner = fields.iter().find(|field| field.name == *name);
            fields = match inner.map(|field| &field.target) {
                Some(Target::Object(inner)) => inner,
                _ => &[],
            };
        }
        fields.iter().map(|field| field.name).collect()
    }

    /// Whether the response has at least one member that this endpoint is described to return.
    pub(crate) fn is_described(&self) -> bool {
        let described = self.described(&[]);
        let mut names = self.members.iter().map(|(name, _)| name);
        names.any(|name| described.contains(&&**name))
    }

    /// The names of the row members that fill the last column of the table's key.
    pub(crate) fn key_members(&self) -> Vec<&'static str> {
        self.layout.map(key_members).unwrap_or_default()
    }
}

/// The names of the row members that fill the last column of the table's key.
pub(crate) fn key_members(layout: &'static Layout) -> Vec<&'static str> {
    let Some(rows) = outermost(&layout.shape) else {
        return Vec::new();
    };
    let table = layout.tables[rows.table];
    let column = table.key.last().and_then(|key| table.column(key));
    let fills = |field: &&Field| matches!(field.target, Target::Column(at) if Some(at) == column);
    rows.fields
        .iter()
        .filter(fills)
        .map(|field| field.name)
        .collect()
}

/// The member names on the path to the rows, the list itself last.
pub(crate) fn path_to_rows(layout: &'static Layout) -> Vec<&'static str> {
    match &layout.shape {
        ResponseShape::Object(fields) => path(fields).unwrap_or_default(),
        ResponseShape::Rows(_) => Vec::new(),
    }
}

fn path(fields: &'static [Field]) -> Option<Vec<&'static str>> {
    fields.iter().find_map(|field| match field.target {
        Target::Rows(_) => Some(vec![field.name]),
        Target::Object(inner) => path(inner).map(|mut inner| {
            inner.insert(0, field.name);
            inner
        }),
        _ => None,
    })
}

fn outermost(shape: &'static ResponseShape) -> Option<&'static models::Rows> {
    fn inside(fields: &'static [Field]) -> Option<&'static models::Rows> {
        fields.iter().find_map(|field| match field.target {
            Target::Rows(rows) => Some(rows),
            Target::Object(inner) => inside(inner),
            _ => None,
        })
    }
    match shape {
        ResponseShape::Object(fields) => inside(fields),
        ResponseShape::Rows(rows) => Some(rows),
    }
}

/// Whether the counts beside the list report at most one page. Some tenants then leave the list
/// out.
fn counts_nothing(members: &Members<'_>) -> bool {
    members.iter().any(|(name, value)| match &**name {
        "totalPages" => {
            models::integer_of(value.get()).is_some_and(|pages| (0..=1).contains(&pages))
        }
        "totalResultsCount" => models::integer_of(value.get()) == Some(0),
        _ => false,
    })
}

/// The first member that is not described and contains a list of objects.
fn undescribed<'m>(members: &'m Members<'_>, described: &[&str]) -> Option<&'m str> {
    let is_known = |name: &str| described.contains(&name) || ENVELOPE.contains(&name);
    members.iter().find_map(|(name, value)| {
        let stray = !is_known(name) && holds_objects(value, DEPTH);
        stray.then_some(&**name)
    })
}

/// Whether a value is a list of objects with this key, or contains one.
fn holds_rows(value: &RawValue, key: &str) -> bool {
    fn search(value: &Value, key: &str, depth: usize) -> bool {
        match value {
            Value::Array(items) => items.iter().any(|item| item.get(key).is_some()),
            Value::Object(members) if depth > 0 => {
                let mut values = members.values();
                values.any(|value| search(value, key, depth - 1))
            }
            _ => false,
        }
    }
    Value::deserialize(value).is_ok_and(|value| search(&value, key, DEPTH))
}

fn holds_objects(value: &RawValue, depth: usize) -> bool {
    fn search(value: &Value, depth: usize) -> bool {
        match value {
            Value::Array(items) => items
                .iter()
                .any(|item| item.as_object().is_some_and(|object| !object.is_empty())),
            Value::Object(members) if depth > 0 => {
                members.values().any(|value| search(value, depth - 1))
            }
            _ => false,
        }
    }
    if !value.get().starts_with(['[', '{']) {
        return false;
    }
    Value::deserialize(value).is_ok_and(|value| search(&value, depth))
}
