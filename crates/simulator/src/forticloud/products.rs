//! Reads of products.

use jiff::civil::{Date, DateTime};

use super::envelope::{Arguments, ErrorMember, Reply};
use super::model::Status;
use super::wire::Wire;
use super::world::{Key, World};
use crate::json::{Json, Object};
use crate::scenario::{Arrays, Empty};

#[cfg(test)]
mod tests;

/// The search criteria of `products/list`.
struct Search<'a> {
    pattern: Option<&'a str>,
    expire_before: Option<DateTime>,
    model: Option<&'a str>,
    status: Status,
    wildcard: bool,
    /// Whether pending products also appear in the list of registered ones.
    both: bool,
}

pub(crate) fn list(world: &mut World, asked: &Arguments) -> Result<Reply, Reply> {
    let account = asked.account(world)?;
    let search = Search::new(world, asked)?;
    let found: Vec<Key> = world
        .keys(account)
        .into_iter()
        .filter(|key| search.finds(world, key))
        .collect();
    if found.is_empty() {
        return Ok(nothing(world));
    }
    Ok(page(world, asked, account, &found))
}

impl<'a> Search<'a> {
    fn new(world: &World, asked: &'a Arguments) -> Result<Self, Reply> {
        let pattern = asked.text("serialNumber");
        let expiry = asked.text("expireBefore").filter(|text| !text.is_empty());
        if pattern == Some("") || (pattern.is_none() && expiry.is_none()) {
            let text = "Both serialNumber and expireBefore cannot be empty at the same time.";
            return Err(Reply::refused(101, text));
        }
        let invalid = |what: &str| Reply::refused(102, format!("Invalid {what} provided."));
        let expire_before = match expiry {
            Some(text) => Some(moment(text).ok_or_else(|| invalid("expireBefore"))?),
            None => None,
        };
        let status = match asked.text("status") {
            None | Some("" | "Registered") => Status::Registered,
            Some("Pending") => Status::Pending,
            Some(_) => return Err(invalid("status")),
        };
        let quirks = &world.scenario().quirks;
        Ok(Self {
            pattern,
            expire_before,
            model: asked.text("productModel").filter(|model| !model.is_empty()),
            status,
            wildcard: quirks.wildcard,
            both: quirks.duplicate_rows,
        })
    }

    fn finds(&self, world: &World, key: &Key) -> bool {
        let Some(brief) = world.brief(key) else {
            return false;
        };
        let status =
            brief.status == self.status || (self.both && self.status == Status::Registered);
        let serial = self.pattern.is_none_or(|pattern| {
            if self.wildcard && pattern.contains('%') {
                like(pattern, &brief.serial)
            } else {
                starts_with(pattern, &brief.serial)
            }
        });
        let model = self.model.is_none_or(|model| model == brief.model);
        // The complete product is only generated if all cheaper criteria match.
        status && serial && model && self.expires(world, key)
    }

    fn expires(&self, world: &World, key: &Key) -> bool {
        self.expire_before.is_none_or(|before| {
            let product = world.make(key);
            let mut entitlements = product.iter().flat_map(|product| &product.entitlements);
            entitlements.any(|entitlement| entitlement.end < before)
        })
    }
}

/// Returns the requested page, or the first one if the call has no page number.
fn page(world: &World, asked: &Arguments, account: i64, found: &[Key]) -> Reply {
    let scenario = world.scenario();
    let wire = Wire {
        quirks: &scenario.quirks,
    };
    let base = i64::try_from(scenario.page_base).unwrap_or_default();
    let size = match usize::try_from(scenario.page_size) {
        Ok(size) if size > 0 && !scenario.quirks.old_shape => size,
        _ => found.len(),
    };
    // A call without a page number asks for the first page. So do numbers below it.
    let index = asked
        .integer("pageNumber")
        .unwrap_or(base)
        .saturating_sub(base)
        .max(0);
    let shown = if asked.page_faults.repeat_page {
        0
    } else {
        usize::try_from(index).unwrap_or(usize::MAX)
    };
    // A page beyond the last one is empty instead of an error.
    let keys = found.chunks(size).nth(shown).unwrap_or_default();
    let keys = &keys[..keys.len().saturating_sub(asked.page_faults.drop_rows)];
    let folders = world.folders(account);
    let products = keys.iter().filter_map(|key| world.make(key));
    let rows = products
        .map(|product| wire.product(&product, &folders))
        .collect();
    let mut payload = Object::new();
    wire.rows(&mut payload, "assets", rows);
    if !scenario.quirks.old_shape {
        let pages = found.len().div_ceil(size) as u64;
        let pages = asked.page_faults.total_pages.unwrap_or(pages);
        payload.push("pageNumber", wire.integer(index + base));
        payload.push(
            "totalPages",
            wire.integer(i64::try_from(pages).unwrap_or(i64::MAX)),
        );
    }
    Reply::processed(payload)
}

/// The response to a search that finds nothing.
fn nothing(world: &World) -> Reply {
    let scenario = world.scenario();
    let form = scenario.quirks.empty;
    let wire = Wire {
        quirks: &scenario.quirks,
    };
    let mut payload = Object::new();
    match scenario.quirks.top_arrays {
        Arrays::Absent => {}
        Arrays::Empty => payload.push("assets", Vec::new()),
        Arrays::Captured | Arrays::Null => payload.push("assets", Json::Null),
    }
    if !scenario.quirks.old_shape {
        let (page, pages) = match form {
            Empty::Null => (i64::try_from(scenario.page_base).unwrap_or_default(), 1),
            Empty::Error301 | Empty::Status1008 | Empty::NotFound => (0, 0),
        };
        payload.push("pageNumber", wire.integer(page));
        payload.push("totalPages", wire.integer(pages));
    }
    let found_nothing = |http, status, code, text: &str| Reply {
        http,
        status,
        error: Some(ErrorMember::new(code, text)),
        message: text.to_owned(),
        payload: payload.clone(),
    };
    match form {
        Empty::Error301 => found_nothing(200, 0, 301, "No product found"),
        Empty::Status1008 => found_nothing(200, 1008, 1008, "No records found"),
        Empty::NotFound => found_nothing(404, -1, 301, "No product found"),
        Empty::Null => Reply::processed(payload),
    }
}

pub(crate) fn details(world: &mut World, asked: &Arguments) -> Result<Reply, Reply> {
    let serial = asked.required("serialNumber")?;
    let Some(product) = world.product(serial) else {
        let payload = Object::new().with("assetDetails", Json::Null);
        return Ok(Reply::failed(-1, "No product found", payload));
    };
    let quirks = &world.scenario().quirks;
    let details = Wire { quirks }.details(&product, &world.folders(product.account));
    Ok(Reply::success(Object::new().with("assetDetails", details)))
}

/// Parses a date as leniently as the service does, with an optional time, fraction and offset.
fn moment(text: &str) -> Option<DateTime> {
    if let Some(Ok(moment)) = text.get(..19).map(str::parse) {
        return Some(moment);
    }
    let date: Date = text.get(..10)?.parse().ok()?;
    Some(date.at(0, 0, 0, 0))
}

fn starts_with(pattern: &str, text: &str) -> bool {
    text.get(..pattern.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(pattern))
}

/// Matches as SQL's `LIKE` does with `%`, ignoring case.
pub(crate) fn like(pattern: &str, text: &str) -> bool {
    let pattern = pattern.to_lowercase();
    let text = text.to_lowercase();
    let mut parts = pattern.split('%');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        match rest.find(part) {
            Some(start) => rest = &rest[start + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}
