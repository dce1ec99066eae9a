//! The executor of one source: makes the plan's calls, several at a time, and journals their
//! outcomes.
//!
//! A call whose outcome is in the journal is not made again. That alone makes a crawl resumable:
//! the plan folds over old and new outcomes alike, and asks for what is left.
//!
//! A call without a usable response is tried again, but after all calls that have not been made
//! yet. Its failure is journaled, and a resumed crawl tries it once more before it lets the scope
//! fail. Trying again in every run would be simpler, but then a scope that always fails would use
//! up the error budget in each of them, and the crawl would never end and never be published.

mod call;
mod end;
mod judge;
mod outage;
mod recall;
mod retry_queue;
#[cfg(test)]
mod tests;
mod users;
mod work;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use fortilake_auth::Clock;
use fortilake_state::{Archive, Journal};
use tokio::sync::{mpsc, watch};
use tracing::{Instrument as _, Span};

pub(crate) use self::users::Users;
use self::{
    call::{call, sign_in_ahead},
    judge::{CallResult, Lost},
    recall::Recalled,
    work::{Attempt, Done, Suspect, Work},
};
use crate::{
    Error, Event, Failure, FailureKind, Fetch, Names, Observer, Outcome, Result, Scope, Step,
    System,
    error::Kind,
    journal::{flush, with_journal},
    systems::Planner,
};

/// Reads one source to its end.
pub(crate) struct Reader {
    pub(crate) plan: Box<dyn Planner>,
    /// Whether the plan needs the names of products.
    pub(crate) names: Names,
    /// They make the calls. Without users, calls that are not in the journal fail as not read.
    pub(crate) users: Users,
    /// The highest number of calls in flight, of all users together.
    pub(crate) concurrency: usize,
    pub(crate) journal: Arc<dyn Journal>,
    /// Product details from earlier crawls that may be used again.
    pub(crate) older: Option<ReusablePages>,
    /// Whether this is the crawl's only source, so that without it there is nothing to publish.
    pub(crate) alone: bool,
    pub(crate) clock: Clock,
    pub(crate) observer: Observer,
    /// Receives scopes as they close. The channel is unbounded, because a source that is published
    /// later must not wait for one that is published earlier. A scope is small: its pages stay in
    /// the journal.
    pub(crate) scopes: mpsc::UnboundedSender<Scope>,
    /// Set to true when no further call may be made.
    pub(crate) stop: watch::Receiver<bool>,
    /// The span that calls belong to.
    pub(crate) span: Span,
}

/// Answers of earlier crawls that may be used instead of a call.
#[derive(Clone)]
pub struct ReusablePages {
    /// The journals of those crawls.
    pub archive: Arc<Archive>,
    /// The oldest time of observation to accept, in microseconds of Unix time.
    pub since: i64,
}

/// What reading a source cost.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ReadStats {
    /// The requests sent, including sign-ins and retries.
    pub(crate) calls: u64,
    /// The outcomes that came from the journal.
    pub(crate) recalled: u64,
    /// The outcomes that were pages, from calls or from the journal.
    pub(crate) pages: u64,
}

impl ReadStats {
    pub(crate) fn add(&mut self, other: Self) {
        self.calls += other.calls;
        self.recalled += other.recalled;
        self.pages += other.pages;
    }
}

impl Reader {
    /// Runs until no calls are left or no more calls may be made.
    ///
    /// Calls in flight are always awaited, because they already count against the limits.
    pub(crate) async fn run(mut self) -> Result<ReadStats> {
        let mut work = Work::default();
        let step = self.plan.begin();
        self.take(step, None, &mut work.waiting);
        loop {
            (self, work) = self.start(work).await?;
            let due = work.due(self.users.concurrency(self.concurrency));
            if work.calls.is_empty() && due.is_none() {
                break;
            }
            tokio::select! {
                done = work.calls.join_next(), if !work.calls.is_empty() => match done {
                    Some(Ok(done)) => self.finish(done, &mut work).await?,
                    Some(Err(error)) => {
                        let broken = Error::new(Kind::Unforeseen, "the task of a call panicked");
                        return Err(broken.with_source(error));
                    }
                    None => {}
                },
                () = sleep_until(due), if due.is_some() => {}
                () = stopped(&mut self.stop), if work.end.is_none() => self.interrupt(&mut work),
            }
        }
        work.effort.calls = self.users.clients().map(|client| client.calls()).sum();
        self.conclude(&mut work).await?;
        if self.plan.is_finished() {
            return Ok(work.effort);
        }
        // Without this check, a list that never closes would be missing from the snapshot without
        // notice.
        Err(Error::new(
            Kind::Unforeseen,
            "the plan has no calls left, but not every list has ended",
        ))
    }

    /// Starts as many calls as may be in flight, on a thread for blocking operations.
    ///
    /// A resumed crawl reads most outcomes from the journal. Changing threads takes longer than
    /// reading one of them, so the thread is not changed for each. Only one page is in memory at a
    /// time.
    async fn start(mut self, mut work: Work) -> Result<(Self, Work)> {
        let journal = self.journal.clone();
        with_journal(&journal, move |_| {
            self.start_calls(&mut work)?;
            Ok((self, work))
        })
        .await
    }

    /// Blocks while it reads the journal.
    fn start_calls(&mut self, work: &mut Work) -> Result<()> {
        work.release();
        while work.may_start(self.users.concurrency(self.concurrency)) {
            // A large journal takes long to read, and nothing else hears a stop meanwhile.
            if *self.stop.borrow() {
                self.interrupt(work);
                break;
            }
            let quiet = work.calls.is_empty();
            if let Some(retry) = work.retries.next(work.all_asked(), quiet) {
                if self.is_awaited(&retry.fetch, work) {
                    self.send(retry.into(), work);
                }
                continue;
            }
            let Some((fetch, unknown)) = work.next() else {
                break;
            };
            if !self.is_awaited(&fetch, work) {
                continue;
            }
            let recalled = if unknown { None } else { self.recall(&fetch)? };
            match recalled {
                Some(Recalled::Outcome(outcome)) => {
                    match &outcome {
                        Outcome::Page(_) => {
                            work.outage.recalled(&fetch);
                            work.effort.pages += 1;
                        }
                        Outcome::Failed(failure) if failure.kind.is_refusal() => {
                            work.resumed |= fetch.account().is_some();
                        }
                        Outcome::Failed(_) => {}
                    }
                    work.effort.recalled += 1;
                    self.follow(&fetch, &outcome, &mut work.waiting);
                }
                Some(Recalled::Lost(failure)) if self.users.any().is_some() => {
                    work.resumed = true;
                    let step = self.plan.delay(&fetch);
                    self.take(step, None, &mut work.waiting);
                    work.retries.push_failed_before(fetch, failure);
                }
                Some(Recalled::Lost(failure)) => {
                    self.follow(&fetch, &Outcome::Failed(failure), &mut work.waiting);
                }
                None if work.must_wait(&fetch) => work.held.push(fetch),
                None if work.resumed && !unknown => work.unasked.push(fetch),
                None => self.send(fetch.into(), work),
            }
        }
        Ok(())
    }

    /// Starts no more calls. Those in flight are awaited.
    fn interrupt(&self, work: &mut Work) {
        work.end = Some(Error::new(Kind::Interrupted, "interrupted"));
        self.users.clients().for_each(|client| client.stop());
    }

    /// Whether the plan still needs a call. A call that it no longer needs is dropped.
    fn is_awaited(&mut self, fetch: &Fetch, work: &mut Work) -> bool {
        let awaited = self.plan.awaits(fetch);
        if !awaited {
            (self.observer)(&Event::Dropped);
            let step = self.plan.forget(fetch);
            self.take(step, None, &mut work.waiting);
        }
        awaited
    }

    fn send(&mut self, attempt: Attempt, work: &mut Work) {
        let Some((user, client)) = self.users.next() else {
            let outcome = not_read(&attempt.fetch);
            return self.follow(&attempt.fetch, &outcome, &mut work.waiting);
        };
        let client = client.clone();
        self.users.sent(user);
        let names = self.names;
        work.sent(&attempt.fetch);
        let making = async move {
            let answer = call(&client, &attempt.fetch, names, attempt.tries).await;
            Done::Call(user, attempt, answer)
        };
        work.calls.spawn(making.instrument(self.span.clone()));
    }

    /// Handles a call that has ended.
    async fn finish(&mut self, done: Done, work: &mut Work) -> Result<()> {
        let (user, attempt, answer) = match done {
            Done::Call(user, attempt, answer) => (user, attempt, answer),
            Done::Probe(answer) => return self.probe_ended(answer, work).await,
            Done::ProbeCancelled => {
                work.probing = false;
                return Ok(());
            }
            Done::Durable(result) => return result,
        };
        work.ended(&attempt.fetch);
        self.users.ended(user);
        match self.judge(&attempt.fetch, answer).await {
            Ok(CallResult::Final(outcome)) => {
                let journal = self.journal.clone();
                work.calls
                    .spawn(async move { Done::Durable(flush(&journal).await) });
                self.answered(&attempt.fetch, &outcome, work).await?;
                self.follow(&attempt.fetch, &outcome, &mut work.waiting);
            }
            Ok(CallResult::Lost(lost)) => self.lost(attempt, lost, work).await?,
            Ok(CallResult::Paused(error)) => {
                work.put_back(attempt);
                if let Some(error) = self.users.pause(user, error) {
                    work.end.get_or_insert(error);
                }
            }
            Err(error) => {
                work.end.get_or_insert(error);
            }
        }
        if work.probing || work.end.is_some() {
            return Ok(());
        }
        if let Some(good) = work.probe_call() {
            let good = good.clone();
            self.send_probe(good, Duration::ZERO, work);
        } else {
            // Nothing was ever answered, so the limit is taken to hold for every call.
            let mut limits = work.suspects.iter_mut();
            work.end = limits.find_map(|suspect| suspect.limit.take());
            work.limited = work.end.is_some();
        }
        Ok(())
    }

    async fn answered(&mut self, fetch: &Fetch, outcome: &Outcome, work: &mut Work) -> Result<()> {
        match outcome {
            Outcome::Page(_) => {
                work.effort.pages += 1;
                work.slow_start.succeeded();
                work.outage.page(fetch);
                let system = System::of(fetch.endpoint);
                if let Some(client_id) = system.definition().next_client_id(fetch.endpoint) {
                    for client in self.users.clients() {
                        let signing_in = sign_in_ahead(client.clone(), client_id);
                        work.ahead.spawn(signing_in.instrument(self.span.clone()));
                    }
                }
            }
            Outcome::Failed(failure) => {
                work.slow_start.failed();
                let refused = failure.kind.is_refusal();
                work.outage.answer(fetch, failure, refused);
            }
        }
        self.keep_lost(work.outage.proven()).await
    }

    /// Schedules another try of a failed call, or lets its scope fail.
    async fn lost(&mut self, attempt: Attempt, lost: Lost, work: &mut Work) -> Result<()> {
        let Lost {
            failure,
            passing,
            next_try,
            limit,
        } = lost;
        let rare = work.slow_start.failed();
        let (failures, failed_before) = (attempt.failures + 1, attempt.failed_before);
        if passing {
            work.outage.lost(failures == 1 && !failed_before);
        } else {
            work.outage.answer(&attempt.fetch, &failure, false);
        }
        let most = self.users.any().map_or(1, |client| client.attempts());
        if let Some(later) = next_try.filter(|_| !failed_before && failures < most) {
            let step = self.plan.delay(&attempt.fetch);
            self.take(step, None, &mut work.waiting);
            let retries = &mut work.retries;
            retries.push(attempt.fetch, failures, failure, later, rare);
            return Ok(());
        }
        if limit.is_some() {
            work.suspects.push(Suspect {
                attempt,
                failure,
                limit,
            });
            return Ok(());
        }
        let fetch = attempt.fetch;
        work.outage.give_up(&fetch, &failure);
        if !passing {
            self.keep_lost(work.outage.proven()).await?;
        }
        self.follow(&fetch, &Outcome::Failed(failure), &mut work.waiting);
        Ok(())
    }

    fn follow(&mut self, fetch: &Fetch, outcome: &Outcome, waiting: &mut VecDeque<Fetch>) {
        let error = match outcome {
            Outcome::Failed(failure) => Some(failure.message.as_str()),
            Outcome::Page(_) => None,
        };
        (self.observer)(&Event::Answered { fetch, error });
        let step = self.plan.follow(fetch, outcome);
        self.take(step, Some(fetch), waiting);
    }

    fn take(&mut self, step: Step, after: Option<&Fetch>, waiting: &mut VecDeque<Fetch>) {
        if !step.fetches.is_empty() {
            (self.observer)(&Event::Planned {
                calls: step.fetches.len(),
            });
        }
        // Finish what was started before starting anything new: first the list, then the account.
        // Until then its pages wait in the journal and the facts that prove them take memory in the
        // plan.
        let account = after.and_then(Fetch::account);
        let (further, first): (Vec<_>, Vec<_>) = step.fetches.into_iter().partition(|fetch| {
            fetch.round > 0
                || fetch.is_later_page()
                || (account.is_some() && fetch.account() == account)
        });
        further
            .into_iter()
            .rev()
            .for_each(|fetch| waiting.push_front(fetch));
        waiting.extend(first);
        for scope in step.closed {
            // Sending fails only if the crawl is ending, and this task ends with it.
            let _ = self.scopes.send(scope);
        }
    }
}

async fn sleep_until(due: Option<tokio::time::Instant>) {
    if let Some(due) = due {
        tokio::time::sleep_until(due).await;
    }
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        // The sender is gone, so no stop can arrive.
        std::future::pending::<()>().await;
    }
}

fn not_read(fetch: &Fetch) -> Outcome {
    let message = format!("`{}` was not read in this crawl", fetch.endpoint);
    Outcome::Failed(Failure {
        kind: FailureKind::Lost,
        message,
    })
}
