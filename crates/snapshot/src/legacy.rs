//! Converts files that the first edition published in the root of a place into a version of the layout `latest`.

use fortilake_sink::Result;
use tracing::{info, warn};

use crate::Layout;
use crate::layout::{LATEST_JSON, name_of_version, version};
use crate::manifest::Manifest;
use crate::names;
use crate::place::{self, Place};
use crate::pointer::Latest;
use crate::token::token;

/// The first edition's manifest of the files in the root; `None` if the root has no such files.
pub(crate) async fn newest_in_root(place: &dyn Place) -> Result<Option<Manifest>> {
    let is_in_root = |manifest: &Manifest| manifest.files(Layout::Latest).next().is_some();
    // In the first edition an older crawl could replace the files of a newer one, and its pointer moved back with them.
    // So the pointer decides, and the newest manifest only if the pointer is of no use.
    if let Some((latest, _)) = place::read_json::<Latest>(place, LATEST_JSON).await? {
        let manifest = place::read_json::<Manifest>(place, &latest.manifest).await?;
        if let Some((manifest, _)) = manifest.filter(|(manifest, _)| is_in_root(manifest)) {
            return Ok(Some(manifest.of_layout(Layout::Latest)));
        }
    }
    for name in names::published(place, Layout::Snapshots)
        .await?
        .iter()
        .rev()
    {
        let path = Layout::Snapshots.manifest(name);
        let manifest = place::read_json::<Manifest>(place, &path).await?;
        if let Some((manifest, _)) = manifest.filter(|(manifest, _)| is_in_root(manifest)) {
            return Ok(Some(manifest.of_layout(Layout::Latest)));
        }
    }
    Ok(None)
}

/// Copies the files in the root into a version and returns its manifest; `None` if the place already has versions.
///
/// The files in the root stay for their readers. They become links once the version is the current one.
pub(crate) async fn adopt(place: &dyn Place) -> Result<Option<Manifest>> {
    if !names::published(place, Layout::Latest).await?.is_empty() {
        return Ok(None);
    }
    let Some(mut manifest) = newest_in_root(place).await? else {
        return Ok(None);
    };
    let (name, token) = (manifest.snapshot.clone(), token());
    info!(
        snapshot = name,
        "converting the files in the root into a version"
    );
    remove_copies(place, &name).await?;
    let folder = version(&name, &token);
    for table in &mut manifest.tables {
        let mut copied = Vec::new();
        for mut file in std::mem::take(&mut table.files) {
            let Some(found) = place.digest(&file.path).await? else {
                warn!(path = file.path, "a published file is missing");
                continue;
            };
            if found.sha256 != file.sha256 {
                warn!(
                    path = file.path,
                    "a published file differs from its manifest"
                );
            }
            let to = format!("{folder}/{}", file.path);
            place.copy(&file.path, &to).await?;
            (file.path, file.bytes, file.sha256) = (to, found.bytes, found.sha256);
            copied.push(file);
        }
        table.files = copied;
    }
    manifest.tables.retain(|table| !table.files.is_empty());
    manifest.token = token;
    if manifest.tables.is_empty() {
        return Ok(None);
    }
    let content = place::to_json(&manifest)?;
    // If another process was faster, its manifest describes copies of the same files, so use that one.
    place
        .put_new(&Layout::Latest.manifest(&name), content)
        .await?;
    let path = Layout::Latest.manifest(&name);
    let there = place::read_json::<Manifest>(place, &path).await?;
    Ok(there.map(|(manifest, _)| manifest))
}

/// Removes the copies of an earlier try that did not reach its manifest.
async fn remove_copies(place: &dyn Place, name: &str) -> Result<()> {
    let folder = Layout::Latest.manifests();
    for path in place.list(folder).await? {
        let rest = path
            .strip_prefix(folder)
            .map(|rest| rest.trim_start_matches('/'));
        let version = rest.and_then(|rest| rest.split_once('/'));
        if version.is_some_and(|(version, _)| name_of_version(version) == name) {
            place.delete(&path).await?;
        }
    }
    Ok(())
}

/// Removes the first edition's pointer if it names a snapshot that has no files in the layout `snapshots`.
///
/// Returns whether it did. The pointer may have hidden older snapshots of that layout, so they need a new one.
pub(crate) async fn retire(place: &dyn Place) -> Result<bool> {
    // Until the files in the root have been converted, the pointer is the only record of them.
    if names::published(place, Layout::Latest).await?.is_empty() {
        return Ok(false);
    }
    let Some((latest, _)) = place::read_json::<Latest>(place, LATEST_JSON).await? else {
        return Ok(false);
    };
    let manifest = place::read_json::<Manifest>(place, &latest.manifest).await?;
    let is_used = manifest.is_some_and(|(manifest, _)| manifest.is_of(Layout::Snapshots));
    if is_used {
        return Ok(false);
    }
    place.delete(LATEST_JSON).await?;
    Ok(true)
}
