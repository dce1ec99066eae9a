//! Decides what the result of a call means: an outcome for the plan, another try, or the end of the
//! crawl.

use std::time::Duration;

use fortilake_auth as auth;
use fortilake_client::{self as client, Client, Pause, Reason, Tries};

use super::{Reader, call::FetchedPage};
use crate::{
    Error, Failure, FailureKind, Fetch, Outcome, Result, System,
    error::{Kind, one_line},
};

/// What the result of a call means.
pub(super) enum CallResult {
    /// An outcome for the plan.
    Final(Outcome),
    /// No usable response.
    Lost(Lost),
    /// The call was not sent, and no others may be sent for a while.
    Paused(Error),
}

/// A call without a usable response.
pub(super) struct Lost {
    pub(super) failure: Failure,
    /// Whether the API may be to blame.
    pub(super) passing: bool,
    /// How to try once more, if another try may help.
    pub(super) next_try: Option<NextTry>,
    /// If the API answered that there were too many calls: how the run ends if that holds for every
    /// call.
    pub(super) limit: Option<Error>,
}

/// What the next try of a call has to know about the tries before.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct NextTry {
    pub(super) tries: Tries,
    /// How long the server asked to wait before the next try.
    pub(super) wait: Duration,
}

/// If a server asks to wait longer than this, the call is not tried again in this run.
const LONGEST_WAIT: Duration = Duration::from_mins(5);

impl Reader {
    /// Journals the result of a call, and decides whether it fails a scope or ends the crawl.
    pub(super) async fn judge(
        &self,
        fetch: &Fetch,
        answer: client::Result<FetchedPage>,
    ) -> Result<CallResult> {
        match answer {
            // An empty response is valid for a list. For a product that a list has named it is not,
            // and it must not be reused as that product's details in later crawls.
            Ok(FetchedPage { nothing: true, .. }) if fetch.is_about_one_row() => {
                let message = format!(
                    "`{}` found no product with this serial number",
                    fetch.endpoint
                );
                self.failed(fetch, FailureKind::Rejected, message).await
            }
            Ok(FetchedPage {
                body,
                facts: Ok(facts),
                ..
            }) => {
                let time = self.keep_page(fetch, body).await?;
                Ok(CallResult::Final(Outcome::Page(facts.observed_at(time))))
            }
            Ok(FetchedPage {
                facts: Err(error), ..
            }) => Ok(CallResult::Lost(Lost {
                failure: unreadable(fetch, &error),
                passing: false,
                next_try: None,
                limit: None,
            })),
            Err(error) => self.judge_error(fetch, error).await,
        }
    }

    async fn judge_error(&self, fetch: &Fetch, error: client::Error) -> Result<CallResult> {
        // Nothing is journaled, so the next run asks again: the permission may have been granted.
        if self.alone
            && error.kind() == client::Kind::Refused
            && is_denied(&error)
            && let Some(why) = self.plan.needs(fetch)
        {
            let message = format!(
                "source `{}` cannot be read: the API user may not read the organization, but {why}",
                fetch.source
            );
            return Err(Error::new(Kind::Configuration, message).with_source(error));
        }
        match error.kind() {
            // If there are other sources, they are still worth reading, so these errors end the
            // crawl only if this source is the only one.
            client::Kind::Credentials if self.alone => Err(end(Kind::Credentials, fetch, error)),
            client::Kind::Config if self.alone => Err(end(Kind::Configuration, fetch, error)),
            // Without this token nothing can be read, and each further call would cost an error.
            client::Kind::Refused
                if self.alone
                    && error.is_at_sign_in()
                    && !System::of(fetch.endpoint)
                        .definition()
                        .is_optional(fetch.endpoint) =>
            {
                Err(end(Kind::Configuration, fetch, error))
            }
            client::Kind::Paused => Ok(CallResult::Paused(paused(fetch, error))),
            client::Kind::Ledger => Err(end(Kind::State, fetch, error)),
            client::Kind::Refused if is_denied(&error) => {
                self.failed(fetch, FailureKind::Denied, one_line(&error))
                    .await
            }
            client::Kind::Refused => {
                self.failed(fetch, FailureKind::Refused, one_line(&error))
                    .await
            }
            client::Kind::BadRequest | client::Kind::NotPossible => {
                self.failed(fetch, FailureKind::Rejected, one_line(&error))
                    .await
            }
            client::Kind::Transient => Ok(self.lost_for_now(fetch, error)),
            _ => Ok(CallResult::Lost(Lost {
                failure: lost(&error),
                passing: false,
                next_try: None,
                limit: None,
            })),
        }
    }

    fn lost_for_now(&self, fetch: &Fetch, error: client::Error) -> CallResult {
        let (failure, next_try) = (lost(&error), later(&error));
        let client = self.users.any().filter(|_| error.is_throttled());
        let limit = client.map(|client| limited(client, fetch, error));
        CallResult::Lost(Lost {
            failure,
            passing: true,
            next_try,
            limit,
        })
    }

    /// Journals a failure that is final for this crawl. A resumed crawl recalls it and does not
    /// call again: the same request would be refused again, and each refusal costs one of ten
    /// errors per hour. The price is that a permission granted in the meantime takes effect only in
    /// the next crawl.
    async fn failed(
        &self,
        fetch: &Fetch,
        kind: FailureKind,
        message: String,
    ) -> Result<CallResult> {
        let failure = Failure { kind, message };
        self.keep_failure(fetch, &failure).await?;
        Ok(CallResult::Final(Outcome::Failed(failure)))
    }
}

/// Whether the API itself refused: with error 202, or by issuing no token for the client id of this
/// endpoint.
///
/// A gateway's error page can have the same HTTP status, but says nothing about the user.
fn is_denied(error: &client::Error) -> bool {
    let source = std::error::Error::source(error);
    let sign_in = source.and_then(|source| source.downcast_ref::<fortilake_auth::Error>());
    error.code() == Some(202)
        || sign_in.is_some_and(|error| error.kind() == fortilake_auth::Kind::ClientId)
}

/// The failure for a response whose facts cannot be read.
pub(super) fn unreadable(fetch: &Fetch, error: &serde_json::Error) -> Failure {
    let message = format!(
        "cannot read the response from `{}`: {error}",
        fetch.endpoint
    );
    Failure {
        kind: FailureKind::Lost,
        message,
    }
}

/// How to try a call again, or `None` if the same response came twice and would most likely come
/// again.
fn later(error: &client::Error) -> Option<NextTry> {
    let (tries, wait) = (error.tries(), error.retry_after());
    let hopeful = !error.is_repeated() && wait <= LONGEST_WAIT;
    hopeful.then_some(NextTry { tries, wait })
}

fn lost(error: &client::Error) -> Failure {
    Failure {
        kind: FailureKind::Lost,
        message: one_line(error),
    }
}

/// The pause after a call was answered that there were too many.
pub(super) fn limited(client: &Client, fetch: &Fetch, error: client::Error) -> Error {
    let pause = Pause {
        resume_at: auth::later(client.now(), error.retry_after()),
        reason: Reason::Closed,
    };
    paused(fetch, error).with_pause(pause)
}

pub(super) fn paused(fetch: &Fetch, error: client::Error) -> Error {
    let pause = error.pause();
    let error = end(Kind::Paused, fetch, error);
    match pause {
        Some(pause) => error.with_pause(pause),
        None => error,
    }
}

fn end(kind: Kind, fetch: &Fetch, error: client::Error) -> Error {
    Error::new(kind, format!("source `{}` cannot be read", fetch.source)).with_source(error)
}
