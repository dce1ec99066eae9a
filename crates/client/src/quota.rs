//! Keeps calls within the limits of the API.
//!
//! A sliding-window log rather than a token bucket: whatever windows the server counts in,
//! none of them ever holds more calls than allowed.
//! The server counts a call at some instant between sending it and receiving its answer.
//! So a call occupies its place from when it is sent until a window's length after its answer,
//! which covers both ends.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use fortilake_auth::transport::{self, Kind, Request, Response, Transport};
use tokio::{
    sync::Notify,
    time::{self, Instant},
};

use crate::Window;

/// What a window is longer for us than for the server, whose clock is not ours.
const MARGIN: Duration = Duration::from_millis(100);

/// Decides when the next call may go out; calls go in the order in which they ask.
#[derive(Debug)]
pub(crate) struct Gate {
    windows: Vec<Window>,
    log: Mutex<Log>,
    /// Held by whoever is next.
    turn: tokio::sync::Mutex<()>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Log {
    in_flight: usize,
    /// When answers came, oldest first, as far back as the longest window.
    answered: VecDeque<Instant>,
    total: u64,
    closed_until: Option<Instant>,
    suspended_until: Option<Instant>,
}

/// When the next call may go out.
#[derive(Debug, PartialEq)]
enum Admission {
    Now,
    At(Instant),
    /// The calls in flight alone fill a window.
    AfterAnswer,
    Suspended,
}

/// A call in flight.
#[derive(Debug)]
pub(crate) struct Permit<'a>(&'a Gate);

/// The API allows no call for longer than anybody wants to wait.
#[derive(Debug, PartialEq)]
pub(crate) struct Suspended;

impl Gate {
    pub(crate) fn new(windows: Vec<Window>) -> Self {
        Self {
            windows,
            log: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// Waits until a call fits into every window.
    ///
    /// # Cancellation
    ///
    /// A dropped future takes no place.
    pub(crate) async fn admit(&self) -> Result<Permit<'_>, Suspended> {
        let _turn = self.turn.lock().await;
        loop {
            let changed = self.changed.notified();
            match self.try_admit(Instant::now()) {
                Admission::Now => return Ok(Permit(self)),
                Admission::At(instant) => {
                    // Which of the two ends the wait does not matter: the log tells.
                    drop(time::timeout_at(instant, changed).await);
                }
                Admission::AfterAnswer => changed.await,
                Admission::Suspended => return Err(Suspended),
            }
        }
    }

    /// Lets no call out for this long, because the server has said so.
    pub(crate) fn close(&self, pause: Duration) {
        let mut log = self.log();
        log.closed_until = log.closed_until.max(Some(Instant::now() + pause));
        drop(log);
        self.changed.notify_one();
    }

    /// Refuses calls for this long, those that wait included.
    pub(crate) fn suspend(&self, pause: Duration) {
        let mut log = self.log();
        log.suspended_until = log.suspended_until.max(Some(Instant::now() + pause));
        drop(log);
        self.changed.notify_one();
    }

    /// How much longer calls are refused.
    pub(crate) fn suspension(&self) -> Option<Duration> {
        let left = self
            .log()
            .suspended_until?
            .saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    /// How many calls have been made, and how many each window holds now.
    pub(crate) fn usage(&self) -> (u64, Vec<(Window, usize)>) {
        let log = self.log();
        let now = Instant::now();
        let held = |window: &Window| (*window, log.recent(now, window).count() + log.in_flight);
        (log.total, self.windows.iter().map(held).collect())
    }

    fn try_admit(&self, now: Instant) -> Admission {
        let mut log = self.log();
        let longest = self
            .windows
            .iter()
            .map(|window| window.per)
            .max()
            .unwrap_or_default();
        while log
            .answered
            .front()
            .is_some_and(|&then| then + longest + MARGIN <= now)
        {
            log.answered.pop_front();
        }
        let admission = log.admission(now, &self.windows);
        if admission == Admission::Now {
            log.in_flight += 1;
            log.total += 1;
        }
        admission
    }

    /// Nothing is left half done when a holder of the lock panics, so poison is of no interest.
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log {
    fn admission(&self, now: Instant, windows: &[Window]) -> Admission {
        if self.suspended_until.is_some_and(|end| end > now) {
            return Admission::Suspended;
        }
        let mut earliest = self.closed_until.unwrap_or(now).max(now);
        for window in windows {
            let max = usize::try_from(window.max).unwrap_or(usize::MAX);
            if self.in_flight >= max {
                return Admission::AfterAnswer;
            }
            // With this one more, the window may hold `max`; what is too much must leave before.
            let surplus =
                (self.in_flight + 1 + self.recent(now, window).count()).saturating_sub(max);
            let last_to_leave = surplus
                .checked_sub(1)
                .and_then(|n| self.recent(now, window).nth(n));
            if let Some(answered) = last_to_leave {
                earliest = earliest.max(*answered + window.per + MARGIN);
            }
        }
        if earliest > now {
            Admission::At(earliest)
        } else {
            Admission::Now
        }
    }

    fn recent(&self, now: Instant, window: &Window) -> impl Iterator<Item = &Instant> {
        let start = self
            .answered
            .partition_point(|&then| then + window.per + MARGIN <= now);
        self.answered.range(start..)
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut log = self.0.log();
        log.in_flight -= 1;
        log.answered.push_back(Instant::now());
        drop(log);
        self.0.changed.notify_one();
    }
}

/// A transport that sends when the gate allows it, and does not wait for ever for the answer.
///
/// It lies below redirects and sign-ins, so that they count as the calls they are,
/// and the time that a call waits for its turn is not part of its timeout.
pub(crate) struct Limited {
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) timeout: Duration,
}

#[async_trait]
impl Transport for Limited {
    async fn send(&self, request: Request) -> transport::Result<Response> {
        let url = transport::shown(&request.url);
        let permit = self.gate.admit().await.map_err(|Suspended| {
            transport::Error::new(Kind::Paused, format!("`{url}` is not called for now"))
        })?;
        let answer = time::timeout(self.timeout, self.transport.send(request)).await;
        drop(permit);
        answer.unwrap_or_else(|_| {
            let message = format!("`{url}` did not answer within {:?}", self.timeout);
            Err(transport::Error::new(Kind::Timeout, message))
        })
    }
}

#[cfg(test)]
mod tests;
