//! A simulator behind a network that fails, and a record of what passed through it.

use std::{
    collections::HashMap,
    future, io,
    sync::{Arc, Mutex},
    time::Duration,
};

use fortilake_simulator::Simulator;
use fortilake_transport::{
    InProcess, Transport,
    bytes::Bytes,
    http::{Request, Response, StatusCode, header},
};
use tokio::time::{self, Instant};

/// A simulator behind a network.
#[derive(Clone)]
pub(crate) struct Foreign {
    simulator: Simulator,
    habits: Habits,
    state: Arc<Mutex<State>>,
}

/// How the network treats calls.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Habits {
    /// How many of a hundred calls fail. Each call fails at most twice.
    pub(crate) failures: u64,
    /// The maximum delay of a request, and also of a response.
    pub(crate) delay: Duration,
    pub(crate) seed: u64,
}

#[derive(Debug, Default)]
struct State {
    drawn: u64,
    failed: HashMap<Bytes, u32>,
    tries: HashMap<Bytes, u32>,
    errors: Vec<Instant>,
    log: Vec<Event>,
}

/// An event on the network, in the order in which they happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// A call with this token was sent.
    Sent(String),
    /// A call with this token was answered with this status.
    Answered(String, u16),
}

impl Foreign {
    pub(crate) fn new(simulator: &Simulator, habits: Habits) -> Self {
        Self {
            simulator: simulator.clone(),
            habits,
            state: Arc::default(),
        }
    }

    pub(crate) fn transport(&self) -> Arc<dyn Transport> {
        let server = self.clone();
        Arc::new(InProcess::new(move |request| {
            let server = server.clone();
            async move { server.handle(request).await }
        }))
    }

    /// The most errors in any period of an hour, in the strictest way of counting.
    pub(crate) fn most_errors_in_an_hour(&self) -> usize {
        let errors = &self.state.lock().unwrap().errors;
        let within_an_hour = |n: usize| {
            let hour = Duration::from_hours(1);
            errors[n..]
                .iter()
                .take_while(|error| **error - errors[n] < hour)
                .count()
        };
        (0..errors.len())
            .map(within_an_hour)
            .max()
            .unwrap_or_default()
    }

    pub(crate) fn errors(&self) -> usize {
        self.state.lock().unwrap().errors.len()
    }

    /// The most times that any call was made.
    pub(crate) fn most_tries(&self) -> u32 {
        let state = self.state.lock().unwrap();
        state.tries.values().copied().max().unwrap_or_default()
    }

    pub(crate) fn log(&self) -> Vec<Event> {
        self.state.lock().unwrap().log.clone()
    }

    async fn handle(&self, request: Request<Bytes>) -> io::Result<Response<Bytes>> {
        let token = request.headers().get(header::AUTHORIZATION);
        let token = token.map_or("", |value| value.to_str().unwrap()).to_owned();
        self.record(Event::Sent(token.clone()));
        let failure = self.failure(request.body());
        self.delay().await;
        if let Some(failure) = failure {
            self.count_error();
            return fail(failure, self.draw()).await;
        }
        let answer = self.simulator.handle(request).await;
        let counts = answer
            .as_ref()
            .map_or(true, |answer| answer.status().as_u16() >= 400);
        if counts {
            self.count_error();
        }
        self.delay().await;
        if let Ok(answer) = &answer {
            self.record(Event::Answered(token, answer.status().as_u16()));
        }
        answer
    }

    /// Whether and how this call fails.
    fn failure(&self, body: &Bytes) -> Option<u64> {
        let chance = self.draw();
        let mut state = self.state.lock().unwrap();
        *state.tries.entry(body.clone()).or_default() += 1;
        let failed = state.failed.entry(body.clone()).or_default();
        if chance % 100 >= self.habits.failures || *failed >= 2 {
            return None;
        }
        *failed += 1;
        Some(chance / 100 % 6)
    }

    async fn delay(&self) {
        let most = u64::try_from(self.habits.delay.as_micros()).unwrap();
        if most > 0 {
            time::sleep(Duration::from_micros(self.draw() % most)).await;
        }
    }

    fn count_error(&self) {
        self.state.lock().unwrap().errors.push(Instant::now());
    }

    fn record(&self, event: Event) {
        self.state.lock().unwrap().log.push(event);
    }

    fn draw(&self) -> u64 {
        let mut state = self.state.lock().unwrap();
        state.drawn += 1;
        let mixed =
            (state.drawn ^ self.habits.seed.rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 20
    }
}

/// Fails in this way. No two pages are the same, because a client may take the second of two equal
/// answers for final.
async fn fail(way: u64, number: u64) -> io::Result<Response<Bytes>> {
    let page = |status: StatusCode, body: String| {
        let mut page = Response::new(Bytes::from(body));
        *page.status_mut() = status;
        Ok(page)
    };
    match way {
        0 => page(
            StatusCode::SERVICE_UNAVAILABLE,
            format!("<html>Sorry {number}</html>"),
        ),
        1 => page(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!(r#"{{"status":-1,"id":{number}}}"#),
        ),
        2 => page(StatusCode::OK, format!("<html>Maintenance {number}</html>")),
        3 => Err(io::ErrorKind::ConnectionReset.into()),
        4 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => future::pending().await,
    }
}
