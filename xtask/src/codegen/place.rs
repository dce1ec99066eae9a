//! A place that exists in every edition of a description: an operation, a side and a path of
//! properties.
//!
//! Patches and `[types]` refer to places in this form instead of JSON pointers, because schema
//! names, `components` and `definitions` differ between editions, while the properties of a
//! response do not.

use anyhow::{Result, anyhow, bail};

use super::{
    at::At,
    names,
    notes::Notes,
    operations::Operation,
    schema::{Schema, Shape},
    types::Side,
};

/// The syntax of places, for error messages.
const FORM: &str = "a place is written like `products/list answer.assets.serialNumber`";

/// A place such as `products/list request.pageNumber`.
#[derive(Debug, Clone)]
pub(super) struct Place {
    text: String,
    /// The operation; `None` for every operation that has the rest of the place.
    operation: Option<String>,
    /// Request or answer; `None` for the operation itself.
    side: Option<Side>,
    /// The properties from the outside in. Lists are transparent.
    path: Vec<String>,
}

/// An operation with its unique name.
pub(super) type Named<'o, 'a> = (&'o str, &'o Operation<'a>);

impl Place {
    /// Parses a place.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let (operation, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        if operation.is_empty() {
            bail!("the place has no operation; {FORM}");
        }
        let mut path: Vec<String> = Vec::new();
        if !rest.is_empty() {
            path = rest.trim().split('.').map(str::to_owned).collect();
        }
        let side = match path.first().map(String::as_str) {
            None => None,
            Some("request") => Some(Side::Request),
            Some("answer") => Some(Side::Response),
            Some(other) => bail!(
                "`{text}` has `{other}` where `request` or `answer` is expected; {}; {FORM}",
                names::nearest(other, ["request", "answer"])
            ),
        };
        if side.is_none() && operation == "*" {
            bail!("`*` alone is not a place; {FORM}");
        }
        path.drain(..path.len().min(1));
        if path.iter().any(String::is_empty) {
            bail!("`{text}` has an empty name in its path; {FORM}");
        }
        Ok(Self {
            text: text.trim().to_owned(),
            operation: (operation != "*").then(|| operation.to_owned()),
            side,
            path,
        })
    }

    /// Returns the place as it was written.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether it refers to every operation that has the place.
    pub(super) fn is_everywhere(&self) -> bool {
        self.operation.is_none()
    }

    /// Whether it refers to an operation instead of a value.
    pub(super) fn is_operation(&self) -> bool {
        self.side.is_none()
    }

    /// Returns the object that contains the last property, and that property's name.
    pub(super) fn split(&self) -> Option<(Self, &str)> {
        let (last, path) = self.path.split_last()?;
        let around = Self {
            path: path.to_vec(),
            ..self.clone()
        };
        Some((around, last))
    }

    /// Returns the values at this place, one for each operation that has it.
    ///
    /// # Errors
    ///
    /// Fails if no operation has it. The error suggests the most similar names.
    pub(super) fn find<'a>(
        &self,
        operations: &[Named<'_, 'a>],
        notes: &Notes,
    ) -> Result<Vec<At<'a>>> {
        self.each(operations, |id, operation| self.value(id, operation, notes))
    }

    /// Returns the schemas at this place, with references and lists resolved.
    pub(super) fn schemas<'a>(
        &self,
        operations: &[Named<'_, 'a>],
        notes: &Notes,
    ) -> Result<Vec<Schema<'a>>> {
        let uses = self.uses(operations, notes)?;
        Ok(uses.into_iter().map(|(_, schema)| schema).collect())
    }

    /// Returns the schemas at this place, each with the location that leads to it, which may be a
    /// reference.
    pub(super) fn uses<'a>(
        &self,
        operations: &[Named<'_, 'a>],
        notes: &Notes,
    ) -> Result<Vec<(At<'a>, Schema<'a>)>> {
        let found = self.find(operations, notes)?;
        found.into_iter().map(|at| element(at, notes)).collect()
    }

    fn each<'a, T>(
        &self,
        operations: &[Named<'_, 'a>],
        find: impl Fn(&str, &Operation<'a>) -> Result<T>,
    ) -> Result<Vec<T>> {
        if let Some(wanted) = &self.operation {
            let exact = operations.iter().find(|(id, _)| id == wanted);
            let mut alike = operations
                .iter()
                .filter(|(id, _)| id.eq_ignore_ascii_case(wanted));
            // Editions differ in case. If that leaves several operations, none of them is meant.
            let only = alike.next().filter(|_| alike.next().is_none());
            let (id, operation) = exact.or(only).ok_or_else(|| {
                let nearest = names::nearest(wanted, operations.iter().map(|(id, _)| *id));
                anyhow!(
                    "`{}`: there is no operation `{wanted}`; {nearest}",
                    self.text
                )
            })?;
            return Ok(vec![find(id, operation)?]);
        }
        let mut found = Vec::new();
        let mut last = None;
        for (id, operation) in operations {
            match find(id, operation) {
                Ok(value) => found.push(value),
                Err(error) => last = Some(error),
            }
        }
        match last {
            Some(error) if found.is_empty() => {
                Err(error.context(format!("`{}`: no operation has this place", self.text)))
            }
            _ => Ok(found),
        }
    }

    fn value<'a>(&self, id: &str, operation: &Operation<'a>, notes: &Notes) -> Result<At<'a>> {
        let (whose, root) = match self.side {
            None => return Ok(operation.at.clone()),
            Some(Side::Request) => ("request", operation.body.as_ref().map(|body| &body.at)),
            Some(Side::Response) => ("response", operation.response.as_ref()),
        };
        let parameters = match self.side {
            Some(Side::Request) => operation.parameters.as_slice(),
            _ => &[],
        };
        let mut known: Vec<&str> = parameters
            .iter()
            .map(|parameter| parameter.name.as_str())
            .collect();
        let Some(mut at) = root.cloned() else {
            if let [name] = self.path.as_slice()
                && let Some(parameter) = parameters.iter().find(|known| known.name == *name)
            {
                return Ok(parameter.at.clone());
            }
            bail!(
                "the {whose} of `{id}` has no body; {}",
                names::nearest(&self.text, known)
            );
        };
        for (depth, name) in self.path.iter().enumerate() {
            let (_, schema) = element(at, notes)?;
            if let Some(property) = schema.property(name) {
                at = property.at.clone();
                continue;
            }
            if depth == 0
                && let Some(parameter) = parameters.iter().find(|known| known.name == *name)
                && self.path.len() == 1
            {
                return Ok(parameter.at.clone());
            }
            if depth > 0 {
                known.clear();
            }
            let own = schema.properties().iter();
            known.extend(own.map(|property| property.name.as_str()));
            let nearest = names::nearest(name, known);
            let around = match depth {
                0 => String::new(),
                _ => format!(" under `{}`", self.path[..depth].join(".")),
            };
            bail!("the {whose} of `{id}` has no `{name}`{around}; {nearest}");
        }
        Ok(at)
    }
}

/// Returns the schema of a value, or of its elements if it is a list, and the location that leads to
/// it.
fn element<'a>(mut at: At<'a>, notes: &Notes) -> Result<(At<'a>, Schema<'a>)> {
    let mut schema = Schema::read(&at, notes)?;
    let mut seen = Vec::new();
    while let Shape::List(Some(items)) = &schema.shape {
        let place = schema.at.pointer().to_owned();
        if seen.contains(&place) {
            break;
        }
        seen.push(place);
        at = items.clone();
        schema = Schema::read(&at, notes)?;
    }
    Ok((at, schema))
}
