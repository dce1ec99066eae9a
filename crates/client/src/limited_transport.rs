//! Sends requests once the limiter lets them through.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use fortilake_auth::{self as auth, quotable};
use fortilake_models::Dialect;
use fortilake_transport::{self as transport, Kind, Request, Response, Transport, shown};
use tokio::time;

use crate::{
    Config, Error,
    class::{self, Class},
    dialect,
    error::ErrorSource,
    failure::CallFailure,
    ledger::ErrorReason,
    limiter::{CallLimiter, Permit, Rules, State, Stop},
    pause::timestamp,
    request::Call,
    retry_after, span,
};

/// A transport that waits for the limiter before it sends, and limits how long it waits for the
/// response.
///
/// It is placed below redirects and sign-ins, so that each of their requests counts as the call
/// that it is. The time limit starts when the request is sent, not when it starts waiting for its
/// turn.
pub(crate) struct LimitedTransport {
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) limiter: CallLimiter,
    pub(crate) timeout: Duration,
    pub(crate) dialect: Dialect,
    /// Why the ledger could not be used for a sign-in, until the failure of that sign-in is
    /// handled.
    ///
    /// The sign-in's own error is only text at that point, and would be mistaken for a problem with
    /// the network or the credentials.
    uncounted: Mutex<Option<Error>>,
}

/// A call that has had its turn, together with the extra requests that redirects add to it.
///
/// The reservation of the last request is settled only after its response has been judged. So what
/// the response says, for example that a token is no longer valid, is known before the next call is
/// sent.
pub(crate) struct CallTransport<'a> {
    limited: &'a LimitedTransport,
    call: &'a Call,
    /// How many times the call was sent before, by earlier tries or by redirects.
    resends: AtomicU32,
    first: Mutex<Option<Permit<'a>>>,
    last: Mutex<Option<Permit<'a>>>,
}

impl LimitedTransport {
    pub(crate) fn new(config: &Config, transport: Arc<dyn Transport>, rules: Rules) -> Self {
        let user = config.ledger_key();
        let limiter = CallLimiter {
            limits: config.limits(),
            queue: config.queue.of_user(&user),
            user,
            ledger: Arc::clone(&config.ledger),
            clock: Arc::clone(&config.clock),
            rules,
            state: State::default(),
        };
        Self {
            transport,
            limiter,
            timeout: config.timeout,
            uncounted: Mutex::default(),
            dialect: config.sign_in.dialect(),
        }
    }

    /// Turns a failed sign-in into a failed call, with the pause or ledger error that caused it.
    pub(crate) fn no_token(&self, error: auth::Error) -> CallFailure {
        let mut failure = CallFailure::sign_in(error, (self.limiter.clock)());
        if failure.class == Class::Suspended {
            failure.pause = self.limiter.last_pause();
        }
        if let Some(error) = lock(&self.uncounted).take() {
            failure.class = Class::Uncounted;
            failure.source = Some(ErrorSource::Ledger(error.into()));
        }
        failure
    }

    async fn exchange(&self, request: Request, permit: &Permit<'_>) -> transport::Result<Response> {
        let url = shown(&request.url);
        let answer = time::timeout(self.timeout, self.transport.send(request)).await;
        let answer = answer.unwrap_or_else(|_| {
            let message = format!(
                "`{url}` did not respond within {:?}; raise `timeout` to wait longer",
                self.timeout
            );
            Err(transport::Error::new(Kind::Timeout, message))
        });
        if let Ok(response) = &answer {
            span::answered(&permit.span, response);
        }
        answer
    }

    async fn admit(&self, request: &Request) -> transport::Result<Permit<'_>> {
        self.limiter.admit().await.map_err(|stop| {
            let url = shown(&request.url);
            match stop {
                Stop::Pause(_) => transport::Error::new(
                    Kind::Paused,
                    format!("the request to `{url}` was not sent because calls are paused"),
                ),
                Stop::Ledger(error) => {
                    let message = format!("the request to `{url}` was not sent: {error}");
                    *lock(&self.uncounted) = Some(error);
                    transport::Error::new(Kind::Config, message)
                }
            }
        })
    }

    /// Closes the limiter if the response asks for it, at once, because another sign-in may
    /// already be waiting.
    async fn close_for(&self, class: Class, answer: &transport::Result<Response>) {
        let (Class::Throttled | Class::HourlyLimit | Class::ErrorLimit, Ok(response)) =
            (class, answer)
        else {
            return;
        };
        let now = (self.limiter.clock)();
        let wait = retry_after::wait(class, &response.headers, timestamp(now));
        // If this fails, the caller that needed the token closes the limiter again, and reports the
        // error.
        drop(self.limiter.close(wait).await);
    }

    fn judge(&self, answer: &transport::Result<Response>) -> (Class, Option<u16>) {
        match answer {
            Ok(response) if response.status.is_redirection() => (Class::Success, None),
            Ok(response) => {
                let http = response.status.as_u16();
                let text = str::from_utf8(&response.body).unwrap_or_default();
                let text = text.trim_start_matches('\u{feff}');
                let envelope = dialect::envelope(self.dialect, http, text, &[]);
                (class::classify(http, envelope.as_ref()), Some(http))
            }
            Err(error) => (class::unanswered(error.kind()), None),
        }
    }
}

/// Sends sign-ins. Their responses are small, so judging them here as well as in the caller is
/// cheap.
#[async_trait]
impl Transport for LimitedTransport {
    async fn send(&self, request: Request) -> transport::Result<Response> {
        let mut permit = self.admit(&request).await?;
        permit.span = span::sign_in(&request, permit.waited);
        let answer = self.exchange(request, &permit).await;
        let (class, http) = self.judge(&answer);
        self.close_for(class, &answer).await;
        // The server's message may repeat the password, so only the HTTP status is recorded.
        let message = answer.as_ref().err().map(ToString::to_string);
        let reason = ErrorReason {
            call: "the sign-in".to_owned(),
            http: answer.as_ref().ok().map(|answer| answer.status.as_u16()),
            message: message.unwrap_or_default(),
        };
        permit.settle(class, http, reason).await;
        answer
    }
}

impl<'a> CallTransport<'a> {
    /// `resends` is how many times the call was sent before.
    pub(crate) fn new(
        limited: &'a LimitedTransport,
        call: &'a Call,
        permit: Permit<'a>,
        resends: u32,
    ) -> Self {
        Self {
            limited,
            call,
            resends: resends.into(),
            first: Mutex::new(Some(permit)),
            last: Mutex::default(),
        }
    }

    /// Settles the reservation of the last request. `message` is the reason if it counts as an
    /// error.
    pub(crate) async fn settle(&self, class: Class, http: Option<u16>, message: &str) {
        let last = lock(&self.last).take();
        if let Some(permit) = last {
            let reason = ErrorReason {
                call: self.call.label.clone(),
                http,
                message: quotable(message, &[]),
            };
            permit.settle(class, http, reason).await;
        }
    }
}

#[async_trait]
impl Transport for CallTransport<'_> {
    async fn send(&self, request: Request) -> transport::Result<Response> {
        let first = lock(&self.first).take();
        let mut permit = if let Some(permit) = first {
            permit
        } else {
            // Another request follows, so the last response was a redirect.
            self.settle(Class::Success, None, "").await;
            self.limited.admit(&request).await?
        };
        let resends = self.resends.fetch_add(1, Ordering::Relaxed);
        permit.span = span::call(self.call, &request, resends, permit.waited);
        let answer = self.limited.exchange(request, &permit).await;
        *lock(&self.last) = Some(permit);
        answer
    }
}

/// Locks the mutex, even if another thread panicked while it held it. No critical section leaves
/// its data half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
