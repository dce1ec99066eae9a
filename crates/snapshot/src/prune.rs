//! Pruning: deleting old snapshots.
//!
//! The order is: mark the claim as pruned, delete the manifest, delete the files, delete the claim. Without the mark, a
//! process that dies after deleting the manifest would leave files that look like those of a crawl that is still
//! writing. The mark lists the folders, so `recover` can finish the job. The price is one more write per snapshot.
//!
//! A crawl that never publishes leaves its claim behind. Such claims are removed when they are old.

use std::collections::BTreeSet;

use fortilake_sink::{Error, Kind, Result, Selection};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing::info;

use crate::catalog::{self, Catalog};
use crate::manifest::Manifest;
use crate::names::{self, Claim};
use crate::place::{self, Place, Put};
use crate::{Layout, pointer};

/// How many versions the layout `latest` keeps. A reader of the previous version has until the next publication.
const VERSIONS: u32 = 2;

/// A claim is removed if its crawl has not published for this many days. A crawl that comes back later claims a name
/// again, so the only harm is that it gets a later one.
const CLAIM_DAYS: u32 = 30;

/// How often to retry marking a claim while other processes change it too.
const TRIES: u32 = 10;

/// The format of snapshot names, for reading a name's time.
const NAME: &str = "%Y%m%dT%H%M%SZ";

/// Which published snapshots to keep. A snapshot is kept if either rule keeps it.
///
/// The newest snapshot, the newest complete one, and the newest one of each catalog are always kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Keep {
    /// How many of the newest snapshots to keep.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub last: Option<u32>,
    /// For how many days to keep a snapshot, counted from the time in its name.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub days: Option<u32>,
}

impl Keep {
    /// Refuses an empty rule, and one that keeps zero snapshots or days.
    pub(crate) fn check(self) -> Result<()> {
        let is_empty = self == Self::default() || self.last == Some(0) || self.days == Some(0);
        if !is_empty {
            return Ok(());
        }
        let text = "option `keep` needs `last` or `days`, each at least 1, such as { last = 30, days = 90 }";
        Err(Error::new(Kind::Config, text))
    }

    /// The names that no rule keeps at the time `now`, newest first.
    fn surplus(self, names: &BTreeSet<String>, now: Timestamp) -> Vec<String> {
        let last = usize::try_from(self.last.unwrap_or(0)).unwrap_or(usize::MAX);
        let oldest = self.days.map(|days| days_before(days, names, now));
        let old = names.iter().rev().skip(last);
        let old = old.filter(|name| oldest.as_ref().is_none_or(|oldest| *name < oldest));
        old.cloned().collect()
    }
}

/// The name of a snapshot that is this many days old.
///
/// Days are counted back from `now` or from the newest of the published `names`, whichever is earlier. So a clock that
/// is years ahead, now or during one crawl, does not make everything else look old.
fn days_before(days: u32, names: &BTreeSet<String>, now: Timestamp) -> String {
    let newest = names.last().and_then(|name| time_of(name));
    let now = newest.map_or(now, |newest| now.min(newest));
    let age = SignedDuration::from_hours(24 * i64::from(days));
    let oldest = now.checked_sub(age).unwrap_or(Timestamp::MIN);
    oldest.strftime(NAME).to_string()
}

fn time_of(name: &str) -> Option<Timestamp> {
    let time = DateTime::strptime(NAME, name).ok()?;
    time.to_zoned(TimeZone::UTC)
        .ok()
        .map(|time| time.timestamp())
}

/// Prunes what `keep` does not keep, and forgotten claims, after the snapshot `mine` was published. `mine` itself always
/// stays.
pub(crate) async fn after(
    place: &dyn Place,
    layout: Layout,
    keep: Option<Keep>,
    mine: &str,
    catalog: Option<&dyn Catalog>,
) -> Result<()> {
    let now = Timestamp::now();
    withdraw(place, layout, now).await?;
    let keep = match layout {
        Layout::Snapshots => keep,
        Layout::Latest => Some(Keep {
            last: Some(VERSIONS),
            days: None,
        }),
    };
    let Some(keep) = keep else {
        return Ok(());
    };
    let mut names = plan(place, layout, keep, now).await?;
    names.retain(|name| name != mine);
    if let Some(catalog) = catalog.filter(|_| !names.is_empty()) {
        // Before the files go, so that no reader of the catalog finds a version without its files.
        catalog.forget(&names).await?;
    }
    for name in &names {
        prune(place, layout, name).await?;
    }
    Ok(())
}

/// The claims of crawls that never published and are too old to be expected back, oldest first.
///
/// Only the age decides. Whether a crawl was abandoned is recorded in the state of the machine that ran it, and that
/// state may be gone, as in a container.
pub(crate) async fn forgotten(
    place: &dyn Place,
    layout: Layout,
    now: Timestamp,
) -> Result<Vec<Claim>> {
    let manifests = names::published(place, layout).await?;
    let limit = days_before(CLAIM_DAYS, &manifests, now);
    let claims = names::claimed(place, layout).await?;
    let mut forgotten = Vec::new();
    for name in claims
        .range(..limit)
        .filter(|name| !manifests.contains(*name))
    {
        let claim = names::read_any_claim(place, layout, name).await?;
        // `recover` removes a claim that is marked as pruned, after the files of its snapshot.
        forgotten.extend(claim.filter(|claim| claim.pruned.is_none()));
    }
    Ok(forgotten)
}

/// Removes the [`forgotten`] claims, and returns them.
pub(crate) async fn withdraw(
    place: &dyn Place,
    layout: Layout,
    now: Timestamp,
) -> Result<Vec<Claim>> {
    let claims = forgotten(place, layout, now).await?;
    for claim in &claims {
        place.delete(&layout.claim(&claim.snapshot)).await?;
    }
    Ok(claims)
}

/// The names that `keep` does not keep at the time `now`, newest first.
pub(crate) async fn plan(
    place: &dyn Place,
    layout: Layout,
    keep: Keep,
    now: Timestamp,
) -> Result<Vec<String>> {
    let names = names::published(place, layout).await?;
    let mut surplus = keep.surplus(&names, now);
    if surplus.is_empty() {
        return Ok(surplus);
    }
    if let Some(latest) = pointer::read(place, layout).await? {
        let complete = latest.latest_complete.map(|latest| latest.snapshot);
        surplus.retain(|name| *name != latest.snapshot && Some(name) != complete.as_ref());
    }
    // A catalog can be behind the pointer, if a process died in between or another sink published meanwhile.
    if layout == Layout::Snapshots {
        let current = catalog::current(place).await?;
        surplus.retain(|name| !current.contains(name));
    }
    // The process that published the newest complete snapshot may have died, or not have come as far as the pointer.
    for name in names.iter().rev() {
        let manifest = names::read_manifest(place, layout, name).await?;
        if manifest.is_some_and(|manifest| manifest.is_of(layout) && manifest.outcome.complete) {
            surplus.retain(|other| other != name);
            break;
        }
    }
    Ok(surplus)
}

/// Deletes one published snapshot.
pub(crate) async fn prune(place: &dyn Place, layout: Layout, name: &str) -> Result<()> {
    let Some(manifest) = names::read_manifest(place, layout, name).await? else {
        return Ok(());
    };
    // The first edition kept the manifests of both layouts together, so this one may be of the other layout.
    if !manifest.is_of(layout) {
        return Ok(());
    }
    info!(place = place.location(), snapshot = name, "pruning");
    let claim = mark(place, layout, &manifest).await?;
    complete(place, layout, &claim).await
}

/// Records in the claim that the snapshot is being deleted, and which folders hold its files.
async fn mark(place: &dyn Place, layout: Layout, manifest: &Manifest) -> Result<Claim> {
    let name = &manifest.snapshot;
    let tables = manifest.tables.iter().map(|table| table.name.as_str());
    let folders = layout.folders(name, tables);
    for _ in 0..TRIES {
        let there = names::read_claim(place, layout, name).await?;
        let (claim, tag) = match there {
            Some((claim, _)) if claim.pruned.is_some() => return Ok(claim),
            Some((claim, tag)) => (claim, Some(tag)),
            None => (old_claim(manifest, layout), None),
        };
        let claim = Claim {
            pruned: Some(folders.clone()),
            ..claim
        };
        let (path, content) = (layout.claim(name), place::to_json(&claim)?);
        if place.swap(&path, tag.as_ref(), content).await? == Put::Done {
            return Ok(claim);
        }
    }
    let text = format!(
        "cannot prune snapshot `{name}`: other processes changed its claim {TRIES} times in a row; try again later"
    );
    Err(Error::new(Kind::Unavailable, text))
}

/// A claim for a snapshot of the first edition, which did not write claims.
fn old_claim(manifest: &Manifest, layout: Layout) -> Claim {
    let format = manifest.files(layout).next();
    Claim {
        snapshot: manifest.snapshot.clone(),
        crawl_id: manifest.crawl.id.clone(),
        format: format.map_or_else(String::new, |file| file.format.clone()),
        selection: Selection::default(),
        pruned: None,
    }
}

/// Deletes the snapshot of a claim that is marked as pruned. Each step can be repeated.
pub(crate) async fn complete(place: &dyn Place, layout: Layout, claim: &Claim) -> Result<()> {
    let name = &claim.snapshot;
    place.delete(&layout.manifest(name)).await?;
    let tables = claim.pruned.iter().flatten();
    for folder in tables.filter(|folder| layout.is_folder_of(folder, name)) {
        for path in place.list(folder).await? {
            if layout.is_file_of(&path, name) {
                place.delete(&path).await?;
            }
        }
    }
    place.delete(&layout.claim(name)).await
}

/// Completes prunes that dead processes started.
pub(crate) async fn recover(place: &dyn Place, layout: Layout) -> Result<()> {
    let claims = names::claimed(place, layout).await?;
    let manifests = names::published(place, layout).await?;
    for name in claims.difference(&manifests) {
        let claim = names::read_any_claim(place, layout, name).await?;
        if let Some(claim) = claim.filter(|claim| claim.pruned.is_some()) {
            complete(place, layout, &claim).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
