//! The executor of one source: makes the plan's calls, some at a time, and journals the pages.

use std::{collections::VecDeque, error::Error as StdError, sync::Arc};

use fortilake_state::{
    Journal, Record,
    client::{self, Client, models},
};
use tokio::{sync::mpsc, task::JoinSet};

use crate::{
    Clock, Error, Event, Facts, Failure, FailureKind, Fetch, Observer, Outcome, Plan, Result,
    Scope, Step, error::Kind,
};

/// Reads one source to its end.
pub(crate) struct Reader {
    pub(crate) plan: Plan,
    pub(crate) client: Arc<Client>,
    pub(crate) concurrency: usize,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) clock: Clock,
    pub(crate) observer: Observer,
    /// Where scopes go as they close.
    pub(crate) scopes: mpsc::UnboundedSender<Scope>,
}

impl Reader {
    /// Runs until nothing is left to ask, and says how many requests that took.
    pub(crate) async fn run(mut self) -> Result<u64> {
        let mut waiting = VecDeque::new();
        let mut calls = JoinSet::new();
        // It ends with this function; a call that needs a token earlier waits for the same one.
        let mut ahead = JoinSet::new();
        let step = self.plan.begin();
        if step
            .fetches
            .iter()
            .any(|fetch| fetch.endpoint == "units/list")
        {
            ahead.spawn(sign_in_ahead(self.client.clone()));
        }
        self.take(step, &mut waiting);
        loop {
            while calls.len() < self.concurrency {
                let Some(fetch) = waiting.pop_front() else {
                    break;
                };
                calls.spawn(call(self.client.clone(), fetch));
            }
            let Some(call) = calls.join_next().await else {
                break;
            };
            let (fetch, answer) = call.map_err(|error| {
                Error::new(Kind::Unforeseen, "a call's task broke off").with_source(error)
            })?;
            let outcome = self.judge(&fetch, answer)?;
            let error = match &outcome {
                Outcome::Failed(failure) => Some(failure.message.as_str()),
                Outcome::Page(_) => None,
            };
            (self.observer)(&Event::Answered {
                fetch: &fetch,
                error,
            });
            let step = self.plan.follow(&fetch, &outcome);
            self.take(step, &mut waiting);
        }
        Ok(self.client.usage().calls)
    }

    /// Journals a page, and tells what fails a scope from what ends the crawl.
    fn judge(&self, fetch: &Fetch, answer: client::Result<Answer>) -> Result<Outcome> {
        match answer {
            Ok(Answer {
                body,
                facts: Ok(facts),
            }) => {
                self.journal.append(
                    &fetch.key(),
                    Record {
                        body,
                        observed_at: (self.clock)(),
                    },
                );
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
                    client::Kind::Credentials => return Err(end(Kind::Credentials, fetch, error)),
                    client::Kind::Config => return Err(end(Kind::Configuration, fetch, error)),
                    client::Kind::Paused => return Err(end(Kind::Paused, fetch, error)),
                    client::Kind::Refused => FailureKind::Refused,
                    client::Kind::BadRequest => FailureKind::Rejected,
                    _ => FailureKind::Lost,
                };
                Ok(Outcome::Failed(Failure {
                    kind,
                    message: unreadable(&error),
                }))
            }
        }
    }

    fn take(&mut self, step: Step, waiting: &mut VecDeque<Fetch>) {
        if !step.fetches.is_empty() {
            (self.observer)(&Event::Planned {
                calls: step.fetches.len(),
            });
        }
        // A list that is begun is read to its end first: its pages wait in the journal till then.
        let (further, first): (Vec<_>, Vec<_>) = step
            .fetches
            .into_iter()
            .partition(|fetch| fetch.round > 0 || fetch.arguments.contains_key("pageNumber"));
        further
            .into_iter()
            .rev()
            .for_each(|fetch| waiting.push_front(fetch));
        waiting.extend(first);
        for scope in step.closed {
            // Without anybody to publish, the crawl is ending and this task with it.
            let _ = self.scopes.send(scope);
        }
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
    body: Arc<str>,
    facts: serde_json::Result<Facts>,
}

async fn call(client: Arc<Client>, fetch: Fetch) -> (Fetch, client::Result<Answer>) {
    let Some(endpoint) = models::endpoint(fetch.endpoint) else {
        let facts = Err(serde::de::Error::custom(
            "the descriptions have no such endpoint",
        ));
        return (
            fetch,
            Ok(Answer {
                body: "".into(),
                facts,
            }),
        );
    };
    let answer = client.fetch(endpoint, &fetch.arguments).await.map(|page| {
        let facts = if page.is_empty_result() {
            Ok(Facts::nothing(fetch.endpoint))
        } else {
            Facts::read(fetch.endpoint, &page.body)
        };
        Answer {
            body: page.body.into(),
            facts,
        }
    });
    (fetch, answer)
}

fn end(kind: Kind, fetch: &Fetch, error: client::Error) -> Error {
    Error::new(kind, format!("source `{}` cannot be read", fetch.source)).with_source(error)
}

/// An error and its causes in one line, as the coverage keeps it.
pub(crate) fn unreadable(error: &dyn StdError) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line.push_str(": ");
        line.push_str(&error.to_string());
        cause = error.source();
    }
    line
}
