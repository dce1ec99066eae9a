//! `fortilake replay`: a crawl that is kept to sinks once more, without a call.

use anyhow::anyhow;
use fortilake_crawler::{Incomplete, Source, state::Status};

use super::{
    crawl::{self, Publishing},
    crawls,
};
use crate::{
    args::ReplayArgs,
    baseline,
    config::{self, Env},
    console::Console,
    exit::{Failure, Result},
    session::{self, Fingerprint, Session},
    summary,
};

/// Sends it.
pub(crate) fn run(args: &ReplayArgs, console: Console) -> Result {
    let state = session::open_state(args.state.state.as_deref(), &Env::read()?)?;
    let kept = crawls::find(&state, &args.id)?;
    if kept.status.is_unfinished() && kept.summary.is_none() {
        let error = anyhow!(
            "crawl `{}` is unfinished, so there is nothing whole to send",
            kept.id
        );
        return Err(Failure::not_started(error).hint("`fortilake crawl` resumes it"));
    }
    let fingerprint = Fingerprint::of_text(&kept.fingerprint).ok_or_else(|| {
        Failure::failed(anyhow!("crawl `{}` was kept by another version", kept.id))
    })?;
    let source = |settings| Source {
        settings,
        client: None,
        concurrency: 1,
    };
    let sources = fingerprint.settings().map(source).collect();
    let sinks = config::sink_specs(&args.sink)?;
    super::runtime()?.block_on(async {
        let session = Session::take_up(&state, &kept.id)?;
        let terms = Publishing {
            sinks: &sinks,
            incomplete: Incomplete::Publish,
            // Whoever names a crawl wants that one.
            guard: None,
        };
        let (report, _) = crawl::publish(&session, sources, terms, console).await?;
        console.note(&summary::text(&session.crawl, &report));
        if kept.status == Status::Discarded && summary::reached_a_sink(&report) {
            session.set_status(Status::Published, None)?;
            baseline::keep(&state, &fingerprint.reach(), &session.crawl, &report)?;
        }
        Ok(summary::code(&report))
    })
}
