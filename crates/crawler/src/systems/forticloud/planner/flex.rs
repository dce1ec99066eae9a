//! Reads `FortiFlex`, as `include` asks for: its programs, the configurations of each program, and
//! the entitlements of each configuration.
//!
//! Each level is one scope. Levels below a wanted one are not read, but the ones above are, because
//! their rows say what to ask for.

use std::{collections::HashSet, sync::Arc};

use serde_json::Value;

use super::listing::{Listing, ListingState, PageRequest};
use crate::{Fetch, Outcome, Scope, fetch::FailureKind, systems::without_id};

/// The endpoints, from the top.
pub(crate) const LEVELS: [&str; 3] = [
    "flex/programs/list",
    "flex/configs/list",
    "flex/entitlements/list",
];

/// The argument that says whose rows an endpoint lists.
const ARGUMENTS: [&str; 3] = ["", "programSerialNumber", "configId"];

/// The lists of all levels.
#[derive(Debug)]
pub(super) struct Flex {
    /// The lists of each level, in publishing order; as many levels as are read.
    levels: Vec<Vec<Listing>>,
    published: bool,
}

/// Where a list is: its level, and its position there.
pub(super) type ListPosition = (usize, usize);

/// How many levels are read for these endpoints.
pub(crate) fn depth(include: &[&'static str]) -> usize {
    let wanted = |level: &&str| include.contains(level);
    LEVELS.iter().rposition(wanted).map_or(0, |last| last + 1)
}

impl Flex {
    /// The plan for the upper `depth` levels; `None` if that is 0.
    pub(super) fn new(depth: usize) -> Option<Self> {
        (depth > 0).then(|| {
            let mut levels: Vec<_> = LEVELS[..depth].iter().map(|_| Vec::new()).collect();
            levels[0].push(Listing::new(LEVELS[0], Vec::new()));
            Self {
                levels,
                published: false,
            }
        })
    }

    /// The place of the only list that can be read at the start.
    pub(super) fn begin(&self) -> (ListPosition, PageRequest) {
        ((0, 0), self.levels[0][0].begin())
    }

    pub(super) fn fetch(
        &self,
        (level, at): ListPosition,
        request: PageRequest,
        source: &Arc<str>,
    ) -> Fetch {
        self.levels[level][at].fetch(source, request)
    }

    pub(super) fn awaits(&self, (level, at): ListPosition, request: PageRequest) -> bool {
        self.levels[level][at].awaits(request)
    }

    /// Takes the outcome of one page, and returns what to ask for next.
    pub(super) fn follow(
        &mut self,
        (level, at): ListPosition,
        request: PageRequest,
        outcome: &Outcome,
        paging_works: bool,
    ) -> Vec<(ListPosition, PageRequest)> {
        let below = level + 1;
        let is_last = below == self.levels.len();
        let list = &mut self.levels[level][at];
        let asks = list.follow(request, outcome, paging_works);
        let mut next: Vec<_> = asks
            .into_iter()
            .map(|request| ((level, at), request))
            .collect();
        if list.state != ListingState::Closed || is_last {
            return next;
        }
        let names = list.products().unwrap_or_default();
        let nameless = list.rows() - names.len();
        if nameless > 0 {
            // What is below such a row cannot be asked for.
            list.fail(FailureKind::Lost, without_id(nameless, "row"));
            return next;
        }
        let mut seen = HashSet::new();
        for name in names
            .into_iter()
            .filter(|name| seen.insert(name.serial.clone()))
        {
            // Programs are named by text, configurations by number.
            let number = name.serial.parse::<i64>().ok().filter(|_| level > 0);
            let argument = number.map_or_else(|| Value::from(name.serial), Value::from);
            let list = Listing::new(LEVELS[below], vec![(ARGUMENTS[below], argument)]);
            next.push(((below, self.levels[below].len()), list.begin()));
            self.levels[below].push(list);
        }
        next
    }

    /// The scopes of all levels, once every list has ended; nothing after that.
    pub(super) fn publish(&mut self, source: &Arc<str>) -> Vec<Scope> {
        let mut lists = self.levels.iter().flatten();
        if self.published || lists.any(|list| list.state == ListingState::Open) {
            return Vec::new();
        }
        self.published = true;
        let mut above: Result<(), String> = Ok(());
        let mut scopes = Vec::new();
        for (level, lists) in self.levels.iter().enumerate() {
            let pages = match &above {
                Err(message) => Err(format!("skipped because {message}")),
                Ok(()) => lists.iter().map(|list| list.pages(source)).collect(),
            };
            above = above.and(pages.as_ref().map(drop).map_err(Clone::clone));
            scopes.push(Scope::of(LEVELS[level], pages));
        }
        scopes
    }

    pub(super) fn is_published(&self) -> bool {
        self.published
    }
}

#[cfg(test)]
mod tests;
