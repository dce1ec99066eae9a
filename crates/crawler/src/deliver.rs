//! Reads the pages of a complete scope from the journal, and hands its rows to sinks.

use std::sync::Arc;

use fortilake_models as models;
use fortilake_sink::Origin;
use fortilake_state::Journal;

use crate::{
    DecodedPage, Error, Fetch, InOrder, Publisher, RawPage, Result, error::Kind,
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
    while let Some(page) = pages.next().await? {
        publisher.page(page?).await?;
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
) -> InOrder<Result<DecodedPage>> {
    let (journal, crawl_id) = (journal.clone(), crawl_id.clone());
    InOrder::new(closed.fetches().into_iter().map(move |fetch| {
        let (journal, crawl_id) = (journal.clone(), crawl_id.clone());
        move || {
            let page = load(&*journal, &fetch)?;
            DecodedPage::new(&page, &crawl_id, reload(journal, fetch))
        }
    }))
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

fn reload(journal: Arc<dyn Journal>, fetch: Fetch) -> Reload {
    Arc::new(move || Ok(load(&*journal, &fetch)?))
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
