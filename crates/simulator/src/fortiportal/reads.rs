//! The reads under `/fpc/v1/api/`, each of which wraps its rows differently.

use super::wire::{self, Wire};
use super::world::World;
use crate::answered::Answered;
use crate::forticloud::envelope::PageFaults;
use crate::incoming::Incoming;
use crate::json::{Json, Object};
use crate::scenario::Quirks;

/// The default number of users per response.
const USERS: usize = 10;

/// A read request and the data it refers to.
pub(crate) struct ReadRequest<'a> {
    pub(crate) world: &'a World,
    pub(crate) quirks: &'a Quirks,
    pub(crate) page_size: u64,
    pub(crate) incoming: &'a Incoming,
    pub(crate) page_faults: &'a PageFaults,
}

/// The part of a list that a response contains.
struct Page {
    rows: Vec<Json>,
    start: usize,
    size: usize,
    total: usize,
}

impl ReadRequest<'_> {
    /// Answers a read, or returns `None` if there is no such resource.
    pub(crate) fn read(&self, resource: &str) -> Option<Answered> {
        let segments: Vec<&str> = resource.split('/').collect();
        match segments.as_slice() {
            ["account", rest @ ..] => self.account(rest),
            ["device", rest @ ..] => self.device(rest),
            _ => None,
        }
    }

    fn account(&self, segments: &[&str]) -> Option<Answered> {
        let wire = self.wire();
        match segments {
            ["organizations", ""] => {
                let organizations = self.world.organizations.iter();
                Some(self.listed(organizations.map(|one| wire.organization(one))))
            }
            ["organization", "general", id, ""] => {
                let organization = self.world.organization(number(id)?)?;
                Some(Answered::json(200, &wire.general(organization)))
            }
            ["organization", "contact", id, ""] => {
                let organization = self.world.organization(number(id)?)?;
                Some(Answered::json(200, &wire.contact(organization)))
            }
            ["organization", "users", ""] => {
                let organizations = self.world.organizations.iter();
                Some(self.users(organizations.map(|one| wire.user(one))))
            }
            ["organizations", id, "installs", ""] => {
                self.world.organization(number(id)?)?;
                // What an installation looks like is undocumented, so the list is always empty.
                Some(self.listed([].into_iter()))
            }
            ["roles", ""] => Some(self.listed(wire::roles())),
            _ => None,
        }
    }

    fn device(&self, segments: &[&str]) -> Option<Answered> {
        let wire = self.wire();
        match segments {
            ["adom", ""] => {
                let organizations = self.world.organizations.iter();
                Some(self.listed(organizations.map(wire::adom)))
            }
            // Polling has no visible effect.
            ["fortimanager" | "fortianalyzer", "poll", ""] => Some(enveloped(Object::new())),
            ["fortimanager", "summary", ""] => Some(self.listed([wire::manager()].into_iter())),
            ["fortianalyzer", "summary", ""] => Some(self.listed([wire::analyzer()].into_iter())),
            ["site", "customer", id, ""] => {
                let organization = self.world.organization(number(id)?)?;
                let sites = self.world.sites_of(organization.id);
                Some(self.listed(sites.map(|site| wire.site(site))))
            }
            ["site", "list", "customer", id, ""] => {
                let organization = self.world.organization(number(id)?)?;
                let sites = self.world.sites_of(organization.id);
                Some(self.listed(sites.map(|site| wire.site_with_vdoms(site))))
            }
            ["site", id, ""] => {
                let site = self.world.site(number(id)?)?;
                let data = wire
                    .site_with_vdoms(site)
                    .with("aps", Vec::new())
                    .with("switches", Vec::new())
                    .with("extenders", Vec::new());
                Some(enveloped(data))
            }
            ["vdom", "site", "available", ""] => Some(self.available()),
            ["vdom", "site", id, ""] => {
                let site = self.world.site(number(id)?)?;
                let vdoms = self.world.vdoms_of(site.id);
                Some(self.listed(vdoms.map(|vdom| wire.vdom(vdom))))
            }
            ["report", ""] => Some(self.listed(wire::reports())),
            // Only this path has no trailing slash.
            ["report", id] => {
                self.world.organization(number(id)?)?;
                Some(self.listed(wire::reports().take(1)))
            }
            _ => None,
        }
    }

    /// The VDOMs that belong to no site.
    fn available(&self) -> Answered {
        let named = |name: &str| self.incoming.parameter(name).and_then(number);
        let organization = named("customerId");
        let wire = self.wire();
        let vdoms = self.world.vdoms.iter().filter(|vdom| {
            vdom.site.is_none() && organization.is_none_or(|id| vdom.organization == id)
        });
        self.listed(vdoms.map(|vdom| wire.available(vdom)))
    }

    fn wire(&self) -> Wire<'_> {
        Wire {
            world: self.world,
            quirks: self.quirks,
        }
    }

    fn listed(&self, rows: impl Iterator<Item = Object>) -> Answered {
        let page = self.page(rows, usize::MAX);
        enveloped(
            Object::new()
                .with("results", page.rows)
                .with("totalResultsCount", count(page.total)),
        )
    }

    /// The form that only users have, with paging fields and without an envelope.
    fn users(&self, rows: impl Iterator<Item = Object>) -> Answered {
        let page = self.page(rows, USERS);
        let body = Object::new()
            .with("results", page.rows)
            .with("size", count(page.size))
            .with("start", count(page.start))
            .with("totalResultsCount", count(page.total));
        Answered::json(200, &body)
    }

    /// Selects the rows for `start` and `size`, within the portal's maximum.
    fn page(&self, rows: impl Iterator<Item = Object>, default: usize) -> Page {
        let number = |name: &str| self.incoming.parameter(name)?.parse::<usize>().ok();
        let most = match usize::try_from(self.page_size) {
            Ok(0) | Err(_) => usize::MAX,
            Ok(most) => most,
        };
        let rows: Vec<Json> = rows.map(Json::Object).collect();
        let total = rows.len();
        let size = number("size").unwrap_or(default).min(most);
        let start = number("start").unwrap_or(0);
        let shown = if self.page_faults.repeat_page {
            0
        } else {
            start
        };
        let mut rows: Vec<Json> = rows.into_iter().skip(shown).take(size).collect();
        rows.truncate(rows.len().saturating_sub(self.page_faults.drop_rows));
        Page {
            rows,
            start,
            size,
            total,
        }
    }
}

fn enveloped(data: Object) -> Answered {
    let status = Object::new().with("code", 0).with("message", "success");
    let body = Object::new().with("data", data).with("status", status);
    Answered::json(200, &body).with_status(0)
}

fn number(text: &str) -> Option<i64> {
    text.parse().ok()
}

fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
