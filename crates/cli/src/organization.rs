//! Finds out whether an earlier crawl of the same API user read an organization.
//!
//! If so, the organization exists. A refusal today is then a fault, and must not be mistaken for a
//! user without an organization: the snapshot would shrink to the user's own account.

use fortilake_crawler::{Facts, Fetch, Names, ScopeMode, Source};
use fortilake_state::{Crawl, State};
use serde_json::Map;

use crate::{exit::Result, session::Fingerprint};

/// The endpoint whose response names the organization.
const UNITS: &str = "units/list";

/// Marks the sources whose stored pages show an organization.
pub(crate) fn recall(
    sources: &mut [Source],
    state: &State,
    fingerprint: &Fingerprint,
) -> Result<()> {
    let mut earlier: Vec<Crawl> = state.crawls()?;
    earlier.retain(|crawl| fingerprint.has_sources_of(&crawl.fingerprint));
    let archive = state.archive(&earlier)?;
    for Source { settings, .. } in sources {
        if settings.scope != ScopeMode::Auto {
            continue;
        }
        let units = Fetch::new(settings.source.clone(), UNITS, Map::new(), 0);
        // The age of the page does not matter: an organization does not disappear.
        let page = archive.newest(units.key(), i64::MIN)?;
        let facts = page.map(|page| Facts::read(UNITS, &page.body, Names::Unwanted));
        settings.organization_seen = matches!(
            facts,
            Some(Ok(Facts::Units {
                organization: Some(_),
                ..
            }))
        );
    }
    Ok(())
}
