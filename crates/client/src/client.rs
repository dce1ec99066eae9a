//! The client itself.

use std::{fmt, sync::Arc, time::Duration};

use fortilake_auth::{
    Micros, OAuth, Token, later,
    models::{Endpoint, Operation},
    transport::{Redirects, Transport, http::header, shown, url::Url},
};
use serde_json::{Map, Value};
use tokio::time;

use crate::{
    Config, Error, Jitter, Page, Pause, Reason, Result, Retries, Waiting, Window,
    class::Class,
    failure::Failure,
    line::{Hops, Line},
    page,
    quota::{Gate, Permit, Rules, State},
    request::Call,
    retry::{Next, Repeat, Retry},
};

/// How many tokens may end or be refused while one call waits for its turn.
///
/// More than one does only where tokens live for less time than calls wait.
const STALE_TOKENS: usize = 5;

/// Makes calls for one API user.
///
/// Clients of the same user should share the ledger and the queue of their [`Config`].
pub struct Client {
    api_url: Url,
    line: Arc<Line>,
    oauth: OAuth,
    retries: Retries,
    jitter: Jitter,
}

/// What has been called so far, and what the limits still allow.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// How many requests this client has sent, sign-ins and repetitions included.
    pub calls: u64,
    /// The windows, as far as they are ours, and how many calls of the user each of them holds now.
    pub windows: Vec<(Window, u32)>,
    /// How many errors may still be spent, where they are limited.
    pub errors_left: Option<u32>,
    /// How many calls of the user are in flight.
    pub in_flight: u32,
    /// Until when the server takes no calls, where it has said so.
    pub closed_until: Option<Micros>,
    /// How many calls wait for their turn.
    pub waiting: usize,
    /// When the first of them goes, as far as that is known.
    pub next_call: Option<Micros>,
}

impl Client {
    /// Checks the configuration; nothing is sent yet.
    pub fn new(config: Config, transport: Arc<dyn Transport>, jitter: Jitter) -> Result<Self> {
        config.check()?;
        let user = config.user();
        let gate = Gate {
            limits: config.limits(),
            lane: config.queue.lane(&user),
            user: user.clone(),
            ledger: config.ledger,
            clock: Arc::clone(&config.clock),
            rules: Rules {
                waiting: config.waiting,
                on_wait: config.on_wait,
                max_calls: config.max_calls,
                deadline: config.deadline,
            },
            state: State::default(),
        };
        let line = Arc::new(Line {
            transport,
            gate,
            timeout: config.timeout,
        });
        // Redirects lie above the limits, so that every hop counts as the call that it is.
        let transport = Arc::new(Redirects::new(Arc::clone(&line)));
        let mut oauth =
            OAuth::new(transport, config.auth_url, config.credentials).clock(config.clock);
        if let Some(store) = config.tokens {
            oauth = oauth.keep(store, user);
        }
        Ok(Self {
            api_url: config.api_url,
            line,
            oauth,
            retries: config.retries,
            jitter,
        })
    }

    /// Calls an endpoint and returns its answer, without the secrets in it.
    ///
    /// Arguments that the endpoint does not know, or that it misses, are an error before anything
    /// is sent.
    ///
    /// # Cancellation
    ///
    /// A dropped future may leave a call that the API still carries out, and that counts.
    pub async fn fetch(
        &self,
        endpoint: &'static Endpoint,
        arguments: &Map<String, Value>,
    ) -> Result<Page> {
        self.carry_out(&Call::new(&self.api_url, endpoint, arguments)?)
            .await
    }

    /// Calls an operation with its own types.
    ///
    /// # Cancellation
    ///
    /// As for [`fetch`](Self::fetch).
    pub async fn call<O: Operation>(&self, request: &O::Request) -> Result<O::Response> {
        let name = format!("`{}`", O::ENDPOINT.id);
        let arguments = match serde_json::to_value(request) {
            Ok(Value::Object(arguments)) => arguments,
            Ok(_) => return Err(Error::arguments(&name, "takes named arguments alone")),
            Err(error) => return Err(Error::json(&name, "has arguments that are no JSON", error)),
        };
        let call = Call::new(&self.api_url, O::ENDPOINT, &arguments)?;
        let page = self.carry_out(&call).await?;
        serde_json::from_str(&page.body)
            .map_err(|error| Error::json(&call.label, "got an answer of another shape", error))
    }

    /// Signs in ahead of the first call that needs it, so that sign-ins can run side by side.
    ///
    /// It is tried once; a call that needs the token tries again.
    pub async fn sign_in(&self, client_id: &str) -> Result<()> {
        let token = self.token(client_id).await;
        token
            .map(drop)
            .map_err(|failure| Error::last(&format!("`{client_id}`"), failure, 1))
    }

    /// The id under which the ledger and the store of tokens know the user.
    pub fn user(&self) -> &str {
        &self.line.gate.user
    }

    /// How many requests have been sent, sign-ins and repetitions included.
    pub fn calls(&self) -> u64 {
        self.line.gate.calls()
    }

    /// Sends nothing from now on, not even what waits for its turn; calls in flight go on.
    ///
    /// What was not sent fails with [`Kind::Paused`](crate::Kind::Paused).
    pub fn stop(&self) {
        self.line.gate.stop();
    }

    /// What has been called so far, and what the limits still allow.
    pub fn usage(&self) -> Result<Usage> {
        let gate = &self.line.gate;
        let usage = gate.usage()?;
        let (waiting, next_call) = gate.lane.waiting();
        let errors_left =
            |limit: crate::ledger::ErrorLimit| limit.usable().saturating_sub(usage.errors);
        Ok(Usage {
            calls: gate.calls(),
            windows: gate.limits.calls.iter().copied().zip(usage.calls).collect(),
            errors_left: gate.limits.errors.map(errors_left),
            in_flight: usage.in_flight,
            closed_until: usage.closed_until,
            waiting,
            next_call,
        })
    }

    /// Tries until there is an answer, or no point in trying.
    async fn carry_out(&self, call: &Call) -> Result<Page> {
        let mut retry = Retry::new(&self.retries, &self.jitter);
        let mut tries = 0;
        loop {
            tries += 1;
            let mut failure = match self.attempt(call).await {
                Ok(page) => return Ok(page),
                Err(failure) => failure,
            };
            let trial = failure.trial(call);
            let next = retry.next(trial);
            if matches!(next, Next::GiveUp | Next::Suspend(_)) {
                failure.pause = self.pause(&failure, &next)?;
                let waits = self.line.gate.rules.waiting == Waiting::Forever;
                if !waits || trial.repeat == Repeat::Never || !failure.is_waited_out() {
                    return Err(Error::last(&call.label, failure, tries));
                }
                // The gate opens when the pause is over; what failed before it is forgotten.
                retry = Retry::new(&self.retries, &self.jitter);
            }
            let endpoint = call.endpoint.id;
            let Failure { class, http, .. } = &failure;
            tracing::warn!(
                endpoint,
                ?class,
                http,
                tries,
                ?next,
                "call failed, trying again"
            );
            match next {
                Next::SignIn => self.drop_token(call, failure.token.as_ref()),
                Next::Pause(pause) => time::sleep(pause).await,
                Next::Close(pause) => drop(self.close(pause)?),
                Next::GiveUp | Next::Suspend(_) => {}
            }
        }
    }

    /// Lets nobody call for so long, and says until when that is.
    fn close(&self, pause: Duration) -> Result<Micros> {
        let resume_at = later((self.line.gate.clock)(), pause);
        self.line.gate.close(resume_at)?;
        Ok(resume_at)
    }

    /// Why and until when nobody calls after this failure, if that is so.
    fn pause(&self, failure: &Failure, next: &Next) -> Result<Option<Pause>> {
        let Next::Suspend(pause) = next else {
            let failed = failure.class == Class::Transient;
            return Ok(if failed {
                self.line.gate.call_failed()
            } else {
                failure.pause
            });
        };
        let reason = match failure.class {
            Class::ErrorLimit => Reason::ErrorLimit,
            _ => Reason::Closed,
        };
        let resume_at = self.close(*pause)?;
        Ok(Some(Pause { resume_at, reason }))
    }

    async fn attempt(&self, call: &Call) -> Result<Page, Failure> {
        let (token, permit) = self.ready(call).await?;
        let result = self.exchange(call, token.as_ref(), permit).await;
        result.map_err(|failure| Failure { token, ..failure })
    }

    /// Waits for the call's turn, and for a token that is good when its turn has come.
    async fn ready(&self, call: &Call) -> Result<(Option<Token>, Permit<'_>), Failure> {
        let admit = async || self.line.gate.admit().await.map_err(Failure::stopped);
        let Some(client_id) = call.endpoint.client_id else {
            return Ok((None, admit().await?));
        };
        for _ in 0..STALE_TOKENS {
            let token = self.token(client_id).await?;
            let permit = admit().await?;
            if self.oauth.is_current(client_id, &token) {
                return Ok((Some(token), permit));
            }
            permit.give_back();
        }
        Err(Failure::stale_tokens())
    }

    async fn token(&self, client_id: &str) -> Result<Token, Failure> {
        let gate = &self.line.gate;
        self.oauth.token(client_id).await.map_err(|error| {
            let mut failure = Failure::sign_in(error, (gate.clock)());
            if failure.class == Class::Suspended {
                failure.pause = gate.last_pause();
            }
            failure
        })
    }

    async fn exchange(
        &self,
        call: &Call,
        token: Option<&Token>,
        permit: Permit<'_>,
    ) -> Result<Page, Failure> {
        let mut request = call.request.clone();
        if let Some(token) = token {
            let headers = &mut request.headers;
            headers.insert(header::AUTHORIZATION, token.header());
        }
        let hops = Arc::new(Hops::new(&self.line, permit));
        let answer = Redirects::new(Arc::clone(&hops)).send(request).await;
        let mut response = answer.map_err(|error| {
            let failure = Failure::unanswered(error);
            hops.settle(failure.class, None);
            failure
        })?;
        let http = response.status.as_u16();
        let headers = std::mem::take(&mut response.headers);
        let bytes = response.body.len();
        let (class, page) = page::read(response, token);
        if class == Class::Token {
            // It is of no use to anyone, even if this call is not tried again.
            self.drop_token(call, token);
        }
        hops.settle(class, Some(http));
        let endpoint = call.endpoint.id;
        tracing::debug!(endpoint, http, bytes, ?class, "call answered");
        match (class, page) {
            (Class::Success | Class::Empty, Some(page)) => Ok(page),
            (class, page) => {
                let envelope = page.map(|page| page.envelope);
                let now = (self.line.gate.clock)();
                Err(Failure::answered(class, http, &headers, envelope, now))
            }
        }
    }

    fn drop_token(&self, call: &Call, token: Option<&Token>) {
        if let (Some(client_id), Some(token)) = (call.endpoint.client_id, token) {
            self.oauth.refused(client_id, token);
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let api_url = shown(&self.api_url);
        formatter
            .debug_struct("Client")
            .field("api_url", &api_url)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
