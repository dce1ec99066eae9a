//! Reads the pages of a complete scope from the journal, and hands its rows to sinks.

use std::{iter::Peekable, sync::Arc, vec};

use fortilake_models as models;
use fortilake_sink::Origin;
use fortilake_state::Journal;

use crate::{
    DecodedPages, Error, Fetch, InOrder, Publisher, RawPage, Result, TOGETHER_BYTES, error::Kind,
    journal::with_journal, publish::Reload, stored_scope::Closed,
};

/// Hands the rows of a scope to the sinks of a publisher.
pub(crate) async fn deliver(
    publisher: &mut Publisher,
    journal: &Arc<dyn Journal>,
    closed: &Closed,
) -> Result<()> {
    let origin = match &closed.carried_from {
        None => Origin::Read,
        Some(crawl) => Origin::Carried {
            crawl: crawl.clone(),
        },
    };
    publisher.begin_from(closed.id.clone(), origin);
    let crawl_id = publisher.crawl_id();
    let mut pages = pages(journal, closed, &crawl_id);
    while let Some(next) = pages.next().await? {
        publisher.pages(next?).await?;
    }
    for rejected in closed.rejected() {
        let observed_at = observed_at(journal, &rejected.fetch).await?;
        publisher.rejected(&rejected, observed_at).await?;
    }
    publisher.end().await
}

/// Loads and decodes the pages of a scope.
pub(crate) fn pages(
    journal: &Arc<dyn Journal>,
    closed: &Closed,
    crawl_id: &Arc<str>,
) -> InOrder<Result<DecodedPages>> {
    let (journal, crawl_id) = (journal.clone(), crawl_id.clone());
    let together = Together {
        journal: journal.clone(),
        fetches: closed.fetches().into_iter().peekable(),
    };
    InOrder::new(together.map(move |loaded| {
        let (journal, crawl_id) = (journal.clone(), crawl_id.clone());
        move || {
            let (fetches, pages): (Vec<_>, Vec<_>) = loaded?.into_iter().unzip();
            DecodedPages::new(&pages, &crawl_id, reload(journal, fetches))
                .map_err(|(_, error)| error)
        }
    }))
}

/// Loads pages from the journal, as many as are decoded together.
struct Together {
    journal: Arc<dyn Journal>,
    fetches: Peekable<vec::IntoIter<Fetch>>,
}

impl Iterator for Together {
    type Item = Result<Vec<(Fetch, RawPage)>>;

    fn next(&mut self) -> Option<Self::Item> {
        let first = self.fetches.next()?;
        let (source, endpoint) = (first.source.clone(), first.endpoint);
        let mut loaded = Vec::new();
        let mut bytes = 0;
        let mut next = Some(first);
        while let Some(fetch) = next {
            let page = match load(&*self.journal, &fetch) {
                Ok(page) => page,
                Err(error) => return Some(Err(error)),
            };
            bytes += page.body.len();
            loaded.push((fetch, page));
            next = self.fetches.next_if(|fetch| {
                bytes < TOGETHER_BYTES && fetch.source == source && fetch.endpoint == endpoint
            });
        }
        Some(Ok(loaded))
    }
}

/// Loads the page of a call from the journal.
fn load(journal: &dyn Journal, fetch: &Fetch) -> Result<RawPage> {
    let key = fetch.key();
    let record = journal.read(key).map_err(Error::state)?;
    let layout = models::endpoint(fetch.endpoint).and_then(|endpoint| endpoint.layout);
    let (Some(record), Some(layout)) = (record, layout) else {
        return Err(Error::new(
            Kind::State,
            format!("the journal has no page for `{key}`"),
        ));
    };
    Ok(RawPage {
        source: fetch.source.clone(),
        layout,
        asked: fetch.numbers(),
        given: fetch.texts(),
        observed_at: record.observed_at,
        body: record.body,
    })
}

fn reload(journal: Arc<dyn Journal>, fetches: Vec<Fetch>) -> Reload {
    Arc::new(move || {
        let pages = fetches.iter().map(|fetch| Ok(load(&*journal, fetch)?));
        pages.collect()
    })
}

/// When the outcome of a call was journaled, in microseconds of Unix time; 0 if it was not.
pub(crate) async fn observed_at(journal: &Arc<dyn Journal>, fetch: &Fetch) -> Result<i64> {
    let key = fetch.key().to_owned();
    with_journal(journal, move |journal| {
        let record = journal.read(&key).map_err(Error::state)?;
        Ok(record.map_or(0, |record| record.observed_at))
    })
    .await
}
