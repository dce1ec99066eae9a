//! Finds out whether an earlier crawl of the same API user read an organization.
//!
//! If so, the organization exists. A refusal today is then a fault, and must not be mistaken for a
//! user without an organization: the snapshot would shrink to the user's own account.

use fortilake_crawler::{ScopeMode, Source};
use fortilake_state::{Crawl, State};

use crate::{exit::Result, session::Fingerprint};

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
        let Some(call) = settings.system.organization_call(&settings.source) else {
            continue;
        };
        // The age of the page does not matter: an organization does not disappear.
        let page = archive.newest(call.key(), i64::MIN)?;
        settings.organization_seen =
            page.is_some_and(|page| settings.system.names_organization(&page.body));
    }
    Ok(())
}
