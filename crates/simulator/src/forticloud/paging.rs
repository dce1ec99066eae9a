//! Divides lists into pages that were always complete in recorded responses.

use super::Endpoint;
use super::envelope::Arguments;
use crate::json::{Json, Object};
use crate::scenario::Scenario;

/// Reduces a list to the requested page, and adds the page fields.
pub(super) fn cut(
    payload: &mut Object,
    endpoint: &Endpoint,
    asked: &Arguments,
    scenario: &Scenario,
) {
    let size = usize::try_from(scenario.page_size).unwrap_or(usize::MAX);
    let list = endpoint
        .payload
        .filter(|_| endpoint.path.ends_with("/list"));
    let Some(rows) = list.and_then(|name| rows_in(payload, name)) else {
        return;
    };
    if size == 0 {
        return;
    }
    let base = i64::try_from(scenario.page_base).unwrap_or_default();
    let number = asked.integer("pageNumber").unwrap_or(base);
    let pages = rows.len().div_ceil(size).max(1);
    let at = usize::try_from(number.saturating_sub(base)).unwrap_or(usize::MAX);
    *rows = rows.chunks(size).nth(at).unwrap_or_default().to_vec();
    payload.push("pageNumber", number);
    payload.push("totalPages", i64::try_from(pages).unwrap_or(i64::MAX));
}

/// Returns the rows of a list. Units are nested one level deeper.
fn rows_in<'a>(payload: &'a mut Object, name: &str) -> Option<&'a mut Vec<Json>> {
    match payload.get_mut(name)? {
        Json::List(rows) => Some(rows),
        Json::Object(inner) => match inner.get_mut("orgUnits")? {
            Json::List(rows) => Some(rows),
            _ => None,
        },
        _ => None,
    }
}
