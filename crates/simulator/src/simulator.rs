//! The simulator itself: takes a call, and returns a response or a fault.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{fmt, io};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use serde_json::Value;
use tokio::time::Instant;

use crate::answered::Answered;
use crate::changes::Change;
use crate::faults::Script;
use crate::forticloud::envelope::{ErrorMember, PageFaults, Reply};
use crate::incoming::Incoming;
use crate::json::Object;
use crate::quota::{ExceededLimit, QuotaUsage};
use crate::random::{Stream, draw};
use crate::rewrite::rewrite;
use crate::scenario::{Action, QuotaAnswer, Scenario};
use crate::systems::Systems;
use crate::truth::Truth;

/// A simulated tenant. Clones share its state.
///
/// It uses tokio's clock, so with paused time, a day of windows and expiring tokens passes
/// instantly.
#[derive(Clone)]
pub struct Simulator(Arc<Inner>);

struct Inner {
    scenario: Scenario,
    start: Instant,
    systems: Systems,
    /// What each user has used of the limits. Calls without a known user are counted together.
    usage: Mutex<HashMap<Option<String>, QuotaUsage>>,
    script: Mutex<Script>,
    calls: Mutex<Vec<Call>>,
}

/// A call as the server received it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Call {
    /// When the call arrived, counted from the creation of the simulator.
    pub at: Duration,
    /// The path as it was sent.
    pub path: String,
    /// The arguments, with secrets removed: from the body, or from the query if there is no body.
    /// Null if they can't be parsed.
    pub arguments: Value,
    /// The HTTP status of the response, or `None` if the connection broke or no response was given.
    pub http_status: Option<u16>,
    /// The `status` of the envelope, or its code for `FortiPortal`, if the response has an
    /// envelope.
    pub body_status: Option<i64>,
}

/// The response to a call.
#[derive(Debug)]
pub(crate) enum SimulatedResponse {
    Whole(Response<Bytes>),
    /// A response whose body ends in the middle.
    Cut(Response<Bytes>),
    Flood(u64),
    Reset,
    Silence,
}

impl Simulator {
    /// Creates a tenant.
    pub fn new(scenario: Scenario) -> Self {
        let start = Instant::now();
        Self(Arc::new(Inner {
            start,
            systems: Systems::new(&scenario, start),
            usage: Mutex::default(),
            script: Mutex::new(Script::new(&scenario)),
            calls: Mutex::new(Vec::new()),
            scenario,
        }))
    }

    /// Answers a call in process.
    ///
    /// # Errors
    ///
    /// Network faults are returned as errors: `ConnectionReset` for a reset, `UnexpectedEof` for a
    /// cut body.
    ///
    /// # Cancellation
    ///
    /// A call takes effect when it is first polled: from then on, it counts, and a write has
    /// happened.
    pub async fn handle(&self, request: Request<Bytes>) -> io::Result<Response<Bytes>> {
        match self.answer(request).await {
            SimulatedResponse::Whole(response) => Ok(response),
            SimulatedResponse::Flood(bytes) => {
                let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
                Ok(flooded(Bytes::from(vec![b'['; bytes])))
            }
            SimulatedResponse::Cut(_) => Err(io::ErrorKind::UnexpectedEof.into()),
            SimulatedResponse::Reset => Err(io::ErrorKind::ConnectionReset.into()),
            SimulatedResponse::Silence => std::future::pending().await,
        }
    }

    /// Returns what the published tables must contain for the tenant's current data.
    pub fn truth(&self) -> Truth {
        self.0.systems.truth()
    }

    /// Returns what happened to the tenant from day 1 to the scenario's day, in order. Later calls that write are not
    /// included.
    pub fn changes(&self) -> &[Change] {
        self.0.systems.forticloud.changes()
    }

    /// Returns all calls so far, in order of arrival.
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.0.calls).clone()
    }

    /// Answers a call, and takes the simulated time for it.
    pub(crate) async fn answer(&self, request: Request<Bytes>) -> SimulatedResponse {
        let incoming = Incoming::read(request);
        let now = Instant::now();
        let (answer, delay) = self.0.decide(&incoming, now);
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        answer
    }
}

impl fmt::Debug for Simulator {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // These credentials are not real, but printing credentials would still be a bad habit.
        formatter.debug_struct("Simulator").finish_non_exhaustive()
    }
}

impl Inner {
    /// Decides everything about a call when it arrives. Only the response is delayed.
    fn decide(&self, incoming: &Incoming, now: Instant) -> (SimulatedResponse, Duration) {
        // All decisions are made here, before the simulated delay. Otherwise the result of a call
        // would depend on how the delays of concurrent calls interleave.
        let limited = Systems::is_limited(incoming);
        let user = self.systems.forticloud.user_of(incoming);
        // The limits are checked before faults, so a refused call does not use up a fault that a
        // test expects later.
        let allowed = if limited {
            self.with_usage(user.clone(), |usage| usage.call(now))
        } else {
            Ok(())
        };
        let (counts, decided) = match allowed {
            Ok(()) => {
                let action = lock(&self.script).next(incoming);
                let decided = self.act(action, incoming, now);
                (limited && decided.is_error(), decided)
            }
            Err(exceeded) => (exceeded.counts, self.throttled(&exceeded, incoming).into()),
        };
        if counts {
            self.with_usage(user, |usage| usage.error(now));
        }
        let number = self.remember(incoming, &decided, now);
        (decided.answer, decided.delay + self.latency(number))
    }

    fn with_usage<T>(&self, user: Option<String>, count: impl FnOnce(&mut QuotaUsage) -> T) -> T {
        let mut all = lock(&self.usage);
        let fresh = || QuotaUsage::new(self.scenario.quota.clone(), self.start);
        count(all.entry(user).or_insert_with(fresh))
    }

    /// Records a call and returns its number.
    fn remember(&self, incoming: &Incoming, decided: &Decided, now: Instant) -> u64 {
        let call = Call {
            at: now.saturating_duration_since(self.start),
            path: incoming.path.clone(),
            arguments: incoming.arguments.clone(),
            http_status: match &decided.answer {
                SimulatedResponse::Whole(response) => Some(response.status().as_u16()),
                SimulatedResponse::Flood(_) => Some(200),
                // The client got no status, so the log shows none, even if the service carried the
                // call out.
                SimulatedResponse::Cut(_)
                | SimulatedResponse::Reset
                | SimulatedResponse::Silence => None,
            },
            body_status: decided.status,
        };
        tracing::debug!(
            path = call.path,
            http = call.http_status,
            status = call.body_status,
            "call handled"
        );
        let mut calls = lock(&self.calls);
        calls.push(call);
        calls.len() as u64
    }

    fn latency(&self, number: u64) -> Duration {
        let spread = u64::try_from(self.scenario.latency_spread.as_nanos()).unwrap_or(u64::MAX);
        let part = match spread {
            0 => 0,
            _ => draw(self.scenario.seed, Stream::Latency, number) % spread,
        };
        self.scenario.latency + Duration::from_nanos(part)
    }

    fn throttled(&self, exceeded: &ExceededLimit, incoming: &Incoming) -> Answered {
        let quota = &self.scenario.quota;
        let status = quota.status.unwrap_or(exceeded.status);
        let reply = envelope(
            if quota.answer == QuotaAnswer::Http {
                429
            } else {
                200
            },
            status,
            exceeded.message,
        );
        let mut answered = self.systems.forticloud.envelope(&reply, incoming);
        if quota.retry_after && quota.answer == QuotaAnswer::Http {
            // Rounded up, so that a client that waits exactly this long is let in.
            let seconds = exceeded.wait.as_millis().div_ceil(1000).max(1);
            answered = answered.header(header::RETRY_AFTER, &seconds.to_string());
        }
        answered
    }

    /// Returns the response, with a fault applied if there is one.
    fn act(&self, action: Option<Action>, incoming: &Incoming, now: Instant) -> Decided {
        let mut page_faults = PageFaults::default();
        let mut delay = Duration::ZERO;
        let cut = action == Some(Action::CutBody);
        let mut rewritten = None;
        match action {
            None | Some(Action::CutBody) => {}
            Some(
                change @ (Action::RenameMember { .. }
                | Action::SetMember { .. }
                | Action::Replace { .. }
                | Action::HttpStatus { .. }),
            ) => rewritten = Some(change),
            Some(Action::Delay { by }) => delay = by,
            Some(Action::RevokeTokens) => self.systems.revoke_tokens(incoming),
            Some(Action::Vanish) => self.systems.forticloud.vanish(incoming.account()),
            Some(Action::Appear) => self.systems.forticloud.appear(incoming.account()),
            Some(Action::RepeatPage) => page_faults.repeat_page = true,
            Some(Action::DropRows { rows }) => page_faults.drop_rows = rows,
            Some(Action::TotalPages { total_pages }) => page_faults.total_pages = Some(total_pages),
            Some(instead) => return self.replaced(instead, incoming),
        }
        let mut decided: Decided = self.systems.answer(incoming, page_faults, now).into();
        decided.delay = delay;
        match (decided.answer, rewritten) {
            (SimulatedResponse::Whole(response), _) if cut => {
                SimulatedResponse::Cut(response).into()
            }
            (SimulatedResponse::Whole(response), Some(change)) => Decided {
                answer: SimulatedResponse::Whole(rewrite(&change, response)),
                status: decided.status,
                delay: decided.delay,
            },
            (answer, _) => Decided {
                answer,
                status: decided.status,
                delay: decided.delay,
            },
        }
    }

    /// Returns the response of a fault that prevents the service from answering.
    fn replaced(&self, action: Action, incoming: &Incoming) -> Decided {
        match action {
            Action::Http {
                status,
                body,
                retry_after,
            } => SimulatedResponse::Whole(page(status, body, retry_after.as_deref())).into(),
            Action::Html { status } => {
                let body = "<!DOCTYPE html><html><body><h1>Service Unavailable</h1></body></html>";
                SimulatedResponse::Whole(page(status, body.to_owned(), None)).into()
            }
            Action::Redirect { status, location } => {
                SimulatedResponse::Whole(redirect(status, &location)).into()
            }
            Action::Status {
                status,
                code,
                message,
                http,
            } => {
                let mut reply = envelope(http, status, &message);
                reply.error = Some(ErrorMember { code, message });
                self.systems.failure(&reply, incoming).into()
            }
            Action::Reset => SimulatedResponse::Reset.into(),
            Action::Silence => SimulatedResponse::Silence.into(),
            Action::Flood { bytes } => SimulatedResponse::Flood(bytes).into(),
            // All remaining faults change the service's own response; only the refusal is answered
            // here.
            _ => self.systems.denied(incoming).into(),
        }
    }
}

/// The decision about a call.
struct Decided {
    answer: SimulatedResponse,
    status: Option<i64>,
    delay: Duration,
}

impl Decided {
    /// Whether the service would count this as an error. A broken connection has no response, so it
    /// is not counted.
    fn is_error(&self) -> bool {
        match &self.answer {
            SimulatedResponse::Whole(response) => {
                response.status().as_u16() >= 400 || !matches!(self.status, None | Some(0 | 1008))
            }
            SimulatedResponse::Cut(_)
            | SimulatedResponse::Flood(_)
            | SimulatedResponse::Reset
            | SimulatedResponse::Silence => false,
        }
    }
}

impl From<SimulatedResponse> for Decided {
    fn from(answer: SimulatedResponse) -> Self {
        Self {
            answer,
            status: None,
            delay: Duration::ZERO,
        }
    }
}

impl From<Answered> for Decided {
    fn from(answered: Answered) -> Self {
        Self {
            status: answered.status,
            ..SimulatedResponse::Whole(answered.response).into()
        }
    }
}

/// Locks the mutex, even if another thread panicked while it held it. That thread's test has
/// already failed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn envelope(http: u16, status: i64, message: &str) -> Reply {
    Reply {
        http,
        status,
        error: Some(ErrorMember {
            code: None,
            message: message.to_owned(),
        }),
        message: message.to_owned(),
        payload: Object::new(),
    }
}

fn page(status: u16, body: String, retry_after: Option<&str>) -> Response<Bytes> {
    let kind = match body.trim_start().chars().next() {
        Some('<') => "text/html; charset=utf-8",
        Some('{') => "application/json",
        _ => "text/plain; charset=utf-8",
    };
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Some(Ok(wait)) = retry_after.map(HeaderValue::from_str) {
        headers.insert(header::RETRY_AFTER, wait);
    }
    response
}

fn redirect(status: u16, location: &str) -> Response<Bytes> {
    let mut response = page(status, String::new(), None);
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// The head of a flood, whether its body is streamed or in memory.
pub(crate) fn flooded<B>(body: B) -> Response<B> {
    let mut response = Response::new(body);
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
