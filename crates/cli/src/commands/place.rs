//! The published place that a command reads.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use fortilake_snapshot::{Reader, scheme};

use crate::{
    config::{self, Env},
    exit::{CommandError, Result},
};

/// The folder that `fortilake crawl` publishes to without a configuration.
const DEFAULT: &str = "out";

/// The place of `--place`, else that of the configuration's first Parquet sink, else `out`.
pub(super) fn path(place: Option<&PathBuf>, config: Option<&Path>) -> Result<PathBuf> {
    if let Some(place) = place {
        return Ok(place.clone());
    }
    let configured = config::first_place(config)?;
    Ok(configured.unwrap_or_else(|| DEFAULT.into()))
}

/// The URL of a place that is not a folder.
pub(super) fn url(path: &Path) -> Option<&str> {
    path.to_str().filter(|path| scheme(path).is_some())
}

/// A reader of the folder or URL, with the options that the configuration has for it.
pub(super) fn reader(path: &Path, config: Option<&Path>) -> Result<Reader> {
    let Some(url) = url(path) else {
        if path.is_dir() {
            return Ok(Reader::local(path));
        }
        let error = anyhow!("there is no folder `{}`", path.display());
        return Err(CommandError::not_started(error)
            .hint("use `--place PLACE` to name the folder that snapshots are published to"));
    };
    let options = config::options_of(config, url)?;
    let bucket = Env::read()?.bucket(options)?;
    Ok(Reader::open(url, &bucket)?)
}
