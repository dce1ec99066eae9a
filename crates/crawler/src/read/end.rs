//! How a run ends that cannot make all of its calls: with a pause, or with the results so far.

use std::{sync::Arc, time::Duration};

use fortilake_auth::later;
use fortilake_client::{self as client, Client, Pause, Reason, Tries};
use tracing::Instrument as _;

use super::{
    Reader,
    call::{FetchedPage, call},
    judge::{NextTry, limited, paused},
    stopped,
    work::{Attempt, Done, Suspect, Work},
};
use crate::{Error, Failure, FailureKind, Fetch, Outcome, Result, error::Kind};

/// How long no call is made after the API was found to be down.
const REST: Duration = Duration::from_mins(5);

impl Reader {
    /// Repeats a call that was answered before, to learn whether the API answers at all.
    pub(super) fn send_probe(&self, good: Fetch, after: Duration, work: &mut Work) {
        let Some((_, client)) = self.users.next() else {
            return;
        };
        let client = client.clone();
        let (names, mut stop) = (self.names, self.stop.clone());
        work.probing = true;
        let probing = async move {
            tokio::select! {
                () = tokio::time::sleep(after) => {}
                () = stopped(&mut stop) => return Done::ProbeCancelled,
            }
            Done::Probe(call(&client, &good, names, Tries::default()).await)
        };
        work.calls.spawn(probing.instrument(self.span.clone()));
    }

    /// Handles the response to [`Self::send_probe`].
    pub(super) async fn probe_ended(
        &mut self,
        answer: client::Result<FetchedPage>,
        work: &mut Work,
    ) -> Result<()> {
        work.probing = false;
        let good = work.probe_call().cloned();
        match (answer, good, self.users.any().cloned()) {
            (Err(error), Some(good), _) if error.kind() == client::Kind::Paused => {
                work.end.get_or_insert(paused(&good, error));
            }
            (Err(error), Some(good), Some(client)) if error.kind() == client::Kind::Transient => {
                work.outage.down();
                if client.waits_forever() && work.end.is_none() {
                    self.requeue_suspects(work);
                    let good = work.probe_call().cloned().unwrap_or(good);
                    self.send_probe(good, REST, work);
                } else if error.is_throttled() {
                    work.limited = true;
                    let error = limited(&client, &good, error);
                    work.end.get_or_insert(error);
                } else {
                    let error = down(&client, &good, error);
                    work.end.get_or_insert(error);
                }
            }
            _ => {
                let failed = work.outage.proven();
                self.keep_lost(failed).await?;
                self.fail_suspects(work).await?;
            }
        }
        Ok(())
    }

    /// Lets the scopes of throttled calls fail, because the API answers other calls.
    async fn fail_suspects(&mut self, work: &mut Work) -> Result<()> {
        for Suspect {
            attempt, failure, ..
        } in std::mem::take(&mut work.suspects)
        {
            self.keep_failure(&attempt.fetch, &failure).await?;
            let outcome = Outcome::Failed(failure);
            self.follow(&attempt.fetch, &outcome, &mut work.waiting);
        }
        Ok(())
    }

    /// Gives throttled calls all their tries again, because the API answered no other call either.
    fn requeue_suspects(&mut self, work: &mut Work) {
        for Suspect {
            attempt, failure, ..
        } in std::mem::take(&mut work.suspects)
        {
            if attempt.failed_before {
                work.retries.push_failed_before(attempt.fetch, failure);
                continue;
            }
            let step = self.plan.delay(&attempt.fetch);
            self.take(step, None, &mut work.waiting);
            let retries = &mut work.retries;
            retries.push(attempt.fetch, 0, failure, NextTry::default(), false);
        }
    }

    /// Ends a run in which no further call is made.
    ///
    /// A pause makes sense only while a later run can make progress. If this run resumed another,
    /// and only calls that failed before are left, their scopes fail with their last known errors
    /// instead. Otherwise a crawl with enough failing accounts would pause in every run and never
    /// end.
    pub(super) async fn conclude(&mut self, work: &mut Work) -> Result<()> {
        let Some(error) = work.end.take() else {
            return self.keep_lost(work.outage.proven()).await;
        };
        let reason = error.pause().map(|pause| pause.reason);
        if error.kind() != Kind::Paused || matches!(reason, None | Some(Reason::Stopped)) {
            return Err(error);
        }
        if work.limited {
            return Err(error);
        }
        // What is known about them is not enough to let them fail, but the next run asks all others
        // first, and so finds out whether only these calls are throttled.
        for suspect in std::mem::take(&mut work.suspects) {
            let Attempt { fetch, .. } = suspect.attempt;
            work.retries.push_failed_before(fetch, suspect.failure);
        }
        let limits = [Reason::Errors, Reason::ErrorLimit, Reason::Closed];
        if reason.is_some_and(|reason| limits.contains(&reason)) {
            let mut failed = work.outage.proven();
            let retries = work.retries.iter();
            failed.extend(retries.map(|retry| (retry.fetch.clone(), retry.failure.clone())));
            self.keep_lost(failed).await?;
        }
        if reason == Some(Reason::Errors)
            && let Some((endpoint, message)) = work.outage.forbidden()
        {
            return Err(forbidden(endpoint, message));
        }
        work.release();
        if !work.resumed || !work.all_asked() {
            return Err(error);
        }
        self.let_fail(work).await?;
        if work.waiting.is_empty() {
            return Ok(());
        }
        Err(error)
    }

    /// Lets the remaining calls fail, with their last known errors.
    async fn let_fail(&mut self, work: &mut Work) -> Result<()> {
        let unasked = std::mem::take(&mut work.held);
        while let Some(retry) = work.retries.pop() {
            if self.is_awaited(&retry.fetch, work) {
                self.keep_failure(&retry.fetch, &retry.failure).await?;
                let outcome = Outcome::Failed(retry.failure);
                self.follow(&retry.fetch, &outcome, &mut work.waiting);
            }
        }
        for fetch in unasked {
            if self.is_awaited(&fetch, work) {
                let failure = not_asked(&fetch);
                self.keep_failure(&fetch, &failure).await?;
                self.follow(&fetch, &Outcome::Failed(failure), &mut work.waiting);
            }
        }
        Ok(())
    }

    /// Journals failures that another try may resolve, so that a resumed crawl tries them only once
    /// more.
    pub(super) async fn keep_lost(&self, failed: Vec<(Fetch, Failure)>) -> Result<()> {
        for (fetch, failure) in failed {
            self.keep_failure(&fetch, &failure).await?;
        }
        Ok(())
    }
}

fn down(client: &Arc<Client>, fetch: &Fetch, error: client::Error) -> Error {
    paused(fetch, error).with_pause(Pause {
        resume_at: later(client.now(), REST),
        reason: Reason::Failures,
    })
}

fn forbidden(endpoint: &str, message: &str) -> Error {
    Error::new(
        Kind::Configuration,
        format!(
            "the API user's permissions do not allow `{endpoint}` in any of the accounts that were \
             tried: {message}"
        ),
    )
}

fn not_asked(fetch: &Fetch) -> Failure {
    let message = format!(
        "`{}` was not called, because failed calls used up the error budget in two runs",
        fetch.endpoint
    );
    Failure {
        kind: FailureKind::Lost,
        message,
    }
}
