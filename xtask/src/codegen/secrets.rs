//! Finds the fields that are secret in only one operation.
//!
//! `tables.toml` lists names that are secret everywhere. A name such as `license`, which is a secret
//! in one place and just a number in another, is listed there with its place, or has the format
//! `password` in the description.

use std::collections::BTreeSet;

use anyhow::Result;

use super::{
    at::At,
    config::Config,
    notes::Notes,
    operations::Operation,
    schema::{Rest, Schema, Shape},
};

/// Returns the sorted names of secret fields that `tables.toml` does not list.
pub(super) fn own(
    operation: &Operation<'_>,
    config: Option<&Config>,
    notes: &Notes,
) -> Result<Vec<String>> {
    let mut search = Search {
        notes,
        seen: BTreeSet::new(),
        found: BTreeSet::new(),
    };
    for parameter in &operation.parameters {
        search.field(&parameter.name, &parameter.at)?;
    }
    let body = operation.body.as_ref().map(|body| &body.at);
    for at in body.into_iter().chain(&operation.response) {
        search.schema(at)?;
    }
    let known = |name: &String| config.is_some_and(|config| config.is_secret(name));
    Ok(search
        .found
        .into_iter()
        .filter(|name| !known(name))
        .collect())
}

struct Search<'n> {
    notes: &'n Notes,
    /// The places already visited, because a schema may contain itself.
    seen: BTreeSet<String>,
    found: BTreeSet<String>,
}

impl Search<'_> {
    fn field(&mut self, name: &str, at: &At<'_>) -> Result<()> {
        if Schema::read(at, self.notes)?.is_secret(self.notes)? {
            self.found.insert(name.to_owned());
        }
        self.schema(at)
    }

    fn schema(&mut self, at: &At<'_>) -> Result<()> {
        let schema = Schema::read(at, self.notes)?;
        if !self.seen.insert(schema.at.pointer().to_owned()) {
            return Ok(());
        }
        match &schema.shape {
            Shape::List(Some(items)) => self.schema(items),
            Shape::Object { properties, rest } => {
                for property in properties {
                    self.field(&property.name, &property.at)?;
                }
                match rest {
                    Rest::Of(values) => self.schema(values),
                    Rest::Unsaid | Rest::Any => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }
}
