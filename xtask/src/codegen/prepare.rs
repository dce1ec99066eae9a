//! Prepares descriptions for reading: applies patches, corrects the type of integers, and adjusts
//! the types that hand-written code relies on.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::{
    check,
    config::Config,
    description::Description,
    integers,
    notes::Notes,
    patch::{Edit, Patch},
    pinned,
    place::Place,
    sources, unshare,
};

/// Applies the patches, then the settings of `tables.toml` about types.
pub(super) fn prepare(
    descriptions: &mut [Description],
    patches: &BTreeMap<String, Patch>,
    config: &Config,
) -> Result<()> {
    patch(descriptions, patches, config)?;
    for description in descriptions.iter_mut() {
        let notes = Notes::default();
        integers::declare(description, config, &notes);
        description.notes.extend(notes.into_lines());
    }
    secrets(descriptions, config)?;
    if config.types.is_empty() {
        return Ok(());
    }
    config.check_types()?;
    unshare::unshare(descriptions, config)?;
    pinned::pin(descriptions, config)
}

/// Finds the places that are secret according to `tables.toml`.
fn secrets(descriptions: &mut [Description], config: &Config) -> Result<()> {
    if config.secret_places().next().is_none() {
        return Ok(());
    }
    let mut found = Vec::new();
    let sources = check::sources(descriptions, config)?;
    let named: Vec<_> = sources.iter().flat_map(sources::Source::named).collect();
    for text in config.secret_places() {
        let place = Place::parse(text).and_then(|place| place.find(&named, &Notes::default()));
        let place = place.context("`tables.toml`: secrets")?;
        found.extend(
            place
                .iter()
                .map(|at| (at.file().to_owned(), at.pointer().to_owned())),
        );
    }
    drop(named);
    drop(sources);
    for (file, pointer) in found {
        let description = descriptions.iter_mut().find(|known| known.file == file);
        if let Some(description) = description {
            description.secrets.insert(pointer);
        }
    }
    Ok(())
}

fn patch(
    descriptions: &mut [Description],
    patches: &BTreeMap<String, Patch>,
    config: &Config,
) -> Result<()> {
    if patches.is_empty() {
        return Ok(());
    }
    let file = |api: &str| format!("`{api}.patch.json`");
    for description in descriptions.iter_mut() {
        if let Some(patch) = patches.get(&description.api) {
            patch
                .apply_to_whole(&mut description.node)
                .with_context(|| file(&description.api))?;
            description.patched = Some(patch.reason.clone());
        }
    }
    // All places are found before the first change, because a change may make later places
    // unreachable.
    let mut edits: Vec<Vec<Edit>> = Vec::new();
    let mut said = Vec::new();
    for source in check::sources(descriptions, config)? {
        let api = &source.description.api;
        let notes = Notes::default();
        edits.push(match patches.get(api) {
            Some(patch) => patch
                .edits(&source.named(), &notes)
                .with_context(|| file(api))?,
            None => Vec::new(),
        });
        said.push(notes.into_lines());
    }
    for ((description, edits), said) in descriptions.iter_mut().zip(edits).zip(said) {
        for edit in edits {
            edit.apply(&mut description.node)
                .with_context(|| file(&description.api))?;
        }
        description.notes.extend(said);
    }
    Ok(())
}
