//! Snapshot names, and the claim by which a crawl owns one.
//!
//! A crawl claims its name before it stages anything, because staged files already have the name in their path. If it
//! chose the name when it publishes, two crawls that started in the same second would stage files under one name, and
//! one of them would have to write everything again. The claim also gives a resumed crawl its old name back. The price
//! is a small file per snapshot. A crawl that never publishes leaves its claim, which is removed after 30 days.

use std::collections::BTreeSet;

use fortilake_sink::{Crawl, Error, Kind, Phase, Result, Selection, choose_name};
use serde::{Deserialize, Serialize};
use tracing::debug;

use crate::Layout;
use crate::layout::check_name;
use crate::manifest::Manifest;
use crate::place::{self, Place, Put, Tag};

/// How many names to try if other crawls take them first. In practice two crawls collide, not 200.
const TRIES: u32 = 200;

/// A crawl's claim on a snapshot name: `_fortilake/claims/LAYOUT/NAME.json`. It stays until the snapshot is pruned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The snapshot's name.
    pub snapshot: String,
    /// The id of the crawl that owns the name.
    pub crawl_id: String,
    /// The format that the crawl is published in, such as `parquet`.
    pub format: String,
    /// The sources and accounts that the crawl is limited to.
    #[serde(default, skip_serializing_if = "Selection::is_everything")]
    pub selection: Selection,
    /// Set while the snapshot is being deleted: the folders that hold its files. It no longer counts as published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pruned: Option<Vec<String>>,
}

/// The name that a crawl owns in a place.
#[derive(Debug)]
pub(crate) struct Claimed {
    pub(crate) name: String,
    /// Whether this call created the claim, so that the caller may remove it after an error.
    pub(crate) is_new: bool,
}

/// The names of the published snapshots, which are those that have a manifest.
pub(crate) async fn published(place: &dyn Place, layout: Layout) -> Result<BTreeSet<String>> {
    names(place, layout.manifests()).await
}

/// The names that a crawl has claimed, published or not.
pub(crate) async fn claimed(place: &dyn Place, layout: Layout) -> Result<BTreeSet<String>> {
    names(place, layout.claims()).await
}

async fn names(place: &dyn Place, folder: &str) -> Result<BTreeSet<String>> {
    let name = |path: &String| {
        let name = path.strip_prefix(folder)?.strip_prefix('/')?;
        let name = name.strip_suffix(".json")?;
        check_name("snapshot", name).ok().map(|()| name.to_owned())
    };
    let files = place.list(folder).await?;
    Ok(files.iter().filter_map(name).collect())
}

pub(crate) async fn read_claim(
    place: &dyn Place,
    layout: Layout,
    name: &str,
) -> Result<Option<(Claim, Tag)>> {
    place::read_json(place, &layout.claim(name)).await
}

/// The claim of any crawl; `None` if there is none, or if this version of fortilake cannot read it.
///
/// A claim that cannot be read belongs to another program, so it is the claim of another crawl. It must not stop this
/// one, which does not need to know more.
pub(crate) async fn read_any_claim(
    place: &dyn Place,
    layout: Layout,
    name: &str,
) -> Result<Option<Claim>> {
    let path = layout.claim(name);
    let there = place.get(&path).await?;
    Ok(there.and_then(|there| {
        let claim = serde_json::from_slice(&there.content);
        claim
            .inspect_err(|error| debug!(path, %error, "the claim cannot be read"))
            .ok()
    }))
}

pub(crate) async fn read_manifest(
    place: &dyn Place,
    layout: Layout,
    name: &str,
) -> Result<Option<Manifest>> {
    let path = layout.manifest(name);
    let found = place::read_json::<Manifest>(place, &path).await?;
    if found.as_ref().is_some_and(|(found, _)| found.is_newer()) {
        let text = format!(
            "`{path}` in `{}` was written by a newer version of fortilake",
            place.location()
        );
        return Err(Error::new(Kind::Config, text));
    }
    Ok(found.map(|(manifest, _)| manifest.of_layout(layout)))
}

/// Returns the name that `crawl` already owns here, or claims a new one.
///
/// `old` are snapshots that the first edition published in the root. They may have neither a claim nor a manifest in
/// this layout, but their names are taken all the same.
pub(crate) async fn claim(
    place: &dyn Place,
    layout: Layout,
    format: &str,
    crawl: &Crawl,
    old: &[Manifest],
) -> Result<Claimed> {
    check_name("snapshot", &crawl.name)?;
    for _ in 0..TRIES {
        let claims = claimed(place, layout).await?;
        let manifests = published(place, layout).await?;
        let mine = find(place, layout, crawl, &claims, &manifests).await?;
        let mut there: BTreeSet<_> = claims.union(&manifests).cloned().collect();
        let others = old.iter().filter(|old| old.crawl.id != crawl.id);
        there.extend(others.map(|old| old.snapshot.clone()));
        let name = choose_name(crawl, mine.as_deref(), &there);
        if claims.contains(&name) && mine.is_some() {
            return Ok(Claimed {
                name,
                is_new: false,
            });
        }
        let claim = Claim {
            snapshot: name.clone(),
            crawl_id: crawl.id.clone(),
            format: format.to_owned(),
            selection: crawl.selection.clone(),
            pruned: None,
        };
        let put = place
            .put_new(&layout.claim(&name), place::to_json(&claim)?)
            .await;
        if matches!(put, Ok(Put::Done)) {
            // The name may have been published and pruned since the names were listed. Then newer snapshots exist, and
            // a crawl that is reading must be named above them.
            let now = published(place, layout).await?;
            let is_overtaken = now.last().is_some_and(|newest| *newest > name);
            if is_overtaken && mine.is_none() && crawl.phase == Phase::Reading {
                place.delete(&layout.claim(&name)).await?;
                continue;
            }
            return Ok(Claimed { name, is_new: true });
        }
        // "Taken" or an error can also mean that our own write succeeded: its response was lost, or the storage client
        // retried a request that had already taken effect. So compare what is there with what we wrote.
        let there = read_any_claim(place, layout, &name).await?;
        if there.is_some_and(|there| there == claim) {
            return Ok(Claimed {
                name,
                is_new: false,
            });
        }
        put?;
    }
    let text = format!(
        "cannot claim a snapshot name in `{}`: other crawls took {TRIES} names in a row; run the same command again",
        place.location()
    );
    Err(Error::new(Kind::Unavailable, text))
}

/// The name that `crawl` claimed or published under in an earlier run.
async fn find(
    place: &dyn Place,
    layout: Layout,
    crawl: &Crawl,
    claims: &BTreeSet<String>,
    manifests: &BTreeSet<String>,
) -> Result<Option<String>> {
    // `choose_name` only ever moves forward from the crawl's start, so earlier names need no look-up.
    for name in claims.range(crawl.name.clone()..) {
        let claim = read_any_claim(place, layout, name).await?;
        if claim.is_some_and(|claim| claim.crawl_id == crawl.id) {
            return Ok(Some(name.clone()));
        }
    }
    // The first edition did not write claims, so look for its manifests too.
    for name in manifests.range(crawl.name.clone()..) {
        if claims.contains(name) {
            continue;
        }
        let manifest = read_manifest(place, layout, name).await?;
        let is_mine = |manifest: &Manifest| manifest.crawl.id == crawl.id && manifest.is_of(layout);
        if manifest.is_some_and(|manifest| is_mine(&manifest)) {
            return Ok(Some(name.clone()));
        }
    }
    Ok(None)
}
