//! `fortilake replay`: a crawl that is kept to sinks once more, without a call.

use anyhow::anyhow;
use fortilake_crawler::{Incomplete, Source};

use super::{crawl, crawls};
use crate::{
    args::ReplayArgs,
    config::{self, Config, Env},
    console::Console,
    exit::{Code, Failure, Result},
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
    let settings = Fingerprint::settings_of(&kept.fingerprint).ok_or_else(|| {
        Failure::failed(anyhow!("crawl `{}` was kept by another version", kept.id))
    })?;
    let source = |settings| Source {
        settings,
        client: None,
        concurrency: 1,
    };
    let sources = settings.into_iter().map(source).collect();
    let config = Config {
        sources: Vec::new(),
        sinks: config::sink_specs(&args.sink)?,
        keep: config::KEEP,
    };
    super::runtime()?.block_on(async {
        let session = Session::take_up(&state, &kept.id)?;
        let (report, _) =
            crawl::publish(&session, sources, &config, Incomplete::Publish, console).await?;
        console.note(&summary::text(&session.crawl, &report));
        let failed = report.sinks.iter().any(|sink| sink.result.is_err());
        Ok(match (failed, report.complete) {
            (true, _) => Code::Failed,
            (false, true) => Code::Complete,
            (false, false) => Code::Partial,
        })
    })
}
