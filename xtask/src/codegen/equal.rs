//! Compares two schemas that are to become the same type.

use anyhow::Result;

use super::{
    at::At,
    description::{Description, Form},
    notes::Notes,
    schema::{Property, Schema, Shape},
};

/// Returns the first difference that matters to code that constructs values of the type, or none.
///
/// The order of properties, texts, and properties that the code doesn't use make no difference.
pub(super) fn difference(
    description: &Description,
    one: &str,
    other: &str,
) -> Result<Option<String>> {
    let (Some(one), Some(other)) = (At::of(description, one), At::of(description, other)) else {
        return Ok(Some("one of them does not exist".to_owned()));
    };
    let mut comparison = Comparison {
        notes: Notes::default(),
        seen: Vec::new(),
    };
    comparison.of(&one, &other, "")
}

struct Comparison {
    notes: Notes,
    /// The pairs of places that were compared already, because a schema may contain itself.
    seen: Vec<(String, String)>,
}

impl Comparison {
    fn of(&mut self, one: &At<'_>, other: &At<'_>, path: &str) -> Result<Option<String>> {
        let one = Schema::read(one, &self.notes)?;
        let other = Schema::read(other, &self.notes)?;
        let pair = (one.at.pointer().to_owned(), other.at.pointer().to_owned());
        if pair.0 == pair.1 || self.seen.contains(&pair) {
            return Ok(None);
        }
        self.seen.push(pair);
        let differs = |what: String| match path {
            "" => what,
            path => format!("`{path}` {what}"),
        };
        let (kind, before) = (other.json_type(), one.json_type());
        if kind != before {
            return Ok(Some(differs(format!("is {kind}, not {before}"))));
        }
        if one.is_secret(&self.notes)? != other.is_secret(&self.notes)? {
            return Ok(Some(differs("is secret in only one of them".to_owned())));
        }
        match (&one.shape, &other.shape) {
            (Shape::List(Some(one)), Shape::List(Some(other))) => self.of(one, other, path),
            (Shape::Enum(one), Shape::Enum(other))
                if one.iter().any(|value| !other.contains(value)) || one.len() != other.len() =>
            {
                Ok(Some(differs("has other values".to_owned())))
            }
            (Shape::Enum(_), Shape::Text | Shape::DateTime)
            | (Shape::Text | Shape::DateTime, Shape::Enum(_)) => {
                Ok(Some(differs("has values in only one of them".to_owned())))
            }
            (Shape::Object { .. }, Shape::Object { .. }) => self.objects(&one, &other, path),
            _ => Ok(None),
        }
    }

    fn objects(
        &mut self,
        one: &Schema<'_>,
        other: &Schema<'_>,
        path: &str,
    ) -> Result<Option<String>> {
        let used = match one.at.form() {
            Some(Form::Object { fields, .. }) if !fields.is_empty() => Some(fields),
            _ => None,
        };
        let both = one.properties().iter().chain(other.properties());
        let names = both.map(|property| &property.name);
        for name in names.filter(|name| used.is_none_or(|used| used.contains(name))) {
            let path = match path {
                "" => name.clone(),
                path => format!("{path}.{name}"),
            };
            let (Some(one), Some(other)) = (one.property(name), other.property(name)) else {
                return Ok(Some(format!("only one of them has `{path}`")));
            };
            if (one.required, self.nullable(one)?) != (other.required, self.nullable(other)?) {
                return Ok(Some(format!(
                    "`{path}` may be absent or null in only one of them"
                )));
            }
            if let Some(difference) = self.of(&one.at, &other.at, &path)? {
                return Ok(Some(difference));
            }
        }
        Ok(None)
    }

    fn nullable(&self, property: &Property<'_>) -> Result<bool> {
        match property.nullable {
            Some(nullable) => Ok(nullable),
            None => Ok(Schema::read(&property.at, &self.notes)?.nullable),
        }
    }
}
