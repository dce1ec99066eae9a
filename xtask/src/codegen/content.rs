//! The content types of requests and responses.

use anyhow::Result;

use super::at::At;

/// Returns the schema of the first content type that is JSON, otherwise that of a form.
pub(super) fn content<'a>(at: &At<'a>) -> Result<Option<(String, At<'a>)>> {
    let mut form = None;
    for (kind, place) in at.members_of("content")? {
        let Some(schema) = place.get("schema")? else {
            continue;
        };
        // Vendors use variants such as `application/vnd.api+json`, so a substring is compared.
        if kind.to_ascii_lowercase().contains("json") || kind == "*/*" {
            return Ok(Some((kind.to_owned(), schema)));
        }
        if is_form(kind) && form.is_none() {
            form = Some((kind.to_owned(), schema));
        }
    }
    Ok(form)
}

pub(super) fn is_form(kind: &str) -> bool {
    kind.starts_with("application/x-www-form-urlencoded")
}
