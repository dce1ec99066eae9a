//! The options that all file sinks share: where to publish, in which layout, and what to keep.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fortilake_sink::{Delivery, Error, Kind, Result};

use crate::Layout;
use crate::bucket::{BucketOptions, StoreKind, scheme};
use crate::catalog::Catalog;
use crate::local::LocalPlace;
use crate::place::Place;
use crate::prune::Keep;
use crate::rules::PartialRule;

/// Where a file sink publishes, and its rules for partial crawls and pruning.
#[derive(Clone, Debug)]
pub struct FileTarget {
    /// The local folder, which is created if it does not exist, or a URL such as `s3://BUCKET/PREFIX`.
    pub path: PathBuf,
    /// How to reach the bucket of a URL.
    pub bucket: BucketOptions,
    /// How files are arranged below `path`.
    pub layout: Layout,
    /// Which snapshots to keep; `None` keeps all. Not allowed with [`Layout::Latest`].
    pub keep: Option<Keep>,
    /// What to do with a partial crawl if the context does not decide it; `None` is the layout's default.
    pub partial: Option<PartialRule>,
    /// The catalog that lists the snapshots for query engines. Only with [`Layout::Snapshots`].
    pub catalog: Option<Arc<dyn Catalog>>,
}

impl FileTarget {
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
        place_at(&self.path, &self.bucket)
    }

    fn check(&self) -> Result<()> {
        let config = |text: String| Err(Error::new(Kind::Config, text));
        if self.path.as_os_str().is_empty() {
            return config("option `path` is empty".to_owned());
        }
        if let Some(url) = url(&self.path) {
            check_url(url)?;
        }
        if url(&self.path).is_some() && self.layout == Layout::Latest {
            return config(
                "object stores have no links, which layout `latest` needs to replace all tables at once; set option \
                 `layout` to `snapshots`"
                    .to_owned(),
            );
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

/// The text of a path that is a URL.
fn url(path: &Path) -> Option<&str> {
    path.to_str().filter(|path| scheme(path).is_some())
}

/// The place at a local folder or URL.
pub(crate) fn place_at(path: &Path, bucket: &BucketOptions) -> Result<Arc<dyn Place>> {
    let Some(url) = url(path) else {
        return Ok(Arc::new(LocalPlace::new(path)));
    };
    let kind = check_url(url)?;
    bucket.check(kind)?;
    in_bucket(kind, url, bucket)
}

/// The kind of store that a URL is for. Refuses those that this build does not support.
fn check_url(url: &str) -> Result<StoreKind> {
    let scheme = scheme(url).unwrap_or_default();
    let text = match StoreKind::of(scheme) {
        Some(kind) if cfg!(feature = "cloud") => return Ok(kind),
        Some(_) => format!(
            "`{scheme}://` is not supported, because this program was built without the feature `cloud`; build it with \
             `--features cloud`, or use a folder"
        ),
        None => {
            let [s3, azure, gcs] = StoreKind::ALL.map(StoreKind::form);
            format!(
                "`{scheme}://` is not supported; option `path` must be a folder, `{s3}`, `{azure}` or `{gcs}`"
            )
        }
    };
    Err(Error::new(Kind::Config, text))
}

#[cfg(feature = "cloud")]
fn in_bucket(kind: StoreKind, url: &str, bucket: &BucketOptions) -> Result<Arc<dyn Place>> {
    Ok(Arc::new(crate::cloud::open(kind, url, bucket)?))
}

#[cfg(not(feature = "cloud"))]
fn in_bucket(_kind: StoreKind, url: &str, _bucket: &BucketOptions) -> Result<Arc<dyn Place>> {
    let text = format!("`{url}` needs the feature `cloud`");
    Err(Error::new(Kind::Internal, text))
}
