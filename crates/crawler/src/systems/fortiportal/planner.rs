//! The plan of a FortiPortal crawl: its organizations, their sites, and the VDOMs of the sites.
//!
//! Organizations are published in the order of the response. Each is followed by its sites and then
//! by the VDOMs of all its sites.

#[cfg(test)]
mod tests;

use std::{collections::HashMap, sync::Arc};

use serde_json::Map;

use super::{ORGANIZATIONS, SITES, VDOMS};
use crate::{
    Fetch, Outcome, Pages, Scope, Step,
    systems::{
        Planner,
        offset_list::{OffsetList, OffsetListState, OffsetRequest},
    },
};

/// The argument for the number of rows to skip.
const SKIP: &str = "start";

/// The plan of one portal.
#[derive(Debug)]
pub(crate) struct FortiPortalPlanner {
    source: Arc<str>,
    /// The list that each call in flight belongs to.
    asked: HashMap<Arc<str>, Purpose>,
    organizations: OffsetList,
    branches: Vec<Branch>,
    /// How much was published: 1 for the organizations, plus 1 for each branch.
    published: usize,
}

/// One organization with its sites and their VDOMs.
#[derive(Debug)]
struct Branch {
    organization: i64,
    sites: OffsetList,
    vdoms: Vec<OffsetList>,
}

#[derive(Debug, Clone, Copy)]
enum Purpose {
    Organizations(OffsetRequest),
    Sites(usize, OffsetRequest),
    Vdoms(usize, usize, OffsetRequest),
}

impl FortiPortalPlanner {
    pub(crate) fn new(source: Arc<str>) -> Self {
        Self {
            organizations: OffsetList::new(source.clone(), ORGANIZATIONS, Map::new(), SKIP),
            source,
            asked: HashMap::new(),
            branches: Vec::new(),
            published: 0,
        }
    }

    fn list(&self, purpose: Purpose) -> (&OffsetList, OffsetRequest) {
        match purpose {
            Purpose::Organizations(request) => (&self.organizations, request),
            Purpose::Sites(at, request) => (&self.branches[at].sites, request),
            Purpose::Vdoms(at, site, request) => (&self.branches[at].vdoms[site], request),
        }
    }

    fn ask(&mut self, purpose: Purpose) -> Fetch {
        let (list, request) = self.list(purpose);
        let fetch = list.fetch(request);
        self.asked.insert(fetch.key().clone(), purpose);
        fetch
    }

    fn branch(&mut self, organization: i64) -> Fetch {
        let arguments = Map::from_iter([("org".to_owned(), organization.into())]);
        let sites = OffsetList::new(self.source.clone(), SITES, arguments, SKIP);
        let request = sites.begin();
        self.branches.push(Branch {
            organization,
            sites,
            vdoms: Vec::new(),
        });
        self.ask(Purpose::Sites(self.branches.len() - 1, request))
    }

    fn site(&mut self, at: usize, site: i64) -> Fetch {
        let arguments = Map::from_iter([("site".to_owned(), site.into())]);
        let vdoms = OffsetList::new(self.source.clone(), VDOMS, arguments, SKIP);
        let request = vdoms.begin();
        let branch = &mut self.branches[at];
        branch.vdoms.push(vdoms);
        let site = branch.vdoms.len() - 1;
        self.ask(Purpose::Vdoms(at, site, request))
    }

    /// Returns the scopes that have ended and whose turn it is.
    fn publish(&mut self) -> Vec<Scope> {
        let mut scopes = Vec::new();
        if self.organizations.is_open() {
            return scopes;
        }
        if self.published == 0 {
            scopes.push(scope(ORGANIZATIONS, None, self.organizations.pages()));
            self.published = 1;
        }
        while let Some(branch) = self.branches.get(self.published - 1) {
            if !branch.is_closed() {
                break;
            }
            scopes.extend(branch.scopes());
            self.published += 1;
        }
        scopes
    }
}

impl Branch {
    fn is_closed(&self) -> bool {
        !self.sites.is_open() && self.vdoms.iter().all(|list| !list.is_open())
    }

    fn scopes(&self) -> [Scope; 2] {
        let sites = self.sites.pages();
        let vdoms = if let Err(message) = &sites {
            Err(format!("skipped because {message}"))
        } else {
            let site = |list: &OffsetList| {
                let named = |message| match list.argument("site") {
                    Some(site) => format!("site {site}: {message}"),
                    None => message,
                };
                list.pages().map_err(named)
            };
            self.vdoms.iter().map(site).collect()
        };
        let organization = Some(self.organization);
        [
            scope(SITES, organization, sites),
            scope(VDOMS, organization, vdoms),
        ]
    }
}

impl Planner for FortiPortalPlanner {
    fn begin(&mut self) -> Step {
        let purpose = Purpose::Organizations(self.organizations.begin());
        Step {
            fetches: vec![self.ask(purpose)],
            closed: Vec::new(),
        }
    }

    fn follow(&mut self, fetch: &Fetch, outcome: &Outcome) -> Step {
        let Some(purpose) = self.asked.remove(fetch.key()) else {
            return Step::default();
        };
        let (list, make): (&mut OffsetList, &dyn Fn(OffsetRequest) -> Purpose) = match purpose {
            Purpose::Organizations(_) => (&mut self.organizations, &Purpose::Organizations),
            Purpose::Sites(at, _) => (&mut self.branches[at].sites, &move |request| {
                Purpose::Sites(at, request)
            }),
            Purpose::Vdoms(at, site, _) => (&mut self.branches[at].vdoms[site], &move |request| {
                Purpose::Vdoms(at, site, request)
            }),
        };
        let (Purpose::Organizations(request)
        | Purpose::Sites(_, request)
        | Purpose::Vdoms(_, _, request)) = purpose;
        let next = list.follow(request, outcome);
        // Only a complete list says what is below it. Until then it may be read again.
        let found = match list.state {
            OffsetListState::Closed => list.take_ids(),
            OffsetListState::Open | OffsetListState::Failed(_) => Vec::new(),
        };
        let mut fetches: Vec<Fetch> = next
            .into_iter()
            .map(|request| self.ask(make(request)))
            .collect();
        for id in found {
            match purpose {
                Purpose::Organizations(_) => fetches.push(self.branch(id)),
                Purpose::Sites(at, _) => fetches.push(self.site(at, id)),
                Purpose::Vdoms(..) => {}
            }
        }
        Step {
            fetches,
            closed: self.publish(),
        }
    }

    fn awaits(&self, fetch: &Fetch) -> bool {
        self.asked.get(fetch.key()).is_some_and(|&purpose| {
            let (list, request) = self.list(purpose);
            list.awaits(request)
        })
    }

    fn forget(&mut self, fetch: &Fetch) -> Step {
        self.asked.remove(fetch.key());
        Step::default()
    }

    fn is_finished(&self) -> bool {
        self.asked.is_empty()
            && !self.organizations.is_open()
            && self.published == self.branches.len() + 1
    }
}

fn scope(
    endpoint: &'static str,
    organization_id: Option<i64>,
    pages: Result<Pages, String>,
) -> Scope {
    Scope {
        organization_id,
        ..Scope::of(endpoint, pages)
    }
}
