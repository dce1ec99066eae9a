//! Sends calls when the gate allows it.

use std::{
    error::Error as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use fortilake_auth::{
    self as auth,
    transport::{self, Kind, Request, Response, Transport, shown},
};
use tokio::time;

use crate::{
    Config, SignIn,
    class::{self, Class},
    dialect::Dialect,
    failure::Failure,
    quota::{Gate, Permit, Rules, State, Stop},
};

/// A transport that sends when the gate allows it, and does not wait for ever for the answer.
///
/// It lies below redirects and sign-ins, so that they count as the calls they are,
/// and the time that a call waits for its turn is not part of its timeout.
pub(crate) struct Line {
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) gate: Gate,
    pub(crate) timeout: Duration,
    pub(crate) dialect: Dialect,
}

/// One call that has had its turn, and the hops that redirects add to it.
///
/// The last answer is judged by whoever reads it, and its place is settled after that:
/// so what an answer says, such as that a token is no longer good, is known before the next call.
pub(crate) struct Hops<'a> {
    line: &'a Line,
    first: Mutex<Option<Permit<'a>>>,
    last: Mutex<Option<Permit<'a>>>,
}

impl Line {
    pub(crate) fn new(config: &Config, transport: Arc<dyn Transport>, rules: Rules) -> Self {
        let user = config.user();
        let gate = Gate {
            limits: config.limits(),
            lane: config.queue.lane(&user),
            user,
            ledger: Arc::clone(&config.ledger),
            clock: Arc::clone(&config.clock),
            rules,
            state: State::default(),
        };
        Self {
            transport,
            gate,
            timeout: config.timeout,
            dialect: match config.sign_in {
                SignIn::OAuth => Dialect::FortiCloud,
                SignIn::Portal { .. } | SignIn::PortalKey | SignIn::Basic => Dialect::Http,
            },
        }
    }

    /// Why there is no token, and until when nothing is sent if that is why.
    pub(crate) fn no_token(&self, error: auth::Error) -> Failure {
        let mut failure = Failure::sign_in(error, (self.gate.clock)());
        if failure.class == Class::Suspended {
            failure.pause = self.gate.last_pause();
        }
        failure
    }

    async fn exchange(&self, request: Request) -> transport::Result<Response> {
        let url = shown(&request.url);
        let answer = time::timeout(self.timeout, self.transport.send(request)).await;
        answer.unwrap_or_else(|_| {
            let message = format!("`{url}` did not answer within {:?}", self.timeout);
            Err(transport::Error::new(Kind::Timeout, message))
        })
    }

    async fn admit(&self, request: &Request) -> transport::Result<Permit<'_>> {
        self.gate.admit().await.map_err(|stop| {
            let url = shown(&request.url);
            match stop {
                Stop::Pause(_) => {
                    transport::Error::new(Kind::Paused, format!("`{url}` is not called for now"))
                }
                Stop::Ledger(error) => {
                    let cause = error.source().map(ToString::to_string).unwrap_or_default();
                    transport::Error::new(Kind::Config, format!("`{url}` is not called: {error}"))
                        .because(cause)
                }
            }
        })
    }

    fn judge(&self, answer: &transport::Result<Response>) -> (Class, Option<u16>) {
        match answer {
            Ok(response) if response.status.is_redirection() => (Class::Success, None),
            Ok(response) => {
                let http = response.status.as_u16();
                let text = str::from_utf8(&response.body).unwrap_or_default();
                let text = text.trim_start_matches('\u{feff}');
                let envelope = self.dialect.envelope(http, text, &[]);
                (class::classify(http, envelope.as_ref()), Some(http))
            }
            Err(error) => (class::unanswered(error.kind()), None),
        }
    }
}

/// For sign-ins, whose answers are small enough to be judged here as well as where they are read.
#[async_trait]
impl Transport for Line {
    async fn send(&self, request: Request) -> transport::Result<Response> {
        let permit = self.admit(&request).await?;
        let answer = self.exchange(request).await;
        let (class, http) = self.judge(&answer);
        permit.settle(class, http);
        answer
    }
}

impl<'a> Hops<'a> {
    pub(crate) fn new(line: &'a Line, permit: Permit<'a>) -> Self {
        Self {
            line,
            first: Mutex::new(Some(permit)),
            last: Mutex::default(),
        }
    }

    /// Says how the last hop has ended.
    pub(crate) fn settle(&self, class: Class, http: Option<u16>) {
        if let Some(permit) = lock(&self.last).take() {
            permit.settle(class, http);
        }
    }
}

#[async_trait]
impl Transport for Hops<'_> {
    async fn send(&self, request: Request) -> transport::Result<Response> {
        let first = lock(&self.first).take();
        let permit = if let Some(permit) = first {
            permit
        } else {
            // There is a further hop, so the last answer was a redirect.
            self.settle(Class::Success, None);
            self.line.admit(&request).await?
        };
        let answer = self.line.exchange(request).await;
        *lock(&self.last) = Some(permit);
        answer
    }
}

/// Nothing is left half done when a holder of these locks panics, so poison is of no interest.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
