//! The options that all file sinks share: where to publish, in which layout, and what to keep.

use std::path::PathBuf;
use std::sync::Arc;

use fortilake_sink::{Delivery, Error, Kind, Result};

use crate::Layout;
use crate::local::LocalPlace;
use crate::place::Place;
use crate::prune::Keep;
use crate::rules::PartialRule;

/// Where a file sink publishes, and its rules for partial crawls and pruning.
#[derive(Clone, Debug)]
pub struct Target {
    /// The local folder; created if it does not exist.
    pub path: PathBuf,
    /// How files are arranged below `path`.
    pub layout: Layout,
    /// Which snapshots to keep; `None` keeps all. Not allowed with [`Layout::Latest`].
    pub keep: Option<Keep>,
    /// What to do with a partial crawl if the context does not decide it; `None` is the layout's default.
    pub partial: Option<PartialRule>,
}

impl Target {
    /// What readers can rely on.
    ///
    /// The layout `latest` is atomic only with symbolic links. Without them, it replaces one file after the other.
    pub fn delivery(&self) -> Result<Delivery> {
        self.check()?;
        let has_links = || LocalPlace::has_links_now(&self.path.join("_fortilake/staging"));
        Ok(match self.layout {
            Layout::Snapshots => Delivery::Atomic,
            Layout::Latest if has_links() => Delivery::Atomic,
            Layout::Latest => Delivery::AtomicPerTable,
        })
    }

    /// The place at `path`, after checking the options.
    pub(crate) fn place(&self) -> Result<Arc<dyn Place>> {
        self.check()?;
        Ok(Arc::new(LocalPlace::new(&self.path)))
    }

    fn check(&self) -> Result<()> {
        let config = |text: String| Err(Error::new(Kind::Config, text));
        if self.path.as_os_str().is_empty() {
            return config("option `path` is empty".to_owned());
        }
        let path = self.path.to_string_lossy();
        if let Some((scheme, _)) = path.split_once("://") {
            return config(format!(
                "`{scheme}://` is not supported; option `path` must be a local folder"
            ));
        }
        match (self.layout, self.keep) {
            (Layout::Latest, Some(_)) => config(
                "option `keep` needs layout `snapshots`; layout `latest` always keeps two versions"
                    .to_owned(),
            ),
            (Layout::Snapshots, Some(keep)) => keep.check(),
            (_, None) => Ok(()),
        }
    }
}
