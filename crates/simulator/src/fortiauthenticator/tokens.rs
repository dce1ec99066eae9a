//! The list of tokens, with filters, ordering and paging.

use url::form_urlencoded::Serializer;

use super::{TOKENS, count, failure};
use crate::answered::Answered;
use crate::forticloud::envelope::PageFaults;
use crate::forticloud::wire::Wire;
use crate::incoming::Incoming;
use crate::json::{Json, Object};
use crate::scenario::Authenticator;
use crate::truth::{Draft, Tables};

/// The default number of rows per response.
const LIMIT: usize = 20;
/// The maximum number of rows per response, which `limit=0` requests.
const MAX_LIMIT: usize = 1000;
/// Query parameters that are not filters.
const OPTIONS: [&str; 4] = ["format", "limit", "offset", "order_by"];

/// All tokens of the unit.
pub(crate) struct Tokens(Vec<Token>);

#[derive(Debug)]
struct Token {
    id: u64,
    serial: String,
    kind: &'static str,
    assigned: bool,
    locked: bool,
    license: String,
}

impl Token {
    fn status(&self) -> &'static str {
        if self.assigned {
            "assigned"
        } else {
            "available"
        }
    }

    /// Returns the field's value as text, for filters.
    fn field(&self, name: &str) -> Option<String> {
        Some(match name {
            "id" => self.id.to_string(),
            "serial" => self.serial.clone(),
            "type" => self.kind.to_owned(),
            "status" => self.status().to_owned(),
            "locked" => self.locked.to_string(),
            "license" => self.license.clone(),
            _ => return None,
        })
    }

    fn row(&self) -> Object {
        let used = self.assigned.then_some("2025-10-05T18:22:09.120000+00:00");
        Object::new()
            .with("id", count(self.id))
            .with("resource_uri", format!("{TOKENS}{}/", self.id))
            .with("serial", self.serial.clone())
            .with("type", self.kind)
            .with("status", self.status())
            .with("locked", self.locked)
            .with("license", self.license.clone())
            .with("last_used_at", used)
    }
}

impl Tokens {
    pub(crate) fn new(unit: &Authenticator, activated: u64) -> Self {
        let first = (0..unit.total_ftm).map(|index| (123, index));
        let imported = (1..=activated).flat_map(|license| {
            (0..unit.tokens_per_license).map(move |index| (123 + license, unit.total_ftm + index))
        });
        let mobile = (11..).zip(first.chain(imported));
        let mut tokens: Vec<Token> = mobile
            .map(|(id, (license, index))| Token {
                id,
                serial: format!("FTKMOB29{id:08X}"),
                kind: "ftm",
                assigned: index < unit.used_ftm,
                locked: index % 50 == 49 && index < unit.used_ftm,
                license: format!("EFTM{license:012}"),
            })
            .collect();
        let next = 11 + tokens.len() as u64;
        tokens.extend((0..unit.hardware_tokens).map(|index| Token {
            id: next + index,
            serial: format!("FTK200{index:010}"),
            kind: "ftk",
            assigned: false,
            locked: false,
            license: String::new(),
        }));
        Self(tokens)
    }

    /// The rows of the table of tokens, in the order of the list.
    pub(crate) fn drafts(self, serial_number: Option<&str>, tables: &Tables<'_>) -> Vec<Draft> {
        let draft = |token: Token| {
            let used = token.assigned.then_some("2025-10-05T18:22:09.120000");
            let draft = tables.draft();
            let draft = match used {
                // The column has no zone, so the one that was sent is kept beside it.
                Some(_) => draft.extra("last_used_at", "+00:00"),
                None => draft,
            };
            draft
                .with("serial_number", serial_number)
                .with("serial", token.serial.as_str())
                .with("type", token.kind)
                .with("status", token.status())
                .with("locked", token.locked)
                .with("license", token.license.as_str())
                .with("last_used_at", used)
                .with("id", token.id)
                .with("resource_uri", format!("{TOKENS}{}/", token.id))
        };
        self.0.into_iter().map(draft).collect()
    }

    pub(crate) fn answer(
        self,
        incoming: &Incoming,
        page_faults: &PageFaults,
        wire: Wire<'_>,
    ) -> Answered {
        self.page(incoming, page_faults, wire)
            .map_or_else(|text| failure(400, text), |body| Answered::json(200, &body))
    }

    fn page(
        self,
        incoming: &Incoming,
        page_faults: &PageFaults,
        wire: Wire<'_>,
    ) -> Result<Object, &'static str> {
        let number = |name: &str, default: usize| match incoming.parameter(name) {
            None => Ok(default),
            Some(text) => text.parse().map_err(|_| "Invalid limit or offset."),
        };
        let limit = match number("limit", LIMIT)? {
            0 => MAX_LIMIT,
            limit => limit.min(MAX_LIMIT),
        };
        let offset: usize = number("offset", 0)?;
        let found = self.filtered(incoming)?.ordered(incoming)?.0;
        let total = found.len();
        let shown = if page_faults.repeat_page { 0 } else { offset };
        let rows = found.iter().skip(shown).take(limit);
        let mut rows: Vec<Json> = rows.map(|token| wire.finish(token.row()).into()).collect();
        rows.truncate(rows.len().saturating_sub(page_faults.drop_rows));
        let next = offset.saturating_add(limit);
        let next = (next < total).then(|| link(incoming, limit, next));
        let previous = offset.checked_sub(limit);
        let previous = previous.map(|offset| link(incoming, limit, offset));
        let meta = Object::new()
            .with("limit", count(limit as u64))
            .with("next", next)
            .with("offset", count(offset as u64))
            .with("previous", previous)
            .with("total_count", count(total as u64));
        Ok(Object::new().with("meta", meta).with("objects", rows))
    }

    /// Keeps the rows that match every filter: `field`, `field__exact` or `field__in`.
    fn filtered(mut self, incoming: &Incoming) -> Result<Self, &'static str> {
        for (name, wanted) in incoming.parameters() {
            if OPTIONS.contains(&name) {
                continue;
            }
            let (field, operator) = name.split_once("__").unwrap_or((name, "exact"));
            let known = self
                .0
                .first()
                .is_none_or(|token| token.field(field).is_some());
            let wanted: Vec<&str> = match operator {
                "exact" => vec![wanted],
                "in" => wanted.split(',').collect(),
                _ => return Err("Invalid filter."),
            };
            if !known {
                return Err("Invalid filter.");
            }
            self.0.retain(|token| {
                let value = token.field(field);
                value.is_some_and(|value| wanted.contains(&value.as_str()))
            });
        }
        Ok(self)
    }

    /// Sorts by one field, in descending order after a hyphen. Without a field, sorts by id.
    fn ordered(mut self, incoming: &Incoming) -> Result<Self, &'static str> {
        let by = incoming.parameter("order_by").unwrap_or("id");
        let field = by.strip_prefix('-').unwrap_or(by);
        match field {
            "id" => self.0.sort_by_key(|token| token.id),
            "serial" | "type" | "status" => self.0.sort_by_cached_key(|token| token.field(field)),
            _ => return Err("Invalid order."),
        }
        if by != field {
            self.0.reverse();
        }
        Ok(self)
    }
}

/// Returns a relative URL for another position in the list, with the same options.
fn link(incoming: &Incoming, limit: usize, offset: usize) -> String {
    let mut query = Serializer::new(String::new());
    let kept = incoming.parameters();
    query.extend_pairs(kept.filter(|(name, _)| !matches!(*name, "limit" | "offset")));
    query.append_pair("limit", &limit.to_string());
    query.append_pair("offset", &offset.to_string());
    format!("{TOKENS}?{}", query.finish())
}
