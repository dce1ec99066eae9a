//! Checks that refuse a crawl because publishing it would hide rows or mix formats in the place.

use std::collections::BTreeSet;

use fortilake_sink::{Error, FailedScope, Kind, Partial, Result, Selection, Summary};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::manifest::Manifest;
use crate::place::Place;
use crate::{Layout, legacy, names, pointer};

/// How many failed scopes an error message names; the rest are counted.
const NAMED: usize = 5;

/// What to do if rows of the published snapshot would disappear because their scope failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PartialRule {
    /// Publish the crawl without these rows; the default of the layout `snapshots`.
    Publish,
    /// Do not publish the crawl; the default of the layout `latest`.
    Refuse,
}

impl From<PartialRule> for Partial {
    fn from(rule: PartialRule) -> Self {
        match rule {
            PartialRule::Publish => Self::Publish,
            PartialRule::Refuse => Self::Refuse,
        }
    }
}

/// The layout's rule for partial crawls, used if neither the run nor the sink's options set one.
pub(crate) fn default_partial(layout: Layout) -> Partial {
    match layout {
        Layout::Snapshots => Partial::Publish,
        Layout::Latest => Partial::Refuse,
    }
}

/// The published snapshots that a new one is checked against: the newest first, then the newest complete one.
pub(crate) async fn there(place: &dyn Place, layout: Layout) -> Result<Vec<Manifest>> {
    let Some(latest) = pointer::read(place, layout).await? else {
        let old = match layout {
            Layout::Snapshots => None,
            Layout::Latest => legacy::newest_in_root(place).await?,
        };
        return Ok(old.into_iter().collect());
    };
    let mut names = BTreeSet::from([latest.snapshot]);
    names.extend(latest.latest_complete.map(|latest| latest.snapshot));
    let mut manifests = Vec::new();
    for name in names.iter().rev() {
        manifests.extend(names::read_manifest(place, layout, name).await?);
    }
    manifests.retain(|manifest| manifest.is_of(layout));
    Ok(manifests)
}

/// Refuses a crawl whose selection does not cover that of a published snapshot.
pub(crate) fn check_selection(
    place: &dyn Place,
    ours: &Selection,
    there: &[Manifest],
) -> Result<()> {
    let wider = there
        .iter()
        .find(|manifest| !ours.covers(&manifest.outcome.selection));
    let Some(wider) = wider else {
        return Ok(());
    };
    let text = format!(
        "this crawl covers only a selection of sources, accounts or product models, but snapshot `{}` in `{}` covers \
         more; publish the selection to a separate folder",
        wider.snapshot,
        place.location()
    );
    Err(Error::new(Kind::Refused, text))
}

/// Refuses a second format in a layout: a manifest is immutable, so a second sink could not add its files to it.
///
/// Only what is published counts. A claim says which format a crawl is going to have, but that crawl may never publish,
/// and its claim stays for weeks. The price is that of two crawls that start in an empty place with different formats,
/// the second one is refused only when it publishes.
pub(crate) fn check_format(
    place: &dyn Place,
    layout: Layout,
    format: &str,
    there: &[Manifest],
) -> Result<()> {
    let newest = there.iter().take(1);
    let formats: BTreeSet<_> = newest
        .flat_map(|manifest| manifest.files(layout))
        .map(|file| file.format.as_str())
        .collect();
    if formats.is_empty() || formats.contains(format) {
        return Ok(());
    }
    let others: Vec<_> = formats.iter().map(|other| format!("`{other}`")).collect();
    let text = format!(
        "layout `{layout}` of `{}` already holds {} files, so it cannot hold `{format}` files; use another folder or \
         another `layout`",
        place.location(),
        others.join(" and ")
    );
    Err(Error::new(Kind::Config, text))
}

/// Refuses a crawl that would remove rows from what readers see.
///
/// A crawl may remove rows if a scope failed in it that did not fail in the newest published snapshot. Only the two
/// lists of failed scopes are compared, so the check needs no state and works on a place that was copied elsewhere.
/// It is stricter than necessary if the failed scope is new or had no rows.
pub(crate) fn check_partial(rule: Partial, ours: &Summary, there: &[Manifest]) -> Result<()> {
    let Some(newest) = there.first() else {
        return Ok(());
    };
    let lost: Vec<_> = ours
        .failed
        .iter()
        .filter(|failed| !newest.outcome.failed.iter().any(|old| is_same(failed, old)))
        .collect();
    if rule == Partial::Publish || lost.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = lost
        .iter()
        .take(NAMED)
        .map(|failed| format!("`{}` ({})", failed.scope, failed.error))
        .collect();
    let more = match lost.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let text = format!(
        "publishing may remove rows of snapshot `{}`, because these scopes failed: {}{more}; run \
         the crawl again, or publish anyway with `--accept-partial` or `partial = \"publish\"`",
        newest.snapshot,
        names.join(", ")
    );
    Err(Error::new(Kind::Refused, text))
}

/// Whether two entries are of the same scope. Manifests of the first edition do not have the scope's id.
fn is_same(ours: &FailedScope, old: &FailedScope) -> bool {
    if old.scope.is_empty() {
        return ours.source == old.source
            && ours.endpoint == old.endpoint
            && ours.account_id == old.account_id
            && ours.ou_id == old.ou_id;
    }
    ours.scope == old.scope
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(scope: &str, source: &str, endpoint: &str, ids: [Option<i64>; 2]) -> FailedScope {
        FailedScope {
            scope: scope.to_owned(),
            source: source.to_owned(),
            endpoint: endpoint.to_owned(),
            account_id: ids[0],
            ou_id: ids[1],
            error: "HTTP 500".to_owned(),
        }
    }

    #[test]
    fn failed_scopes_are_compared_by_their_ids_and_without_them_by_their_subjects() {
        let ids = [Some(1), Some(2)];
        let ours = failed("acme/products.list/account=1", "acme", "products/list", ids);
        let old = |scope: &str| failed(scope, "other", "products/list", ids);
        assert!(is_same(&ours, &old("acme/products.list/account=1")));
        assert!(!is_same(&ours, &old("acme/products.list/account=2")));
        // The first edition did not write the id of the scope.
        assert!(is_same(&ours, &failed("", "acme", "products/list", ids)));
        for old in [
            failed("", "other", "products/list", ids),
            failed("", "acme", "licenses/list", ids),
            failed("", "acme", "products/list", [None, Some(2)]),
            failed("", "acme", "products/list", [Some(1), Some(3)]),
        ] {
            assert!(!is_same(&ours, &old), "{old:?}");
        }
    }
}
