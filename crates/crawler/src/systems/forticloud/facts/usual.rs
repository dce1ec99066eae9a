//! Reads the facts of a list of the usual structure, in one pass over its text.
//!
//! Every page of a crawl is read for its facts, and then decoded. Looking for the rows, for the
//! members of each row and for proof that an empty list is one would read most of the text four
//! times. Nearly all pages have at least one row, and only objects as rows, so that nothing has to
//! be proven. The client has already read the text as JSON, so values are skipped without checking
//! them again. Any other page is left to [`ParsedResponse`](crate::facts::ParsedResponse).

use fortilake_models::{
    self as models,
    json::{Kind, Reader},
};

use super::add;
use crate::{
    ListFacts, Names, UnusableTotal,
    facts::{key_members, path_to_rows},
};

#[cfg(test)]
mod tests;

/// The facts of a page; `None` if the page is malformed or unusual.
pub(super) fn list(endpoint: &str, page: &str, names: Names) -> Option<ListFacts> {
    let layout = models::endpoint(endpoint)?.layout?;
    let [rows_member] = path_to_rows(layout)[..] else {
        return None;
    };
    let key = key_members(layout);
    let mut json = Reader::new(page);
    let mut facts = None;
    // Of repeated members, the first one counts.
    let (mut number, mut total) = (None, None);
    let mut members = json.open_object().ok()?;
    while let Some(name) = json.next_name(&mut members).ok()? {
        let name = name.value().ok()?;
        if name == rows_member {
            if facts.is_some() {
                return None;
            }
            facts = Some(rows(&mut json, &key, names)?);
            continue;
        }
        let value = json.skip_validated().ok()?;
        match &*name {
            "pageNumber" => drop(number.get_or_insert(value)),
            "totalPages" => drop(total.get_or_insert(value)),
            _ => {}
        }
    }
    json.end().ok()?;
    Some(ListFacts {
        page: number.and_then(models::integer_of),
        total: total.and_then(models::integer_of),
        unusable_total: UnusableTotal::of(total),
        ..facts?
    })
}

/// Reads a list of objects; `None` if it is empty or anything else.
fn rows(json: &mut Reader<'_>, key: &[&str], names: Names) -> Option<ListFacts> {
    let mut facts = ListFacts::default();
    let mut elements = json.open_list().ok()?;
    while json.next_element(&mut elements).ok()? {
        if json.kind().ok()? != Kind::Object {
            return None;
        }
        let start = json.position();
        let picked = pick(json, [key, &["accountId"], &["productModel"]])?;
        add(&mut facts, json.since(start), picked, names);
        facts.rows += 1;
    }
    (facts.rows > 0).then_some(facts)
}

/// Like [`pick`](crate::facts::pick), of the next value.
fn pick<'a, const N: usize>(
    json: &mut Reader<'a>,
    names: [&[&str]; N],
) -> Option<[Option<&'a str>; N]> {
    let mut picked = [None; N];
    let mut members = json.open_object().ok()?;
    while let Some(name) = json.next_name(&mut members).ok()? {
        let name = name.value().ok()?;
        let value = json.skip_validated().ok()?;
        let position = names.iter().position(|names| names.contains(&&*name));
        if let Some(position) = position
            && picked[position].is_none()
            && value != "null"
        {
            picked[position] = Some(value);
        }
    }
    Some(picked)
}
