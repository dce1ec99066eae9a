//! Turns arguments and configuration into sources with clients.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::anyhow;
use fortilake_auth::later;
use fortilake_crawler::{Carry, EarlierCrawl, ReusablePages, Settings, Source, System};
use fortilake_sink::Selection;
use fortilake_state::{self as state, State};

use crate::{
    args::CrawlArgs,
    config::{Config, Env, SourceConfig},
    connect::{self, ClientContext},
    console::Console,
    exit::{CommandError, Result},
    session::{Fingerprint, Session},
    time,
};

/// The limits of the run, from the command line.
pub(super) fn context(args: &CrawlArgs, state: Option<&State>, console: Console) -> ClientContext {
    ClientContext {
        max_calls: args.max_calls,
        deadline: args.deadline.map(|length| later(time::clock()(), length)),
        wait: args.wait,
        shows_progress: true,
        ..ClientContext::new(state.cloned(), console)
    }
}

/// The sources with their clients, and the fingerprint that decides whether a crawl can resume.
pub(super) fn sources(
    args: &CrawlArgs,
    config: &Config,
    env: &Env,
    context: &ClientContext,
) -> Result<(Vec<Source>, Fingerprint)> {
    let has_models = |source: &SourceConfig| source.system == System::default();
    if !args.models.is_empty() && !config.sources.iter().any(has_models) {
        return Err(CommandError::not_started(anyhow!(
            "`--models` needs a source of the type `forticloud`"
        )));
    }
    let mut sources = Vec::new();
    let mut users = Vec::new();
    for source in &config.sources {
        let mut settings = source.settings(&args.account)?;
        if !args.models.is_empty() && settings.system == System::default() {
            settings.models.clone_from(&args.models);
        }
        let clients = if args.simulate {
            let client = connect::simulated(source.system, args.day.unwrap_or(0), context)?;
            vec![Arc::new(client)]
        } else {
            connect::clients(source, env, context)?
        };
        // The first user stands for the source, so that another user can be added to it.
        let user = clients.first().map_or("", |client| client.user());
        users.push(source.identity(user));
        sources.push(Source {
            settings,
            clients,
            concurrency: source.concurrency,
            older: None,
        });
    }
    let settings = sources.iter().map(|source| &source.settings);
    let selection = selection(args, settings.clone());
    let fingerprint = Fingerprint::new(settings.zip(users), selection);
    Ok((sources, fingerprint))
}

/// The sources and accounts that flags limit the crawl to, and the models that flags or the
/// configuration limit its sources to.
fn selection<'a>(args: &CrawlArgs, sources: impl IntoIterator<Item = &'a Settings>) -> Selection {
    let limited = sources
        .into_iter()
        .filter(|source| !source.models.is_empty());
    let models: BTreeMap<_, _> = limited
        .map(|source| {
            let models = source.models.iter().cloned().collect();
            (source.source.to_string(), models)
        })
        .collect();
    Selection {
        models: (!models.is_empty()).then_some(models),
        sources: (!args.source.is_empty()).then(|| args.source.iter().cloned().collect()),
        accounts: (!args.account.is_empty()).then(|| args.account.iter().copied().collect()),
    }
}

/// Gives sources access to product details from earlier crawls, up to `details_max_age`.
///
/// Details cost one call per product, so in a large organization most of a crawl's calls are saved.
pub(super) fn attach_earlier_details(
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
        source.older = Some(ReusablePages {
            archive: Arc::new(state.archive(&earlier)?),
            since: session
                .began
                .saturating_sub(age.try_into().unwrap_or(i64::MAX)),
        });
    }
    Ok(())
}

/// The earlier crawls whose rows are published in place of scopes that cannot be read, if
/// `publish.partial = "carry"` asks for that and no flag says otherwise.
///
/// Their settings have to be those of this run, because the rows of a scope depend on them.
pub(super) fn carry(
    args: &CrawlArgs,
    config: &Config,
    state: &State,
    fingerprint: &Fingerprint,
    session: &Session,
) -> Result<Option<Carry>> {
    if !config.carry || args.accept_partial || args.require_complete {
        return Ok(None);
    }
    let mut earlier = state.crawls()?;
    earlier.retain(|crawl| {
        let settings = Fingerprint::of_text(&crawl.fingerprint);
        crawl.id != session.crawl.id && settings.as_ref() == Some(fingerprint)
    });
    let archive = Arc::new(state.archive(&earlier)?);
    let readable = |crawl: state::Crawl| {
        let archive = archive.clone();
        EarlierCrawl {
            id: crawl.id.clone(),
            read: Arc::new(move |key| archive.read(&crawl, key)),
        }
    };
    Ok(Some(Carry {
        earlier: earlier.into_iter().map(readable).collect(),
        max_age: config.max_age,
        refresh: config.refresh,
    }))
}
