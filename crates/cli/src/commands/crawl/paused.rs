//! The failure of a crawl that paused or was interrupted.

use anyhow::anyhow;
use fortilake_auth::system_time;
use fortilake_client as client;
use fortilake_crawler::Kind;

use crate::{
    exit::{Code, CommandError},
    progress::Progress,
    session::Session,
    summary,
    time::Time,
};

/// The failure to report for a crawl that paused or was interrupted; `None` for other errors.
pub(super) fn failure(
    session: &Session,
    error: &fortilake_crawler::Error,
    progress: &Progress,
) -> Option<CommandError> {
    let (code, what) = match error.kind() {
        Kind::Paused => (Code::Paused, "paused"),
        Kind::Interrupted => (Code::Interrupted, "interrupted"),
        _ => return None,
    };
    let why = match error.pause() {
        Some(pause) => format!(": {}", pause.reason),
        None => String::new(),
    };
    let calls = summary::count(progress.sent(), "call");
    let what = format!("{what}{why}, after {calls}");
    let failure = CommandError {
        code,
        error: match last_errors(error) {
            Some(errors) => anyhow!("{errors}").context(what),
            None => anyhow!(what),
        },
        hint: None,
    };
    let when = match error.pause() {
        Some(pause) if pause.resume_at > system_time() => {
            format!("after {}", Time(pause.resume_at))
        }
        _ => "again".to_owned(),
    };
    Some(if session.is_resumable() {
        failure.hint(format!(
            "nothing is lost; run the same command {when} to resume crawl {}",
            session.crawl.id
        ))
    } else {
        failure.hint(format!(
            "nothing was published; run the same command {when} to start over"
        ))
    })
}

/// The errors that used up the error budget, if the error budget is among the causes.
fn last_errors(error: &fortilake_crawler::Error) -> Option<String> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(errors) = error.downcast_ref::<client::LastErrors>() {
            return Some(errors.to_string());
        }
        cause = error.source();
    }
    None
}
