//! The pointers that readers start from. They only move forward.
//!
//! A pointer is moved by compare-and-swap in a loop, not overwritten. Two crawls can finish at the same time, and with
//! a plain write the older one could land last and hide the newer snapshot. The place's lock is not enough, because
//! object stores have no lock. The price is that a publisher may have to read the pointer again and retry.

use fortilake_sink::{Error, Kind, Result};
use serde::{Deserialize, Serialize};

use crate::Layout;
use crate::layout::{CURRENT, CURRENT_JSON, LATEST_JSON, name_of_version, version};
use crate::manifest::Manifest;
use crate::names;
use crate::place::{self, Link, Place, Put, Tag};

/// The version of the pointer's format. The first edition wrote 1, which is still read.
const FORMAT_VERSION: u32 = 2;

/// How often to retry a move while other processes move the pointer too.
const TRIES: u32 = 50;

/// Names the newest snapshot and the newest complete one: `_fortilake/latest.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latest {
    /// The version of the pointer's format.
    pub format_version: u32,
    /// The name of the newest snapshot.
    pub snapshot: String,
    /// The path of its manifest, relative to the place.
    pub manifest: String,
    /// The id of the crawl that produced it.
    pub crawl_id: String,
    /// Whether the snapshot is complete: no scope failed.
    pub complete: bool,
    /// The newest complete snapshot; `None` until there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest_complete: Option<LatestComplete>,
    /// The folder of its files, relative to the place; only in `current.json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
}

/// Names the newest complete snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LatestComplete {
    /// The snapshot's name.
    pub snapshot: String,
    /// The path of its manifest, relative to the place.
    pub manifest: String,
    /// The id of the crawl that produced it.
    pub crawl_id: String,
}

impl Latest {
    /// The pointer of a place whose only snapshot is the one of `manifest`.
    pub(crate) fn of(manifest: &Manifest, layout: Layout) -> Self {
        let complete = LatestComplete {
            snapshot: manifest.snapshot.clone(),
            manifest: layout.manifest(&manifest.snapshot),
            crawl_id: manifest.crawl.id.clone(),
        };
        Self {
            format_version: FORMAT_VERSION,
            snapshot: complete.snapshot.clone(),
            manifest: complete.manifest.clone(),
            crawl_id: complete.crawl_id.clone(),
            complete: manifest.outcome.complete,
            latest_complete: manifest.outcome.complete.then_some(complete),
            folder: None,
        }
    }

    /// Merges two pointers: the newer snapshot, and the newer complete snapshot, each on its own.
    fn forward(self, other: Self) -> Self {
        let complete = [&self, &other].map(|latest| latest.latest_complete.clone());
        let complete = complete.into_iter().flatten();
        let complete = complete.max_by(|one, two| one.snapshot.cmp(&two.snapshot));
        let newest = if other.snapshot > self.snapshot {
            other
        } else {
            self
        };
        Self {
            format_version: FORMAT_VERSION,
            latest_complete: complete,
            ..newest
        }
    }
}

/// Reads the pointer of a layout; `None` if nothing has been published in it.
pub(crate) async fn read(place: &dyn Place, layout: Layout) -> Result<Option<Latest>> {
    match layout {
        Layout::Snapshots => {
            let there = place::read_json::<Latest>(place, LATEST_JSON).await?;
            let Some((mut latest, _)) = there else {
                return Ok(None);
            };
            complete_old(place, &mut latest).await?;
            Ok(Some(latest))
        }
        Layout::Latest => read_current(place).await,
    }
}

/// The current version of the layout `latest`, in the form of a pointer.
async fn read_current(place: &dyn Place) -> Result<Option<Latest>> {
    let mut last = None;
    loop {
        let Some(name) = current(place).await?.name() else {
            return Ok(None);
        };
        let manifest = names::read_manifest(place, Layout::Latest, &name).await?;
        // Two publications between the two reads prune this version; then the pointer has moved, so read it again.
        if manifest.is_none() && last.as_ref() != Some(&name) {
            last = Some(name);
            continue;
        }
        return Ok(manifest.map(|manifest| Latest::of(&manifest, Layout::Latest)));
    }
}

/// Fills in the newest complete snapshot, which the first edition's pointer does not name.
async fn complete_old(place: &dyn Place, latest: &mut Latest) -> Result<()> {
    if latest.latest_complete.is_some() || latest.format_version >= FORMAT_VERSION {
        return Ok(());
    }
    let names = names::published(place, Layout::Snapshots).await?;
    for name in names.range(..=latest.snapshot.clone()).rev() {
        let manifest = names::read_manifest(place, Layout::Snapshots, name).await?;
        let complete = manifest.filter(|manifest| manifest.outcome.complete);
        if let Some(manifest) = complete.filter(|manifest| manifest.is_of(Layout::Snapshots)) {
            latest.latest_complete = Latest::of(&manifest, Layout::Snapshots).latest_complete;
            return Ok(());
        }
    }
    Ok(())
}

/// Moves the pointer of a layout to the snapshot of `manifest`, unless the pointer already names a newer one.
pub(crate) async fn advance(place: &dyn Place, layout: Layout, manifest: &Manifest) -> Result<()> {
    match layout {
        Layout::Snapshots => advance_json(place, LATEST_JSON, Latest::of(manifest, layout)).await,
        Layout::Latest => advance_current(place, manifest).await,
    }
}

async fn advance_json(place: &dyn Place, path: &str, ours: Latest) -> Result<()> {
    let mut last = Ok(());
    for _ in 0..TRIES {
        let there = place::read_json::<Latest>(place, path).await?;
        let (there, tag): (Option<Latest>, Option<Tag>) = there.unzip();
        let wanted = match there.clone() {
            Some(mut there) => {
                if path == LATEST_JSON {
                    complete_old(place, &mut there).await?;
                }
                there.forward(ours.clone())
            }
            None => ours.clone(),
        };
        // Nothing to do: the pointer is newer, or an earlier try of ours succeeded and its response was lost.
        if there.as_ref() == Some(&wanted) {
            return Ok(());
        }
        last?;
        let content = place::to_json(&wanted)?;
        last = match place.swap(path, tag.as_ref(), content).await {
            Ok(Put::Done) => return Ok(()),
            Ok(Put::Taken) => Ok(()),
            Err(error) => Err(error),
        };
    }
    Err(contended(place, path))
}

/// The pointer of the layout `latest`: a link and the name that it points to, or a file without links.
#[derive(Debug)]
enum Current {
    Link(Link, Option<String>),
    File(Latest),
}

impl Current {
    fn name(&self) -> Option<String> {
        match self {
            Self::Link(_, name) => name.clone(),
            Self::File(latest) => Some(latest.snapshot.clone()),
        }
    }
}

async fn current(place: &dyn Place) -> Result<Current> {
    let link = place.read_link(CURRENT).await?;
    if let Link::To(target) = &link {
        let folder = target.rsplit('/').next().unwrap_or_default();
        let name = name_of_version(folder).to_owned();
        return Ok(Current::Link(link, Some(name)));
    }
    let there = place::read_json::<Latest>(place, CURRENT_JSON).await?;
    Ok(there.map_or(Current::Link(link, None), |(latest, _)| {
        Current::File(latest)
    }))
}

async fn advance_current(place: &dyn Place, manifest: &Manifest) -> Result<()> {
    let folder = version(&manifest.snapshot, &manifest.token);
    let there = current(place).await?;
    if !place.has_links().await? {
        let mut ours = Latest::of(manifest, Layout::Latest);
        ours.folder = Some(folder);
        return advance_json(place, CURRENT_JSON, ours).await;
    }
    // The place may have moved from a file system without links. Then `current.json` still counts as the pointer; it is
    // deleted only after the link exists, so that readers always find one of the two.
    let floor = there.name();
    let relative = folder.trim_start_matches("_fortilake/").to_owned();
    let mut last = Ok(());
    for _ in 0..TRIES {
        let (link, name) = match current(place).await? {
            Current::Link(link, name) => (link, name),
            Current::File(_) => (place.read_link(CURRENT).await?, floor.clone()),
        };
        let is_there = matches!(link, Link::To(_));
        if is_there && name.as_ref().is_some_and(|name| *name >= manifest.snapshot) {
            return place.delete(CURRENT_JSON).await;
        }
        if name.as_ref().is_some_and(|name| *name > manifest.snapshot) {
            return Ok(());
        }
        last?;
        last = match place.swap_link(CURRENT, &link, &relative).await {
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
    }
    Err(contended(place, CURRENT))
}

fn contended(place: &dyn Place, path: &str) -> Error {
    let text = format!(
        "cannot move the pointer `{path}` in `{}`: other processes moved it {TRIES} times in a row; run the same \
         command again",
        place.location()
    );
    Error::new(Kind::Unavailable, text)
}
