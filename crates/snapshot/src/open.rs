//! Opening a file sink: probe the place, recover it, check the crawl, and claim a name.

use std::pin::Pin;
use std::sync::Arc;

use fortilake_sink::{Context, Error, Kind, Result, Sink, Store};
use tracing::debug;

use crate::format::{AnyFormat, Format};
use crate::layout::{OWN, check_name};
use crate::manifest::Manifest;
use crate::names::{self, Claimed};
use crate::place::Place;
use crate::sink::FileSink;
use crate::target::FileTarget;
use crate::{Layout, catalog, commit, prune, rules, uploads};

/// The result of a call that other crates await.
///
/// The code of an `async fn` is compiled in each crate that awaits it. Behind a pointer it is compiled once, here, which
/// saves most of the build time of the sinks that write files.
pub(crate) type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

impl FileTarget {
    /// Opens a sink that publishes files in this format, one for each table of the context.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] if the place cannot be written or holds another format, or if the format cannot write one of
    /// the tables; [`Kind::Refused`] if a published snapshot covers more than the crawl's selection.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped, staged files are removed. The claim may stay; the next run of the crawl finds it.
    pub fn open<F: Format>(self, format: F, context: Context) -> Boxed<'static, Box<dyn Sink>> {
        self.open_any(Box::new(format), context)
    }

    fn open_any(
        self,
        format: Box<dyn AnyFormat>,
        context: Context,
    ) -> Boxed<'static, Box<dyn Sink>> {
        Box::pin(async move { open(self.place()?, self, format, context).await })
    }

    /// Checks that the folder can be written, and leaves nothing behind.
    pub fn probe(&self) -> Boxed<'_, ()> {
        Box::pin(async { self.place()?.probe(&folders(self, &[])).await })
    }

    /// Finishes or undoes what crashed processes left in the folder. It waits for a process that is publishing.
    pub fn recover(&self, store: Arc<dyn Store>) -> Boxed<'_, ()> {
        Box::pin(async move { recover(self.place()?.as_ref(), self, store.as_ref()).await })
    }
}

/// The folders that are written when `tables` are published, to be probed; the empty path is the root.
fn folders(target: &FileTarget, tables: &[String]) -> Vec<String> {
    let layout = target.layout;
    let own = [
        OWN,
        "_fortilake/staging",
        layout.claims(),
        layout.manifests(),
    ];
    let mut folders = vec![String::new()];
    folders.extend(own.map(str::to_owned));
    if layout == Layout::Snapshots {
        folders.extend_from_slice(tables);
    }
    if let Some(catalog) = &target.catalog {
        folders.extend(catalog.folders(tables));
    }
    folders
}

/// Finishes or undoes what dead processes left, after waiting for a process that is publishing now.
pub(crate) async fn recover(
    place: &dyn Place,
    target: &FileTarget,
    store: &dyn Store,
) -> Result<()> {
    let _lock = place.lock().await?;
    for name in names::published(place, target.layout).await? {
        uploads::discard(place, store, &name).await?;
    }
    recover_locked(place, target).await
}

async fn recover_locked(place: &dyn Place, target: &FileTarget) -> Result<()> {
    place.recover().await?;
    prune::recover(place, target.layout).await?;
    if let Some(catalog) = &target.catalog {
        catalog::register(place, catalog.as_ref()).await?;
    }
    commit::repair(place, target.layout).await
}

/// Opens a sink of `format` in `place`.
pub(crate) async fn open(
    place: Arc<dyn Place>,
    target: FileTarget,
    format: Box<dyn AnyFormat>,
    context: Context,
) -> Result<Box<dyn Sink>> {
    let tables = table_names(&context)?;
    let layout = target.layout;
    place.probe(&folders(&target, &tables)).await?;
    if let Some(catalog) = &target.catalog {
        catalog.check(place.as_ref(), &context.tables).await?;
    }
    // If another process holds the lock, it is publishing, and it recovered the place when it opened.
    let lock = place.try_lock().await?;
    if lock.is_some() || !place.has_locks() {
        recover_locked(place.as_ref(), &target).await?;
    }
    drop(lock);
    let there = rules::there(place.as_ref(), layout).await?;
    rules::check_format(place.as_ref(), layout, format.name(), &there)?;
    rules::check_selection(place.as_ref(), &context.crawl.selection, &there)?;
    let claimed = claim(place.as_ref(), layout, format.name(), &context, &there).await?;
    uploads::discard(place.as_ref(), context.store.as_ref(), &claimed.name).await?;
    let published = names::read_manifest(place.as_ref(), layout, &claimed.name).await?;
    let published = published.filter(|manifest| manifest.crawl.id == context.crawl.id);
    let name = claimed.name.clone();
    let sink = match published {
        Some(published) => Ok(FileSink::published(
            Arc::clone(&place),
            target,
            format,
            context,
            name,
            published,
        )),
        None => FileSink::begin(Arc::clone(&place), target, format, context, name).await,
    };
    match sink {
        Ok(sink) => Ok(Box::new(sink)),
        Err(error) => {
            if claimed.is_new {
                // Ignore a failure here: the first error explains more, and the crawl's next run finds the claim.
                let _ = place.delete(&layout.claim(&claimed.name)).await;
            }
            Err(error)
        }
    }
}

async fn claim(
    place: &dyn Place,
    layout: Layout,
    format: &str,
    context: &Context,
    old: &[Manifest],
) -> Result<Claimed> {
    let claimed = names::claim(place, layout, format, &context.crawl, old).await?;
    debug!(place = place.location(), snapshot = claimed.name, "claimed");
    let there = names::read_claim(place, layout, &claimed.name).await?;
    match there.filter(|(claim, _)| claim.pruned.is_some()) {
        // Our own snapshot is being pruned. Finish that first; then the crawl can be published again.
        Some((claim, _)) => {
            prune::complete(place, layout, &claim).await?;
            names::claim(place, layout, format, &context.crawl, old).await
        }
        None => Ok(claimed),
    }
}

fn table_names(context: &Context) -> Result<Vec<String>> {
    let mut names = Vec::with_capacity(context.tables.len());
    for table in &context.tables {
        check_name("table", &table.name)?;
        if names.contains(&table.name) {
            let text = format!("two tables are named `{}`", table.name);
            return Err(Error::new(Kind::Internal, text));
        }
        names.push(table.name.clone());
    }
    Ok(names)
}
