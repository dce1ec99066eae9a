//! How a run ends that cannot make all of its calls: with a pause, or with the results so far.

use std::{sync::Arc, time::Duration};

use fortilake_auth::later;
use fortilake_client::{self as client, Client, Pause, Reason, Tries};

use super::{
    Reader,
    call::{FetchedPage, call},
    judge::paused,
    stopped,
    work::{Done, Work},
};
use crate::{Error, Failure, FailureKind, Fetch, Outcome, Result, error::Kind};

/// How long no call is made after the API was found to be down.
const REST: Duration = Duration::from_mins(5);

impl Reader {
    /// Repeats a call that was answered before, to learn whether the API answers at all.
    pub(super) fn send_probe(&self, good: Fetch, after: Duration, work: &mut Work) {
        let Some(client) = self.client.clone() else {
            return;
        };
        let (names, mut stop) = (self.names, self.stop.clone());
        work.probing = true;
        work.calls.spawn(async move {
            tokio::select! {
                () = tokio::time::sleep(after) => {}
                () = stopped(&mut stop) => return Done::ProbeCancelled,
            }
            Done::Probe(call(&client, &good, names, Tries::default()).await)
        });
    }

    /// Handles the response to [`Self::look`].
    pub(super) fn probe_ended(
        &mut self,
        answer: client::Result<FetchedPage>,
        work: &mut Work,
    ) -> Result<()> {
        work.probing = false;
        let good = work.outage.probe_call().cloned();
        match (answer, good, &self.client) {
            (Err(error), Some(good), _) if error.kind() == client::Kind::Paused => {
                work.end.get_or_insert(paused(&good, error));
            }
            (Err(error), Some(good), Some(client)) if error.kind() == client::Kind::Transient => {
                work.outage.down();
                if client.waits_forever() && work.end.is_none() {
                    self.send_probe(good, REST, work);
                } else {
                    let error = down(client, &good, error);
                    work.end.get_or_insert(error);
                }
            }
            _ => {
                let failed = work.outage.proven();
                self.keep_lost(failed)?;
            }
        }
        Ok(())
    }

    /// Ends a run in which no further call is made.
    ///
    /// A pause makes sense only while a later run can make progress. If this run resumed another,
    /// and only calls that failed before are left, their scopes fail with their last known errors
    /// instead. Otherwise a crawl with enough failing accounts would pause in every run and never
    /// end.
    pub(super) fn conclude(&mut self, work: &mut Work) -> Result<()> {
        let Some(error) = work.end.take() else {
            return self.keep_lost(work.outage.proven());
        };
        let reason = error.pause().map(|pause| pause.reason);
        if error.kind() != Kind::Paused || matches!(reason, None | Some(Reason::Stopped)) {
            return Err(error);
        }
        if matches!(reason, Some(Reason::Errors | Reason::ErrorLimit)) {
            let mut failed = work.outage.proven();
            let retries = work.retries.iter();
            failed.extend(retries.map(|retry| (retry.fetch.clone(), retry.failure.clone())));
            self.keep_lost(failed)?;
        }
        if reason == Some(Reason::Errors)
            && let Some((endpoint, message)) = work.outage.forbidden()
        {
            return Err(forbidden(endpoint, message));
        }
        work.release();
        if !work.resumed || (!work.all_asked() && !work.is_hopeless(reason)) {
            return Err(error);
        }
        self.let_fail(work)?;
        if work.waiting.is_empty() {
            return Ok(());
        }
        Err(error)
    }

    /// Lets the remaining calls fail, with their last known errors.
    fn let_fail(&mut self, work: &mut Work) -> Result<()> {
        let mut unasked: Vec<_> = work.waiting.drain(..).collect();
        unasked.append(&mut work.unasked);
        unasked.append(&mut work.held);
        while let Some(retry) = work.retries.pop() {
            if self.is_awaited(&retry.fetch, work) {
                self.keep_failure(&retry.fetch, &retry.failure)?;
                let outcome = Outcome::Failed(retry.failure);
                self.follow(&retry.fetch, &outcome, &mut work.waiting);
            }
        }
        for fetch in unasked {
            if self.is_awaited(&fetch, work) {
                let failure = not_asked(&fetch);
                self.keep_failure(&fetch, &failure)?;
                self.follow(&fetch, &Outcome::Failed(failure), &mut work.waiting);
            }
        }
        Ok(())
    }

    /// Journals failures that another try may resolve, so that a resumed crawl tries them only once
    /// more.
    pub(super) fn keep_lost(&self, failed: Vec<(Fetch, Failure)>) -> Result<()> {
        for (fetch, failure) in failed {
            self.keep_failure(&fetch, &failure)?;
        }
        Ok(())
    }
}

impl Work {
    /// Whether another run would probably use up its errors without progress, as this one did.
    fn is_hopeless(&self, reason: Option<Reason>) -> bool {
        let failing = self.retries.iter().map(|retry| &retry.fetch);
        let unasked = self.waiting.iter().chain(&self.unasked);
        reason == Some(Reason::Errors) && self.outage.is_hopeless(failing, unasked)
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
