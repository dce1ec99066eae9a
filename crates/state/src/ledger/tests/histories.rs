//! Random histories of several processes in virtual time, compared with a simple model of the
//! server.

use std::{collections::BTreeMap, sync::atomic::Ordering, time::Duration};

use fortilake_client::{
    Window,
    ledger::{CallOutcome, ErrorLimit, Ledger, Limits, Reservation, Ticket},
};
use proptest::prelude::*;

use super::{MARGIN, SECOND};
use crate::{
    State,
    testing::{Fixture, Wait as _},
};

const PROCESSES: usize = 3;

#[derive(Debug, Clone)]
enum Event {
    /// Time passes, in microseconds.
    Pass(i64),
    /// The system's clock is changed by this many microseconds, but no time passes.
    SetClock(i64),
    /// A process reserves a call.
    Reserve(usize),
    /// A process waits as long as the ledger says, and tries again.
    ReserveWhenItFits(usize),
    /// One of the calls in flight is answered.
    Settle(usize, CallOutcome),
    /// A process dies, and a new one replaces it.
    Restart(usize),
}

fn event() -> impl Strategy<Value = Event> {
    let process = 0..PROCESSES;
    let outcome = prop_oneof![
        6 => Just(CallOutcome::Good),
        2 => Just(CallOutcome::Error),
        1 => Just(CallOutcome::Unsent),
    ];
    prop_oneof![
        4 => (0..3 * SECOND).prop_map(Event::Pass),
        1 => (-30 * SECOND..30 * SECOND).prop_map(Event::SetClock),
        8 => process.clone().prop_map(Event::Reserve),
        3 => process.clone().prop_map(Event::ReserveWhenItFits),
        8 => (any::<usize>(), outcome).prop_map(|(call, outcome)| Event::Settle(call, outcome)),
        1 => process.prop_map(Event::Restart),
    ]
}

fn limits() -> impl Strategy<Value = Limits> {
    let window = |max: u32, per: std::ops::Range<u64>| {
        (1..=max, per).prop_map(|(max, per)| Window {
            max,
            per: Duration::from_millis(per),
        })
    };
    let calls = (window(4, 500..5_000), window(12, 5_000..40_000));
    let errors = proptest::option::of((1_u32..5, 0_u32..2, 5_000_u64..60_000));
    (calls, errors).prop_map(|((short, long), errors)| Limits {
        calls: vec![short, long],
        errors: errors.map(|(usable, reserve, per)| ErrorLimit {
            max: usable + reserve,
            per: Duration::from_millis(per),
            reserve,
        }),
    })
}

/// A call as the server and a simple model of the ledger see it.
#[derive(Debug, Clone, Copy)]
struct Call {
    process: usize,
    state: Progress,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Progress {
    InFlight,
    /// Its process has died, but no other process has noticed yet. The time is when the server
    /// finished the call.
    Dead(i64),
    Answered {
        /// The true time, until which the server may have counted it.
        truly: i64,
        /// The time of the ledger's entry.
        at: i64,
        error: bool,
    },
}

/// The true history, and the answers that the ledger must give.
struct World {
    fixture: Fixture,
    states: Vec<Option<State>>,
    limits: Limits,
    calls: BTreeMap<i64, Call>,
    /// The true time, which the ledger uses too.
    time: i64,
}

impl World {
    fn new(limits: Limits, fixture: Fixture) -> Self {
        Self {
            states: (0..PROCESSES).map(|_| Some(fixture.open())).collect(),
            time: fixture.now(),
            calls: BTreeMap::new(),
            limits,
            fixture,
        }
    }

    fn state(&self, process: usize) -> &State {
        self.states[process].as_ref().expect("it runs")
    }

    fn now(&self) -> i64 {
        self.fixture.now()
    }

    fn pass(&mut self, micros: i64) {
        self.time += micros;
        self.fixture.time.fetch_add(micros, Ordering::SeqCst);
    }

    fn happen(&mut self, event: &Event) {
        match *event {
            Event::Pass(micros) => self.pass(micros),
            Event::SetClock(micros) => {
                self.fixture.ahead.fetch_add(micros, Ordering::SeqCst);
            }
            Event::Reserve(process) => {
                self.reserve(process);
            }
            Event::ReserveWhenItFits(process) => {
                if let Some(instant) = self.reserve(process) {
                    self.pass(instant - self.now());
                    self.reserve(process);
                }
            }
            Event::Settle(call, outcome) => self.settle(call, outcome),
            Event::Restart(process) => self.restart(process),
        }
    }

    /// Reserves a call and checks the ledger's answer. Returns when to try again.
    fn reserve(&mut self, process: usize) -> Option<i64> {
        let answer = self
            .state(process)
            .reserve("acme", &self.limits)
            .wait()
            .expect("an answer");
        let foreign = self.calls.values().any(|call| {
            call.process != process && call.is_in_flight()
                || matches!(call.state, Progress::Dead(_))
        });
        if !self.fits(self.now()) && foreign {
            self.find_the_dead();
        }
        let now = self.now();
        assert_eq!(
            matches!(answer, Reservation::Granted(_)),
            self.fits(now),
            "{answer:?}"
        );
        let instant = match answer {
            Reservation::Granted(ticket) => {
                self.grant(ticket, process);
                return None;
            }
            Reservation::After(wait) => {
                let instant = now + micros(wait);
                assert!(self.windows_fit(instant), "the ledger's wait is too short");
                instant
            }
            Reservation::AfterAnswer(wait) => {
                assert!(
                    self.in_flight() > 0,
                    "there is no call in flight to wait for"
                );
                now + micros(wait)
            }
            Reservation::Spent { wait, .. } => now + micros(wait),
        };
        assert!(instant > now, "the ledger's wait is zero");
        assert!(!self.fits(instant - 1), "the ledger's wait is too long");
        Some(instant)
    }

    fn grant(&mut self, ticket: Ticket, process: usize) {
        // The new call is one too many if the server may already have counted a full window of
        // calls before now, whenever it counts the new one.
        for window in &self.limits.calls {
            let others = self.calls.values().filter(|call| {
                let until = call.counted_until();
                until.is_none_or(|until| until + micros(window.per) > self.time)
            });
            assert!(
                others.count() < window.max as usize,
                "too many calls in {window:?}"
            );
        }
        if let Some(limit) = self.limits.errors {
            let errors = self.calls.values().filter(|call| {
                let until = call.counted_until();
                call.may_be_an_error()
                    && until.is_none_or(|until| until + micros(limit.per) > self.time)
            });
            assert!(
                errors.count() < limit.usable() as usize,
                "too many errors in {limit:?}"
            );
        }
        let state = Progress::InFlight;
        self.calls.insert(ticket.0, Call { process, state });
    }

    fn settle(&mut self, call: usize, outcome: CallOutcome) {
        let mut in_flight = self.calls.iter().filter(|(_, call)| call.is_in_flight());
        let count = in_flight.clone().count();
        if count == 0 {
            return;
        }
        let (&ticket, &Call { process, .. }) = in_flight.nth(call % count).expect("it exists");
        self.state(process)
            .settle(Ticket(ticket), outcome, None)
            .wait()
            .expect("it settles");
        if outcome == CallOutcome::Unsent {
            self.calls.remove(&ticket);
        } else {
            self.answered(ticket, self.time, outcome == CallOutcome::Error);
        }
    }

    fn answered(&mut self, ticket: i64, truly: i64, error: bool) {
        let state = Progress::Answered {
            truly,
            at: self.now(),
            error,
        };
        self.calls
            .entry(ticket)
            .and_modify(|call| call.state = state);
    }

    fn restart(&mut self, process: usize) {
        self.states[process] = None;
        for call in self.calls.values_mut() {
            if call.process == process && call.is_in_flight() {
                call.state = Progress::Dead(self.time);
            }
        }
        self.states[process] = Some(self.fixture.open());
        self.find_the_dead();
    }

    fn find_the_dead(&mut self) {
        let dead: Vec<_> = self
            .calls
            .iter()
            .filter_map(|(&ticket, call)| match call.state {
                Progress::Dead(truly) => Some((ticket, truly)),
                _ => None,
            })
            .collect();
        let failing = self.held(self.now(), Duration::from_hours(1), |error| error) > 0;
        for (ticket, truly) in dead {
            self.answered(ticket, truly, failing);
        }
    }

    fn in_flight(&self) -> usize {
        let calls = self.calls.values();
        calls
            .filter(|call| !matches!(call.state, Progress::Answered { .. }))
            .count()
    }

    fn fits(&self, now: i64) -> bool {
        let errors_fit = self.limits.errors.is_none_or(|limit| {
            let errors = self.held(now, limit.per, |error| error);
            errors + self.in_flight() < limit.usable() as usize
        });
        errors_fit && self.windows_fit(now)
    }

    fn windows_fit(&self, now: i64) -> bool {
        self.limits.calls.iter().all(|window| {
            self.held(now, window.per, |_| true) + self.in_flight() < window.max as usize
        })
    }

    fn held(&self, now: i64, per: Duration, counts: impl Fn(bool) -> bool) -> usize {
        let calls = self.calls.values().filter(|call| match call.state {
            Progress::Answered { at, error, .. } => {
                counts(error) && at + micros(per) + MARGIN > now
            }
            _ => false,
        });
        calls.count()
    }
}

impl Call {
    fn is_in_flight(&self) -> bool {
        self.state == Progress::InFlight
    }

    /// The last time at which the server may have counted the call; `None` if it still may.
    fn counted_until(&self) -> Option<i64> {
        match self.state {
            Progress::InFlight => None,
            Progress::Dead(truly) | Progress::Answered { truly, .. } => Some(truly),
        }
    }

    fn may_be_an_error(&self) -> bool {
        !matches!(self.state, Progress::Answered { error: false, .. })
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).expect("a short duration")
}

/// Lets the events happen and checks every answer of the ledger.
fn check(fixture: Fixture, limits: Limits, events: &[Event]) {
    let mut world = World::new(limits, fixture);
    for event in events {
        world.happen(event);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_window_is_exceeded_and_no_call_is_late(
        limits in limits(),
        events in proptest::collection::vec(event(), 1..150),
    ) {
        check(Fixture::new(), limits, &events);
    }
}

#[cfg(all(feature = "postgres", unix))]
mod postgresql {
    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        #[ignore = "needs PostgreSQL: cargo xtask interop"]
        fn no_window_is_exceeded_and_no_call_is_late(
            limits in limits(),
            events in proptest::collection::vec(event(), 1..150),
        ) {
            check(Fixture::in_postgres(), limits, &events);
        }
    }
}
