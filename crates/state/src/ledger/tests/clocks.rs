//! The system's clock is changed by any amount at any time. The limits hold, no wait is longer than
//! the longest window, and each change is reported once.

use std::{
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};

use fortilake_client::{
    Window,
    ledger::{CallOutcome, ErrorLimit, LONGEST_CLOSE, Ledger, Limits, Reservation},
};
use proptest::prelude::*;

use super::{MARGIN, SECOND, calls, granted, micros};
use crate::{
    Correction, State,
    testing::{Fixture, Wait as _},
};

const HOUR: i64 = 3600 * SECOND;
const YEAR: i64 = 365 * 24 * HOUR;
const PROCESSES: usize = 3;
/// Smaller changes are not reported.
const TOLERANCE: i64 = 2 * SECOND;

type Told = Arc<Mutex<Vec<Correction>>>;

fn open(fixture: &Fixture, told: &Told) -> State {
    let state = fixture.open();
    let told = told.clone();
    state.on_correction(Arc::new(move |one| {
        told.lock().expect("a list").push(*one);
    }));
    state
}

fn set(fixture: &Fixture, ahead: i64) {
    fixture.ahead.store(ahead, Ordering::SeqCst);
}

#[test]
fn a_run_with_a_clock_years_ahead_delays_no_later_run() {
    for ahead in [3 * HOUR, 10 * YEAR] {
        let (fixture, told, limits) = (Fixture::new(), Told::default(), calls(3, 3600));
        set(&fixture, ahead);
        super::call(&open(&fixture, &told), &limits, CallOutcome::Good);
        set(&fixture, 0);
        let state = open(&fixture, &told);
        super::call(&state, &limits, CallOutcome::Good);
        super::call(&state, &limits, CallOutcome::Good);
        // The window counts the calls of both runs.
        let full = state.reserve("acme", &limits).wait().expect("an answer");
        assert_eq!(full, Reservation::After(micros(HOUR + MARGIN)));
        let step = Correction {
            step: -ahead,
            restarted: false,
        };
        assert_eq!(*told.lock().expect("a list"), [step]);
    }
}

#[test]
fn only_steps_beyond_the_tolerance_are_told() {
    for (step, expected) in [(TOLERANCE, 0), (-TOLERANCE, 0), (TOLERANCE + 1, 1)] {
        let (fixture, told) = (Fixture::new(), Told::default());
        let state = open(&fixture, &told);
        super::call(&state, &calls(3, 60), CallOutcome::Good);
        set(&fixture, step);
        super::call(&state, &calls(3, 60), CallOutcome::Good);
        assert_eq!(told.lock().expect("a list").len(), expected, "{step}");
    }
}

#[test]
fn a_jump_ahead_while_a_run_is_under_way_frees_nothing() {
    let (fixture, told, limits) = (Fixture::new(), Told::default(), calls(2, 3600));
    let state = open(&fixture, &told);
    super::call(&state, &limits, CallOutcome::Good);
    let in_flight = granted(state.reserve("acme", &limits).wait());
    set(&fixture, 2 * HOUR);
    state
        .settle(in_flight, CallOutcome::Good, None)
        .wait()
        .expect("it settles");
    let full = Reservation::After(micros(HOUR + MARGIN));
    assert_eq!(
        state.reserve("acme", &limits).wait().expect("an answer"),
        full
    );
    // The same holds for a run that starts after the jump.
    let another = open(&fixture, &told);
    assert_eq!(
        another.reserve("acme", &limits).wait().expect("an answer"),
        full
    );
    assert_eq!(told.lock().expect("a list").len(), 1);
}

#[test]
fn a_restart_with_a_clock_behind_counts_the_entries_from_now() {
    let (fixture, told, limits) = (Fixture::new(), Told::default(), calls(1, 3600));
    super::call(&open(&fixture, &told), &limits, CallOutcome::Good);
    fixture.boots.fetch_add(1, Ordering::SeqCst);
    fixture.set(fixture.now() + 600 * SECOND);
    set(&fixture, -YEAR);
    let state = open(&fixture, &told);
    let full = state.reserve("acme", &limits).wait().expect("an answer");
    assert_eq!(full, Reservation::After(micros(HOUR + MARGIN)));
    let text = told.lock().expect("a list")[0].to_string();
    assert!(
        text.starts_with("the system clock is 364 d 23 h behind the last call"),
        "{text}"
    );
    // Setting the clock right is another change.
    set(&fixture, 0);
    state.reserve("acme", &limits).wait().expect("an answer");
    state.reserve("acme", &limits).wait().expect("an answer");
    let told = told.lock().expect("a list");
    assert_eq!(told.len(), 2);
    let text = told[1].to_string();
    let expected = "the system clock was set forward by 365 d 0 h; ";
    assert!(text.starts_with(expected), "{text}");
}

#[test]
fn a_file_of_an_older_version_from_a_clock_ahead_is_of_use() {
    let (fixture, told, limits) = (Fixture::new(), Told::default(), calls(2, 3600));
    set(&fixture, 10 * YEAR);
    let state = open(&fixture, &told);
    super::call(&state, &limits, CallOutcome::Good);
    state
        .close("acme", Duration::MAX)
        .wait()
        .expect("it closes");
    let file = rusqlite::Connection::open(state.path().expect("a file")).expect("it opens");
    file.execute("DELETE FROM clock", ()).expect("it is gone");
    drop(state);
    set(&fixture, 0);
    let state = open(&fixture, &told);
    let closed = state.reserve("acme", &limits).wait().expect("an answer");
    assert!(matches!(closed, Reservation::Spent { wait, .. } if wait <= LONGEST_CLOSE));
    fixture.set(fixture.now() + 24 * HOUR);
    granted(state.reserve("acme", &limits).wait());
    assert_eq!(told.lock().expect("a list").len(), 1);
}

#[derive(Debug, Clone)]
enum Event {
    /// Time passes, in microseconds.
    Pass(i64),
    /// From now on, the system's clock is ahead of the true time by this much.
    SetClock(i64),
    /// A process makes a call as soon as the ledger allows it.
    Call(usize, CallOutcome),
    /// A process ends, and a new one replaces it.
    Restart(usize),
    /// The machine restarts with a clock that is behind the true time by this much.
    Reboot(i64),
}

fn event() -> impl Strategy<Value = Event> {
    let outcome = prop_oneof![3 => Just(CallOutcome::Good), 1 => Just(CallOutcome::Error)];
    let step = prop_oneof![
        -10 * SECOND..10 * SECOND,
        -3 * HOUR..3 * HOUR,
        -30 * YEAR..30 * YEAR
    ];
    prop_oneof![
        3 => (0..20 * SECOND).prop_map(Event::Pass),
        1 => (0..2 * HOUR).prop_map(Event::Pass),
        2 => step.prop_map(Event::SetClock),
        10 => (0..PROCESSES, outcome).prop_map(|(process, outcome)| Event::Call(process, outcome)),
        2 => (0..PROCESSES).prop_map(Event::Restart),
        1 => (0..3 * HOUR).prop_map(Event::Reboot),
    ]
}

/// A model that runs next to the ledger: what the server counts, and which changes must be
/// reported.
struct World {
    fixture: Fixture,
    told: Told,
    states: Vec<Option<State>>,
    limits: Limits,
    longest: i64,
    /// When the server counted each call, and whether as an error.
    counted: Vec<(i64, bool)>,
    /// How far the clock was ahead when a call last looked.
    seen: i64,
    /// By how much that may be off, after a restart whose change was too small to be reported.
    slack: i64,
    /// Whether the machine was restarted since. Then the report depends on how long it was off.
    restarted: bool,
    /// The corrections that must be reported.
    expected: usize,
}

impl World {
    fn new() -> Self {
        let (fixture, told) = (Fixture::new(), Told::default());
        let limits = Limits {
            calls: vec![window(3, 60), window(12, 3600)],
            errors: Some(ErrorLimit {
                max: 5,
                per: Duration::from_hours(1),
                reserve: 2,
            }),
        };
        Self {
            states: (0..PROCESSES)
                .map(|_| Some(open(&fixture, &told)))
                .collect(),
            fixture,
            told,
            limits,
            longest: HOUR + MARGIN,
            counted: Vec::new(),
            seen: 0,
            slack: 0,
            restarted: false,
            expected: 0,
        }
    }

    fn happen(&mut self, event: &Event) {
        match *event {
            Event::Pass(micros) => self.pass(micros),
            Event::SetClock(ahead) => set(&self.fixture, ahead),
            Event::Call(process, outcome) => self.call(process, outcome),
            Event::Restart(process) => {
                self.states[process] = None;
                self.states[process] = Some(open(&self.fixture, &self.told));
            }
            Event::Reboot(behind) => {
                self.states.iter_mut().for_each(|state| *state = None);
                self.fixture.boots.fetch_add(1, Ordering::SeqCst);
                // After a restart only the clock tells how much time has passed, so it must not be
                // ahead.
                set(&self.fixture, self.seen - behind);
                for state in &mut self.states {
                    *state = Some(open(&self.fixture, &self.told));
                }
                self.restarted = true;
                self.slack = TOLERANCE;
            }
        }
    }

    fn pass(&mut self, micros: i64) {
        self.fixture.set(self.fixture.now() + micros);
    }

    fn call(&mut self, process: usize, outcome: CallOutcome) {
        let mut waited = 0;
        loop {
            let state = self.states[process].as_ref().expect("it runs");
            let answer = state
                .reserve("acme", &self.limits)
                .wait()
                .expect("an answer");
            self.look();
            let state = self.states[process].as_ref().expect("it runs");
            let wait = match answer {
                Reservation::Granted(ticket) => {
                    state
                        .settle(ticket, outcome, None)
                        .wait()
                        .expect("it settles");
                    let error = outcome == CallOutcome::Error;
                    self.counted.push((self.fixture.now(), error));
                    return;
                }
                Reservation::After(wait)
                | Reservation::AfterAnswer(wait)
                | Reservation::Spent { wait, .. } => i64::try_from(wait.as_micros()),
            };
            let wait = wait.expect("a wait that ends");
            waited += wait;
            assert!(wait > 0 && waited <= self.longest, "{wait} of {waited}");
            self.pass(wait);
        }
    }

    /// Updates the model as the ledger does when it checks the clock.
    fn look(&mut self) {
        let ahead = self.fixture.ahead.load(Ordering::SeqCst);
        let told = self.told.lock().expect("a list").len();
        let step = (self.seen - ahead).abs();
        let unsure = self.restarted || (step - TOLERANCE).abs() <= self.slack;
        let expected = if unsure {
            told.clamp(self.expected, self.expected + 1)
        } else {
            self.expected + usize::from(step > TOLERANCE)
        };
        if self.restarted || expected > self.expected {
            self.seen = ahead;
        }
        self.expected = expected;
        self.restarted = false;
        assert_eq!(told, self.expected, "reported corrections");
    }

    fn check(&self) {
        let times = |only_errors: bool| {
            let counted = self.counted.iter();
            counted
                .filter(move |&&(_, error)| error || !only_errors)
                .map(|&(at, _)| at)
                .collect::<Vec<_>>()
        };
        for window in &self.limits.calls {
            assert_window(&times(false), window.max, window.per);
        }
        if let Some(errors) = self.limits.errors {
            assert_window(&times(true), errors.usable(), errors.per);
        }
    }
}

fn window(max: u32, seconds: u64) -> Window {
    Window {
        max,
        per: Duration::from_secs(seconds),
    }
}

fn assert_window(times: &[i64], max: u32, per: Duration) {
    for (first, beyond) in times.iter().zip(times.iter().skip(max as usize)) {
        assert!(micros(beyond - first) >= per, "more than {max} in {per:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_step_of_the_clock_is_told_once_and_changes_no_limit(
        events in proptest::collection::vec(event(), 1..80),
    ) {
        let mut world = World::new();
        for event in &events {
            world.happen(event);
        }
        world.check();
    }
}
