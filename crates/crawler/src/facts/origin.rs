//! Whether an answer without rows is this endpoint's at all.

use std::{borrow::Cow, collections::HashMap};

use fortilake_state::client::models::{self, Answer};
use serde_json::value::RawValue;

/// What stands in the journal for an answer that says in so many words that there is nothing.
const NOTHING: &str = "{}";

/// The member by which all answers of FortiCloud say how it went.
const STATUS: &str = "status";

/// Whether the page has any member that answers of the endpoint are described to have.
pub(super) fn is_known(endpoint: &str, page: &str) -> serde_json::Result<bool> {
    if page == NOTHING {
        return Ok(true);
    }
    let members: HashMap<Cow<'_, str>, &RawValue> = serde_json::from_str(page)?;
    let layout = models::endpoint(endpoint).and_then(|endpoint| endpoint.layout);
    let fields = match layout.map(|layout| &layout.answer) {
        Some(Answer::Object(fields)) => *fields,
        Some(Answer::Rows(rows)) => rows.fields,
        None => &[],
    };
    let is_described = |name: &str| fields.iter().any(|field| field.name == name);
    Ok(members
        .keys()
        .any(|name| name == STATUS || is_described(name)))
}
