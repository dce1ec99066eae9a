//! The files of the layout `latest` in the root of a place: links through `current`, or copies without links.

use std::collections::BTreeSet;

use fortilake_sink::Result;

use crate::Layout;
use crate::layout::CURRENT;
use crate::manifest::{File, Manifest};
use crate::place::{Link, Place};
use crate::{names, pointer};

/// Makes the root show the current version, and removes files of tables that only older versions have.
pub(crate) async fn show_current(place: &dyn Place) -> Result<()> {
    let Some(latest) = pointer::read(place, Layout::Latest).await? else {
        return Ok(());
    };
    let Some(manifest) = names::read_manifest(place, Layout::Latest, &latest.snapshot).await?
    else {
        return Ok(());
    };
    show(place, &manifest).await?;
    let shown: BTreeSet<_> = manifest.files(Layout::Latest).map(name).collect();
    for other in names::published(place, Layout::Latest).await? {
        if other == latest.snapshot {
            continue;
        }
        let Some(other) = names::read_manifest(place, Layout::Latest, &other).await? else {
            continue;
        };
        let stale = other.files(Layout::Latest);
        for file in stale.filter(|file| !shown.contains(name(file))) {
            hide(place, file).await?;
        }
    }
    Ok(())
}

/// Links or copies each file of a version into the root.
pub(crate) async fn show(place: &dyn Place, manifest: &Manifest) -> Result<()> {
    let has_links = place.has_links().await?;
    for file in manifest.files(Layout::Latest) {
        let name = name(file);
        if has_links {
            let (there, wanted) = (place.read_link(name).await?, target(name));
            if there != Link::To(wanted.clone()) {
                // "Taken" is fine: another process made the link first, and it has the same target.
                place.swap_link(name, &there, &wanted).await?;
            }
            continue;
        }
        let there = place.digest(name).await?;
        if there.is_none_or(|there| there.sha256 != file.sha256) {
            place.copy(&file.path, name).await?;
        }
    }
    Ok(())
}

/// Removes a file of an older version from the root, unless it is not ours: another link, or a file that was changed.
async fn hide(place: &dyn Place, file: &File) -> Result<()> {
    let name = name(file);
    let is_shown = match place.read_link(name).await? {
        Link::Absent => false,
        Link::To(there) => there == target(name),
        Link::File => {
            let there = place.digest(name).await?;
            there.is_some_and(|there| there.sha256 == file.sha256)
        }
    };
    if is_shown {
        place.delete(name).await?;
    }
    Ok(())
}

fn name(file: &File) -> &str {
    file.path.rsplit('/').next().unwrap_or_default()
}

fn target(name: &str) -> String {
    format!("{CURRENT}/{name}")
}
