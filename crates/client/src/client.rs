//! The client itself.

use std::{fmt, sync::Arc, time::Duration};

use fortilake_auth::{
    self as auth, Micros, Token, later,
    models::{Endpoint, Operation},
    transport::{Redirects, Transport, http::header, shown, url::Url},
};
use serde_json::{Map, Value};
use tokio::time;

use crate::{
    Config, Error, Jitter, Page, Pause, Reason, Result, Retries, SignIn, Waiting, Window,
    class::Class,
    error::Source,
    failure::Failure,
    line::{Hops, Line},
    page,
    quota::{Permit, Rules},
    request::{Call, Keep},
    retry::{Next, Repeat, Retry},
    signer::Signer,
    typed,
};

/// How many tokens may end or be refused while one call waits for its turn.
///
/// More than one does only where tokens live for less time than calls wait.
const STALE_TOKENS: usize = 5;

/// Makes calls for one API user.
///
/// Clients of the same user should share the ledger and the queue of their [`Config`], so that
/// together they stay within the limits.
pub struct Client {
    api_url: Url,
    /// The host of the endpoints that need no token, because they issue tokens.
    auth_host: Url,
    line: Arc<Line>,
    /// For signing out, when what the run allows is over and what the API allows is not.
    parting: Arc<Line>,
    sign_in: SignIn,
    signer: Signer,
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
    /// Checks the configuration and creates a client. Nothing is sent yet.
    pub fn new(config: Config, transport: Arc<dyn Transport>, jitter: Jitter) -> Result<Self> {
        config.check()?;
        let rules = Rules {
            waiting: config.waiting,
            on_wait: config.on_wait.clone(),
            max_calls: config.max_calls,
            deadline: config.deadline,
        };
        let line = Arc::new(Line::new(&config, Arc::clone(&transport), rules));
        let parting = Arc::new(Line::new(&config, transport, Rules::default()));
        // Redirects lie above the limits, so that every hop counts as the call that it is.
        let transport = Arc::new(Redirects::new(Arc::clone(&line)));
        let signer = Signer::new(&config, transport)?;
        let mut auth_host = config.auth_url;
        auth_host.set_path("");
        Ok(Self {
            api_url: config.api_url,
            auth_host,
            line,
            parting,
            sign_in: config.sign_in,
            signer,
            retries: config.retries,
            jitter,
        })
    }

    /// Calls an endpoint and returns its answer with all secrets removed.
    ///
    /// An unknown or missing argument is an error before anything is sent.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped, the API may still carry out the call, and the call still counts
    /// against the limits.
    pub async fn fetch(
        &self,
        endpoint: &'static Endpoint,
        arguments: &Map<String, Value>,
    ) -> Result<Page> {
        self.carry_out(&self.prepare(endpoint, arguments)?).await
    }

    /// Tries a call once more, after `before` failed tries. For callers that do other work between
    /// the tries instead of waiting.
    ///
    /// A [`Secret`](fortilake_auth::models::Secret) in them is what the caller is after, so it
    /// stays, unlike in a page; the caller's token goes.
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
        let call = Call {
            keep: Keep::Secrets,
            ..self.prepare(O::ENDPOINT, &arguments)?
        };
        let page = self.carry_out(&call).await?;
        typed::read(O::ENDPOINT, &call.label, &page.body)
    }

    /// Signs in ahead of the first call that needs the token, so that sign-ins can overlap with
    /// other calls.
    ///
    /// This tries once; a call that needs the token tries again.
    pub async fn sign_in(&self, client_id: &str) -> Result<()> {
        let token = self.token(client_id).await;
        token
            .map(drop)
            .map_err(|failure| Error::last(&format!("`{client_id}`"), failure, 1))
    }

    /// Gives back the token of a FortiPortal, which would block the next sign-in until it expires.
    ///
    /// This counts as a call, but the limits of the run do not apply: it is sent even after
    /// [`stop`](Self::stop), after the deadline, and beyond the maximum number of calls. It does
    /// nothing if there is no token, or for the other systems. If it fails, the token stays in the
    /// store, so that the next run can use it.
    pub async fn sign_out(&self) -> Result<()> {
        let Signer::Portal(portal) = &self.signer else {
            return Ok(());
        };
        let transport = Redirects::new(Arc::clone(&self.parting));
        let result = portal.sign_out(&transport).await;
        result.map_err(|error| Error::sign_out(self.parting.no_token(error)))
    }

    /// Returns the id of the user in the ledger and in the token store. It does not reveal the
    /// name.
    pub fn user(&self) -> &str {
        &self.line.gate.user
    }

    /// How many requests have been sent, sign-ins and repetitions included.
    pub fn calls(&self) -> u64 {
        self.line.gate.calls() + self.parting.gate.calls()
    }

    /// Sends nothing from now on, not even what waits for its turn; calls in flight go on.
    ///
    /// Calls that were not sent fail with [`Kind::Paused`](crate::Kind::Paused).
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
            calls: self.calls(),
            windows: gate.limits.calls.iter().copied().zip(usage.calls).collect(),
            errors_left: gate.limits.errors.map(errors_left),
            in_flight: usage.in_flight,
            closed_until: usage.closed_until,
            waiting,
            next_call,
        })
    }

    /// Checks a call; nothing is sent yet.
    fn prepare(&self, endpoint: &'static Endpoint, arguments: &Map<String, Value>) -> Result<Call> {
        let base = match (endpoint.client_id, self.sign_in) {
            (None, SignIn::OAuth) => &self.auth_host,
            _ => &self.api_url,
        };
        let call = Call::new(base, endpoint, arguments)?;
        match endpoint.client_id {
            Some(client_id) if !self.sign_in.opens(client_id) => {
                Err(Error::arguments(&call.label, "belongs to another system"))
            }
            _ => Ok(call),
        }
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
                Next::SignIn => self.doubt_token(call, &failure),
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
            if self.signer.is_current(client_id, &token) {
                return Ok((Some(token), permit));
            }
            permit.give_back();
        }
        Err(Failure::stale_tokens())
    }

    async fn token(&self, client_id: &str) -> Result<Token, Failure> {
        let token = self.signer.token(client_id).await;
        token.map_err(|error| self.line.no_token(error))
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
        let (mut class, page) = page::read(call, self.line.dialect, response, token);
        let mut source = None;
        if class == Class::Token {
            // It is of no use to anyone, even if this call is not tried again.
            if let Err(error) = self.drop_token(call, token) {
                class = Class::Credentials;
                source = Some(Source::Auth(error));
            }
        }
        hops.settle(class, Some(http));
        let endpoint = call.endpoint.id;
        tracing::debug!(endpoint, http, bytes, ?class, "call answered");
        match (class, page) {
            (Class::Success | Class::Empty, Some(page)) => Ok(page),
            (class, page) => {
                let now = (self.line.gate.clock)();
                let failure = Failure::answered(class, http, &headers, page, now);
                Err(Failure { source, ..failure })
            }
        }
    }

    /// A token that was refused for certain is dropped by now; this one is old, which may be why.
    fn doubt_token(&self, call: &Call, failure: &Failure) {
        if let (Class::Access, Some(client_id), Some(token)) =
            (failure.class, call.endpoint.client_id, &failure.token)
        {
            self.signer.doubted(client_id, token);
        }
    }

    /// An error where no other token is to be had.
    fn drop_token(&self, call: &Call, token: Option<&Token>) -> auth::Result<()> {
        match (call.endpoint.client_id, token) {
            (Some(client_id), Some(token)) => self.signer.refused(client_id, token),
            _ => Ok(()),
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
