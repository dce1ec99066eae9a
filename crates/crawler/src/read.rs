//! The executor of one source: makes the plan's calls, several at a time, and journals their
//! outcomes.
//!
//! A call whose outcome is in the journal is not made again. That alone makes a crawl resumable:
//! the plan folds over old and new outcomes alike, and asks for what is left.
//!
//! A call without a usable answer is tried again, but after all calls that have not been made yet.
//! Its failure is journaled, and a resumed crawl tries it once more before it lets the scope fail.
//! Trying again in every run would be simpler, but then a scope that always fails would use up the
//! error budget in each of them, and the crawl would never end and never be published.

mod recall;
#[cfg(test)]
mod tests;

use std::{collections::VecDeque, sync::Arc};

use fortilake_state::{
    Archive, Journal,
    client::{self, Client, models},
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};

use crate::{
    Clock, Error, Event, Facts, Failure, FailureKind, Fetch, Names, Observer, Outcome, Result,
    Scope, Step,
    error::{Kind, one_line},
    plan::DETAILS,
    planner::Planner,
};

/// Reads one source to its end.
pub(crate) struct Reader {
    pub(crate) plan: Box<dyn Planner>,
    /// Whether the plan needs the names of products.
    pub(crate) names: Names,
    /// Makes the calls. Without a client, calls that are not in the journal fail as not read.
    pub(crate) client: Option<Arc<Client>>,
    pub(crate) concurrency: usize,
    pub(crate) journal: Arc<dyn Journal>,
    /// Product details from earlier crawls that may be used again.
    pub(crate) older: Option<Older>,
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
}

/// Answers of earlier crawls that may be used instead of a call.
#[derive(Clone)]
pub struct Older {
    /// The journals of those crawls.
    pub archive: Arc<Archive>,
    /// The oldest time of observation to accept, in microseconds of Unix time.
    pub since: i64,
}

/// What reading a source cost.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Effort {
    /// The requests sent, including sign-ins and retries.
    pub(crate) calls: u64,
    /// The outcomes that came from the journal.
    pub(crate) recalled: u64,
    /// The outcomes that were pages, from calls or from the journal.
    pub(crate) pages: u64,
}

impl Effort {
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
    pub(crate) async fn run(mut self) -> Result<Effort> {
        let mut waiting = VecDeque::new();
        let mut calls = JoinSet::new();
        // It ends with this function; a call that needs a token earlier waits for the same one.
        let mut ahead = JoinSet::new();
        let mut effort = Effort::default();
        let mut end = None;
        let step = self.plan.begin();
        self.take(step, None, &mut waiting);
        loop {
            while end.is_none() && calls.len() < self.concurrency {
                let Some(fetch) = waiting.pop_front() else {
                    break;
                };
                if !self.plan.awaits(&fetch) {
                    (self.observer)(&Event::Dropped);
                    let step = self.plan.forget(&fetch);
                    self.take(step, None, &mut waiting);
                    continue;
                }
                if let Some(outcome) = self.recall(&fetch)? {
                    effort.recalled += 1;
                    effort.pages += u64::from(matches!(outcome, Outcome::Page(_)));
                    self.follow(&fetch, &outcome, &mut waiting);
                    tokio::task::yield_now().await;
                    continue;
                }
                if fetch.endpoint == "units/list"
                    && let Some(client) = &self.client
                {
                    ahead.spawn(sign_in_ahead(client.clone()));
                }
                match &self.client {
                    Some(client) => drop(calls.spawn(call(client.clone(), fetch, self.names))),
                    None => self.follow(&fetch, &not_read(&fetch), &mut waiting),
                }
            }
            let answer = tokio::select! {
                answer = calls.join_next() => answer,
                () = stopped(&mut self.stop), if end.is_none() => {
                    end = Some(Error::new(Kind::Interrupted, "interrupted"));
                    if let Some(client) = &self.client {
                        client.stop();
                    }
                    continue;
                }
            };
            let Some(answer) = answer else { break };
            let (fetch, answer) = answer.map_err(|error| {
                Error::new(Kind::Unforeseen, "a call's task broke off").with_source(error)
            })?;
            match self.judge(&fetch, answer) {
                Ok(outcome) => {
                    effort.pages += u64::from(matches!(outcome, Outcome::Page(_)));
                    self.follow(&fetch, &outcome, &mut waiting);
                }
                Err(error) => {
                    end.get_or_insert(error);
                }
            }
        }
        if let Some(client) = &self.client {
            effort.calls = client.calls();
        }
        match end {
            Some(error) => Err(error),
            None if self.plan.is_finished() => Ok(effort),
            // A list that nobody closes would be missing without a word.
            None => Err(Error::new(
                Kind::Unforeseen,
                "the plan ended before all lists were closed",
            )),
        }
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

    /// Journals what a call ended with, and tells what fails a scope from what ends the crawl.
    fn judge(&self, fetch: &Fetch, answer: client::Result<Answer>) -> Result<Outcome> {
        match answer {
            // Nothing is an answer to a list. Of a product that a list has named it is none, and
            // must not be taken for its details for as long as those are good.
            Ok(Answer { nothing: true, .. }) if fetch.endpoint == DETAILS => {
                let failure = Failure {
                    kind: FailureKind::Rejected,
                    message: format!("`{DETAILS}` knows no such product"),
                };
                self.keep_failure(fetch, &failure)?;
                Ok(Outcome::Failed(failure))
            }
            Ok(Answer {
                body,
                facts: Ok(facts),
                ..
            }) => {
                self.keep_page(fetch, body)?;
                Ok(Outcome::Page(facts))
            }
            Ok(Answer {
                facts: Err(error), ..
            }) => {
                let message = format!(
                    "`{}` answered in an unexpected shape: {error}",
                    fetch.endpoint
                );
                Ok(Outcome::Failed(Failure {
                    kind: FailureKind::Lost,
                    message,
                }))
            }
            Err(error) => {
                let kind = match error.kind() {
                    client::Kind::Credentials if self.alone => {
                        return Err(end(Kind::Credentials, fetch, error));
                    }
                    client::Kind::Config if self.alone => {
                        return Err(end(Kind::Configuration, fetch, error));
                    }
                    client::Kind::Paused => return Err(paused(fetch, error)),
                    client::Kind::Ledger => return Err(end(Kind::State, fetch, error)),
                    client::Kind::Refused => FailureKind::Refused,
                    client::Kind::BadRequest | client::Kind::NotPossible => FailureKind::Rejected,
                    _ => FailureKind::Lost,
                };
                let failure = Failure {
                    kind,
                    message: one_line(&error),
                };
                self.keep_failure(fetch, &failure)?;
                Ok(Outcome::Failed(failure))
            }
        }
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
        let account = after.and_then(|fetch| fetch.arguments.get("accountId"));
        let (further, first): (Vec<_>, Vec<_>) = step.fetches.into_iter().partition(|fetch| {
            let arguments = &fetch.arguments;
            fetch.round > 0
                || arguments.contains_key("pageNumber")
                || (account.is_some() && arguments.get("accountId") == account)
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

async fn stopped(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        // Nobody is left who could say stop.
        std::future::pending::<()>().await;
    }
}

/// Signs in for the later stages while the first call is under way.
///
/// A user without an organization cannot sign in to the others' portals either; asking would cost
/// errors, which are scarce. Whatever fails here is told by the call that needs it.
async fn sign_in_ahead(client: Arc<Client>) {
    let sign_in = async |endpoint: &str| match models::endpoint(endpoint)
        .and_then(|endpoint| endpoint.client_id)
    {
        Some(client_id) => client.sign_in(client_id).await.is_ok(),
        None => true,
    };
    if sign_in("units/list").await {
        tokio::join!(sign_in("accounts/list"), sign_in("products/list"));
    }
}

struct Answer {
    /// Whether the API says in so many words that there is nothing.
    nothing: bool,
    body: Arc<str>,
    facts: serde_json::Result<Facts>,
}

async fn call(client: Arc<Client>, fetch: Fetch, names: Names) -> (Fetch, client::Result<Answer>) {
    let Some(endpoint) = models::endpoint(fetch.endpoint) else {
        let facts = Err(serde::de::Error::custom(
            "the descriptions have no such endpoint",
        ));
        return (
            fetch,
            Ok(Answer {
                nothing: false,
                body: "".into(),
                facts,
            }),
        );
    };
    let answer = client.fetch(endpoint, &fetch.arguments).await.map(|page| {
        // A page that says "nothing found", in any of the API's ways, has nothing to keep.
        let nothing = page.is_empty_result();
        let body: Arc<str> = if nothing {
            "{}".into()
        } else {
            page.body.into()
        };
        Answer {
            nothing,
            facts: Facts::read(fetch.endpoint, &body, names),
            body,
        }
    });
    (fetch, answer)
}

fn not_read(fetch: &Fetch) -> Outcome {
    let message = format!("`{}` was not read in this crawl", fetch.endpoint);
    Outcome::Failed(Failure {
        kind: FailureKind::Lost,
        message,
    })
}

fn paused(fetch: &Fetch, error: client::Error) -> Error {
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
