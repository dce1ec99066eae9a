//! Tests the plan as data: a small portal whose responses arrive in any order.

use std::collections::BTreeSet;

use super::*;
use crate::{Facts, Failure, FailureKind, OffsetFacts};

/// A site and the ids of its VDOMs.
type Site = (i64, Vec<i64>);

/// The number of rows that a portal reports.
#[derive(Clone, Copy)]
enum Total {
    True,
    Zero,
    Absent,
}

/// A portal as the plan sees it.
struct Tenant {
    /// The organizations with their sites, and the sites with the ids of their VDOMs.
    organizations: Vec<(i64, Vec<Site>)>,
    page_size: usize,
    /// Whether the portal honors `start`.
    pages: bool,
    /// The number of rows that it reports.
    total: Total,
    /// A part of the key of the calls that are refused.
    refused: &'static str,
    /// How often the list of organizations moves while it is read.
    moving: u32,
}

impl Default for Tenant {
    fn default() -> Self {
        Self {
            organizations: vec![
                (4, vec![(6, vec![31, 32, 33]), (7, vec![])]),
                (9, vec![(8, vec![40])]),
                (5, vec![]),
            ],
            page_size: 100,
            pages: true,
            total: Total::True,
            refused: "none",
            moving: 0,
        }
    }
}

impl Tenant {
    fn answer(&self, fetch: &Fetch) -> Outcome {
        if fetch.key().contains(self.refused) {
            return Outcome::Failed(Failure {
                kind: FailureKind::Refused,
                message: "no".to_owned(),
            });
        }
        let number = |name: &str| fetch.arguments.get(name)?.as_i64();
        let sites = || self.organizations.iter().flat_map(|(_, sites)| sites);
        let ids: Vec<i64> = match fetch.endpoint {
            ORGANIZATIONS => self.organizations.iter().map(|(id, _)| *id).collect(),
            SITES => {
                let mut organizations = self.organizations.iter();
                let found = organizations.find(|(id, _)| Some(*id) == number("org"));
                found.unwrap().1.iter().map(|(id, _)| *id).collect()
            }
            _ => {
                let found = sites().find(|(id, _)| Some(*id) == number("site"));
                found.unwrap().1.clone()
            }
        };
        let start = number("start").filter(|_| self.pages).unwrap_or(0);
        let moved = fetch.endpoint == ORGANIZATIONS && start > 0 && fetch.round < self.moving;
        let start = usize::try_from(start).unwrap();
        Outcome::Page(Facts::Offset(OffsetFacts {
            total: match self.total {
                Total::True => Some(ids.len() as u64 + u64::from(moved)),
                Total::Zero => Some(0),
                Total::Absent => None,
            },
            ids: ids.into_iter().skip(start).take(self.page_size).collect(),
            ..OffsetFacts::default()
        }))
    }

    /// Runs the plan, answering the first or the last of the waiting calls, and returns the scopes
    /// that closed.
    fn run(&self, first: bool) -> Vec<String> {
        let mut plan = FortiPortalPlanner::new("managed".into());
        let mut waiting = plan.begin().fetches;
        let mut closed = Vec::new();
        let mut asked = BTreeSet::new();
        while !waiting.is_empty() {
            let at = if first { 0 } else { waiting.len() - 1 };
            let fetch = waiting.remove(at);
            assert!(plan.awaits(&fetch) && !plan.is_finished());
            assert!(asked.insert(fetch.key().clone()), "requested twice");
            let step = plan.follow(&fetch, &self.answer(&fetch));
            waiting.extend(step.fetches);
            closed.extend(step.closed.iter().map(|scope| {
                let pages = match &scope.pages {
                    Ok(pages) => format!("{} pages", pages.len()),
                    Err(message) => message.clone(),
                };
                let organization = scope.organization_id.unwrap_or_default();
                format!("{} {organization}: {pages}", scope.endpoint)
            }));
        }
        assert!(plan.is_finished());
        closed
    }

    #[track_caller]
    fn check(&self, expected: &[&str]) {
        assert_eq!(self.run(true), expected);
        assert_eq!(self.run(false), expected, "answered in another order");
    }
}

#[test]
fn everything_is_asked_and_published_in_order() {
    Tenant::default().check(&[
        "portal/account/organizations 0: 1 pages",
        "portal/device/site/customer 4: 1 pages",
        "portal/device/vdom/site 4: 2 pages",
        "portal/device/site/customer 9: 1 pages",
        "portal/device/vdom/site 9: 1 pages",
        "portal/device/site/customer 5: 1 pages",
        "portal/device/vdom/site 5: 0 pages",
    ]);
}

#[test]
fn pages_are_read_to_the_last() {
    let tenant = Tenant {
        page_size: 2,
        ..Tenant::default()
    };
    tenant.check(&[
        "portal/account/organizations 0: 2 pages",
        "portal/device/site/customer 4: 1 pages",
        "portal/device/vdom/site 4: 3 pages",
        "portal/device/site/customer 9: 1 pages",
        "portal/device/vdom/site 9: 1 pages",
        "portal/device/site/customer 5: 1 pages",
        "portal/device/vdom/site 5: 0 pages",
    ]);
}

#[test]
fn a_portal_that_ignores_paging_fails_the_list() {
    let tenant = Tenant {
        page_size: 2,
        pages: false,
        ..Tenant::default()
    };
    let closed = tenant.run(true);
    assert_eq!(
        closed,
        [
            "portal/account/organizations 0: its pages do not form a complete list after 2 \
             attempts: the page at row 2 repeats id 4 from the page at row 0"
        ]
    );
}

#[test]
fn without_a_total_an_empty_page_or_the_first_one_again_closes_the_list() {
    for (pages, total) in [
        (true, Total::Absent),
        (false, Total::Absent),
        (true, Total::Zero),
    ] {
        let tenant = Tenant {
            pages,
            total,
            ..Tenant::default()
        };
        tenant.check(&[
            "portal/account/organizations 0: 1 pages",
            "portal/device/site/customer 4: 1 pages",
            "portal/device/vdom/site 4: 2 pages",
            "portal/device/site/customer 9: 1 pages",
            "portal/device/vdom/site 9: 1 pages",
            "portal/device/site/customer 5: 1 pages",
            "portal/device/vdom/site 5: 0 pages",
        ]);
    }
    let tenant = Tenant {
        total: Total::Absent,
        page_size: 2,
        ..Tenant::default()
    };
    assert_eq!(
        tenant.run(true)[..2],
        [
            "portal/account/organizations 0: 2 pages",
            "portal/device/site/customer 4: 1 pages"
        ]
    );
}

#[test]
fn a_list_that_moves_once_is_read_again() {
    let tenant = Tenant {
        page_size: 2,
        moving: 1,
        ..Tenant::default()
    };
    let closed = tenant.run(true);
    assert_eq!(closed[0], "portal/account/organizations 0: 2 pages");
    assert_eq!(closed.len(), 7);
}

#[test]
fn a_refused_list_fails_everything_below_it() {
    let tenant = Tenant {
        refused: "\"org\":4",
        ..Tenant::default()
    };
    let closed = tenant.run(true);
    assert_eq!(closed[1], "portal/device/site/customer 4: no");
    assert_eq!(closed[2], "portal/device/vdom/site 4: skipped because no");
    assert_eq!(closed[4], "portal/device/vdom/site 9: 1 pages");
    let tenant = Tenant {
        refused: "\"site\":7",
        ..Tenant::default()
    };
    let closed = tenant.run(true);
    assert_eq!(closed[2], "portal/device/vdom/site 4: site 7: no");
}
