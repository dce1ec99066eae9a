//! Keeps calls within the limits of the API and of the run.

mod place;
#[cfg(test)]
mod tests;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use fortilake_auth::{Clock, Micros, later, until};
use tokio::time;
use tracing::Span;

use self::place::LedgerPlace;
use crate::{
    Error, OnWait, Pause, Reason, Result, Waiting,
    breaker::{self, Breaker, BreakerDecision},
    class::Class,
    ledger::{CallOutcome, ErrorReason, Ledger, LedgerUsage, Limits},
    pause::timestamp,
    queue::{QueueTurn, UserQueue},
    span::{self, Wait},
};

/// How often a waiting call reports that it waits.
///
/// It is also the longest sleep before the ledger is asked again: while the machine is suspended,
/// tokio's clock stands still, but the windows move on.
const HEARTBEAT: Duration = Duration::from_mins(1);

/// A wait for a window that is too short to report.
const BRIEF: Duration = Duration::from_secs(2);

/// Decides when the next call may be sent.
pub(crate) struct CallLimiter {
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) user: String,
    pub(crate) limits: Limits,
    pub(crate) clock: Clock,
    pub(crate) queue: Arc<UserQueue>,
    pub(crate) rules: Rules,
    pub(crate) state: State,
}

/// The run's own limits, and what to do when the API's limits are reached.
#[derive(Default)]
pub(crate) struct Rules {
    pub(crate) waiting: Waiting,
    pub(crate) on_wait: Option<OnWait>,
    pub(crate) max_calls: Option<u64>,
    /// The calls that `max_calls` limits, of all clients that share it.
    pub(crate) call_count: Arc<AtomicU64>,
    pub(crate) deadline: Option<Micros>,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    calls: AtomicU64,
    stopped: AtomicBool,
    breaker: Mutex<Breaker>,
    /// The most recent pause that a call failed with.
    last_pause: Mutex<Option<Pause>>,
}

/// Why a call was not let through.
#[derive(Debug)]
pub(crate) enum Stop {
    Pause(Pause),
    /// The ledger failed, so it is unknown how many calls have been made.
    Ledger(Error),
}

/// What keeps the next call from being sent now.
struct Obstacle {
    /// When to check again.
    until: Micros,
    kind: ObstacleKind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ObstacleKind {
    /// A call in flight, which may be answered at any time.
    Answer,
    /// A full window.
    Window,
    /// Something that takes longer.
    Pause(Reason),
}

/// Permission to send a call. From then on, it represents the call in flight.
///
/// A permit that is dropped counts as an error, because the outcome of its call is unknown.
pub(crate) struct Permit<'a> {
    limiter: &'a CallLimiter,
    /// `None` once it is settled.
    place: Option<LedgerPlace>,
    decision: BreakerDecision,
    /// How long the call waited for this permit.
    pub(crate) waited: Wait,
    /// The span of the request that is sent with this permit.
    pub(crate) span: Span,
}

impl CallLimiter {
    /// Waits until a call fits into all limits.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped, no place is taken.
    pub(crate) async fn admit(&self) -> Result<Permit<'_>, Stop> {
        let began = time::Instant::now();
        let mut reason = None;
        let turn = self.queue.turn().await;
        let mut beat = Micros::MIN;
        loop {
            let obstacle = match self.ask().await.map_err(Stop::Ledger)? {
                Ok(mut permit) => {
                    let length = began.elapsed();
                    permit.waited = Wait { length, reason };
                    return Ok(permit);
                }
                Err(obstacle) => obstacle,
            };
            reason = obstacle.kind.reason().or(reason);
            let now = (self.clock)();
            if let Some(pause) = self.pause(&obstacle, now) {
                *lock(&self.state.last_pause) = Some(pause);
                return Err(Stop::Pause(pause));
            }
            if let Some(reason) = obstacle.worth_telling(now)
                && beat <= now
            {
                beat = later(now, HEARTBEAT);
                self.tell(Pause {
                    resume_at: obstacle.until,
                    reason,
                });
            }
            self.wait(&turn, &obstacle, now).await;
        }
    }

    /// Stops all calls for `wait`, because the server asked for it.
    pub(crate) async fn close(&self, wait: Duration) -> Result<()> {
        self.ledger.close(&self.user, wait).await?;
        self.queue.wake();
        Ok(())
    }

    /// Stops all further calls, including those that wait.
    pub(crate) fn stop(&self) {
        self.state.stopped.store(true, Ordering::Relaxed);
        self.queue.wake();
    }

    /// Whether all further calls are stopped.
    pub(crate) fn is_stopped(&self) -> bool {
        self.state.stopped.load(Ordering::Relaxed)
    }

    /// Records that a call got no response after all its tries. Returns a pause if that opened the
    /// breaker.
    pub(crate) fn call_failed(&self) -> Option<Pause> {
        let now = (self.clock)();
        let mut breaker = lock(&self.state.breaker);
        breaker.call_failed(now);
        let BreakerDecision::At(resume_at) = breaker.decide(now) else {
            return None;
        };
        let reason = Reason::Failures;
        Some(Pause { resume_at, reason })
    }

    /// Returns the most recent pause. A failed sign-in needs it, because its error no longer says
    /// until when calls pause.
    pub(crate) fn last_pause(&self) -> Option<Pause> {
        *lock(&self.state.last_pause)
    }

    pub(crate) async fn usage(&self) -> Result<LedgerUsage> {
        self.ledger.usage(&self.user, &self.limits).await
    }

    /// Returns how many calls have been sent.
    pub(crate) fn calls(&self) -> u64 {
        self.state.calls.load(Ordering::Relaxed)
    }

    /// Takes a place in all limits if there is one. Only the first in the queue may ask, so that no
    /// later call overtakes it.
    async fn ask(&self) -> Result<Result<Permit<'_>, Obstacle>> {
        if let Err(obstacle) = self.own_rules() {
            return Ok(Err(obstacle));
        }
        let reserved =
            LedgerPlace::reserve(&self.ledger, &self.queue, &self.user, &self.limits).await?;
        let now = (self.clock)();
        Ok(match reserved {
            // The run may have been stopped, or the service found to be down, while the ledger was
            // asked. Then the place is dropped here, which gives it back.
            Ok(place) => self
                .own_rules()
                .and_then(|decision| self.permit(place, decision)),
            Err((wait, kind)) => Err(Obstacle {
                until: later(now, wait),
                kind,
            }),
        })
    }

    /// Checks everything but the ledger.
    fn own_rules(&self) -> Result<BreakerDecision, Obstacle> {
        let now = (self.clock)();
        let obstacle = |until, kind| Err(Obstacle { until, kind });
        let pause = |until, reason| obstacle(until, ObstacleKind::Pause(reason));
        if self.is_stopped() {
            return pause(now, Reason::Stopped);
        }
        let made = self.rules.call_count.load(Ordering::Relaxed);
        if self.rules.max_calls.is_some_and(|max| made >= max) {
            return pause(now, Reason::MaxCalls);
        }
        if self.rules.deadline.is_some_and(|deadline| deadline <= now) {
            return pause(now, Reason::Deadline);
        }
        let decision = lock(&self.state.breaker).decide(now);
        match decision {
            BreakerDecision::At(until) => pause(until, Reason::Failures),
            BreakerDecision::AfterProbe => obstacle(Micros::MAX, ObstacleKind::Answer),
            BreakerDecision::Free | BreakerDecision::Probe => Ok(decision),
        }
    }

    fn permit(
        &self,
        mut place: LedgerPlace,
        decision: BreakerDecision,
    ) -> Result<Permit<'_>, Obstacle> {
        let max = self.rules.max_calls.unwrap_or(u64::MAX);
        let count = &self.rules.call_count;
        // Checked once more, because another client may have made the last call meanwhile.
        let one_more = |made| (made < max).then_some(made + 1);
        if count
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more)
            .is_err()
        {
            return Err(Obstacle {
                until: (self.clock)(),
                kind: ObstacleKind::Pause(Reason::MaxCalls),
            });
        }
        place.send();
        self.state.calls.fetch_add(1, Ordering::Relaxed);
        if decision == BreakerDecision::Probe {
            lock(&self.state.breaker).probe();
        }
        Ok(Permit {
            limiter: self,
            place: Some(place),
            decision,
            waited: Wait::default(),
            span: Span::none(),
        })
    }

    /// Returns a pause if the call should fail instead of waiting for this obstacle.
    fn pause(&self, obstacle: &Obstacle, now: Micros) -> Option<Pause> {
        let resume_at = obstacle.until;
        let too_late = self
            .rules
            .deadline
            .is_some_and(|deadline| deadline <= resume_at);
        let reason = match (obstacle.kind, self.rules.waiting) {
            // These do not go away by waiting.
            (
                ObstacleKind::Pause(
                    reason @ (Reason::Stopped | Reason::MaxCalls | Reason::Deadline),
                ),
                _,
            ) => reason,
            (ObstacleKind::Answer, _) => return None,
            (kind, Waiting::Pause { longer_than }) if until(now, resume_at) > longer_than => {
                kind.reason()?
            }
            _ if too_late => Reason::Deadline,
            _ => return None,
        };
        Some(Pause { resume_at, reason })
    }

    fn tell(&self, pause: Pause) {
        let Pause { resume_at, reason } = pause;
        let resume_at = timestamp(resume_at);
        tracing::info!(%resume_at, %reason, "waiting");
        if let Some(on_wait) = &self.rules.on_wait {
            on_wait(pause);
        }
    }

    /// Waits until it makes sense to check again.
    async fn wait(&self, turn: &QueueTurn<'_>, obstacle: &Obstacle, now: Micros) {
        let mut end = obstacle.until.min(later(now, HEARTBEAT));
        if let Some(deadline) = self.rules.deadline {
            end = end.min(deadline);
        }
        let known = obstacle.kind != ObstacleKind::Answer;
        let next = known.then_some(obstacle.until);
        // It doesn't matter whether the time or a change ended the wait: the caller asks the ledger
        // next.
        drop(time::timeout(until(now, end), turn.change(next)).await);
    }
}

impl Obstacle {
    /// Returns the reason for the wait if it is long enough to be reported.
    fn worth_telling(&self, now: Micros) -> Option<Reason> {
        let reason = self.kind.reason()?;
        let brief = self.kind == ObstacleKind::Window && until(now, self.until) <= BRIEF;
        (!brief).then_some(reason)
    }
}

impl ObstacleKind {
    fn reason(self) -> Option<Reason> {
        match self {
            Self::Answer => None,
            Self::Window => Some(Reason::Calls),
            Self::Pause(reason) => Some(reason),
        }
    }
}

impl Permit<'_> {
    /// Settles the call with its outcome.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped once it has been polled, the call is settled nevertheless.
    pub(crate) async fn settle(mut self, class: Class, http: Option<u16>, reason: ErrorReason) {
        span::ended(&self.span, class, &reason);
        let outcome = class.outcome(http);
        if let Some(place) = self.end(outcome, Some(class)) {
            place.settle(outcome, Some(reason)).await;
        }
    }

    /// Gives the place back, because nothing was sent.
    pub(crate) async fn give_back(mut self) {
        if let Some(place) = self.end(CallOutcome::Unsent, None) {
            place.settle(CallOutcome::Unsent, None).await;
        }
    }

    /// Ends the call for everything but the ledger, and returns the place that is left to settle.
    fn end(&mut self, outcome: CallOutcome, class: Option<Class>) -> Option<LedgerPlace> {
        let place = self.place.take()?;
        if outcome == CallOutcome::Unsent {
            self.limiter.state.calls.fetch_sub(1, Ordering::Relaxed);
            let count = &self.limiter.rules.call_count;
            count.fetch_sub(1, Ordering::Relaxed);
        }
        self.tell_breaker(outcome, class, (self.limiter.clock)());
        Some(place)
    }

    fn tell_breaker(&self, outcome: CallOutcome, class: Option<Class>, now: Micros) {
        let mut breaker = lock(&self.limiter.state.breaker);
        match (class, self.decision) {
            // Neither a kept connection that broke nor a call without an outcome says anything
            // about the service, so another call may test it at once.
            (Some(Class::Stale) | None, BreakerDecision::Probe) => breaker.probe_failed(now),
            (Some(Class::Stale), _) => {}
            (Some(class), _) if outcome != CallOutcome::Unsent && class != Class::Transient => {
                breaker.answered();
            }
            (Some(_), BreakerDecision::Probe) => breaker.probe_failed(breaker::rest_until(now)),
            _ => {}
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        drop(self.end(CallOutcome::Error, None));
    }
}

/// Locks the mutex, even if another thread panicked while it held it. No critical section leaves
/// its data half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
