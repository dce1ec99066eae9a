//! Turns arguments and configuration into sources with clients.

use std::sync::Arc;

use fortilake_crawler::{
    Older, Source,
    state::{self, State},
};

use crate::{
    args::CrawlArgs,
    config::{Config, Env},
    connect::{self, Terms},
    console::Console,
    exit::Result,
    session::{Fingerprint, Session},
};

/// What bounds the run.
pub(super) fn terms(args: &CrawlArgs, state: Option<&State>, console: Console) -> Terms {
    Terms {
        max_calls: args.max_calls,
        deadline: args.deadline.map(|length| {
            let end = jiff::Timestamp::now()
                .saturating_add(jiff::SignedDuration::try_from(length).unwrap_or_default());
            end.map_or(i64::MAX, jiff::Timestamp::as_microsecond)
        }),
        wait: args.wait,
        ..Terms::new(state.cloned(), console)
    }
}

/// The sources with their clients, and the fingerprint that decides whether a crawl can resume.
pub(super) fn sources(
    args: &CrawlArgs,
    config: &Config,
    env: &Env,
    terms: &Terms,
) -> Result<(Vec<Source>, Fingerprint)> {
    let mut sources = Vec::new();
    let mut users = Vec::new();
    for source in &config.sources {
        let settings = source.settings(&args.account)?;
        let client = if args.simulate {
            connect::simulated(source.kind, terms)?
        } else {
            connect::client(source, env, terms)?
        };
        users.push(source.identity(client.user()));
        sources.push(Source {
            settings,
            client: Some(Arc::new(client)),
            concurrency: source.concurrency,
            older: None,
        });
    }
    let settings = sources.iter().map(|source| &source.settings);
    let fingerprint = Fingerprint::new(settings.zip(users));
    Ok((sources, fingerprint))
}

/// Lets sources that read details use those of earlier crawls, as far as they are young enough.
pub(super) fn lend_details(
    sources: &mut [Source],
    config: &Config,
    state: &State,
    fingerprint: &Fingerprint,
    session: &Session,
) -> Result<()> {
    let is_earlier = |crawl: &state::Crawl| {
        crawl.id != session.crawl.id && fingerprint.has_sources_of(&crawl.fingerprint)
    };
    let mut earlier = state.crawls()?;
    earlier.retain(is_earlier);
    for (source, of) in sources.iter_mut().zip(&config.sources) {
        if source.settings.details.is_none() {
            continue;
        }
        let age = of.details_max_age()?.as_micros();
        source.older = Some(Older {
            archive: Arc::new(state.archive(&earlier)?),
            since: session
                .began
                .saturating_sub(age.try_into().unwrap_or(i64::MAX)),
        });
    }
    Ok(())
}
