//! Attempts and pauses, on a clock that is stopped and a wire that is scripted.

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::StatusCode;
use secrecy::SecretString;

use super::*;
use crate::message::{Id, Place};
use crate::wire::{Answer, Fault};

mod receiver;

/// What the receiver does with one attempt.
#[derive(Clone)]
enum Act {
    Answer(u16),
    /// A status with `Retry-After`.
    Wait(u16, &'static str),
    Break,
    Hang,
}

/// An attempt as it arrived, and how many seconds after the start.
#[derive(Clone, Debug)]
struct Arrival {
    at: u64,
    headers: HeaderMap,
    body: Bytes,
}

/// A wire that follows its script and then answers 200.
#[derive(Clone)]
struct Script {
    acts: Arc<Mutex<VecDeque<Act>>>,
    arrivals: Arc<Mutex<Vec<Arrival>>>,
    start: Instant,
}

#[async_trait]
impl Wire for Script {
    async fn post(&self, headers: HeaderMap, body: Bytes) -> Result<Answer, Fault> {
        let at = self.start.elapsed().as_secs();
        self.arrivals
            .lock()
            .unwrap()
            .push(Arrival { at, headers, body });
        let act = self
            .acts
            .lock()
            .unwrap()
            .pop_front()
            .unwrap_or(Act::Answer(200));
        let mut headers = HeaderMap::new();
        let status = match act {
            Act::Answer(status) => status,
            Act::Wait(status, wait) => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static(wait));
                status
            }
            Act::Break => return Err(Fault("the connection broke".to_owned())),
            Act::Hang => std::future::pending().await,
        };
        let status = StatusCode::from_u16(status).unwrap();
        Ok(Answer { status, headers })
    }
}

impl Script {
    fn times(&self) -> Vec<u64> {
        self.arrivals
            .lock()
            .unwrap()
            .iter()
            .map(|arrival| arrival.at)
            .collect()
    }
}

fn courier(acts: impl IntoIterator<Item = Act>) -> (Courier, Script) {
    let script = Script {
        acts: Arc::new(Mutex::new(acts.into_iter().collect())),
        arrivals: Arc::default(),
        start: Instant::now(),
    };
    let secret = SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let courier = Courier {
        wire: Box::new(script.clone()),
        signer: Signer::new(&[secret]).unwrap(),
        headers: HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static("mine"))]),
        compression: Compression::None,
        limits: Limits {
            timeout: Duration::from_secs(30),
            attempts: 5,
            total_time: Duration::from_mins(10),
            backoff: Duration::from_secs(2),
        },
        chance: Chance {
            now: || Timestamp::UNIX_EPOCH,
            jitter: || 1.0,
        },
        receiver: Receiver::default(),
    };
    (courier, script)
}

fn message() -> Message {
    Message {
        id: Id {
            crawl: "c".to_owned(),
            place: Place::Summary,
        },
        content_type: "application/json".to_owned(),
        body: Bytes::from_static(b"{}"),
        rows: 0,
        attempts: 0,
    }
}

async fn failure(courier: &Courier) -> Failure {
    match courier.deliver(&message()).await.unwrap() {
        Fate::Undelivered(failure) => failure,
        Fate::Delivered { .. } => panic!("the message was delivered"),
    }
}

async fn deliver(courier: &Courier) {
    let fate = courier.deliver(&message()).await.unwrap();
    assert!(matches!(fate, Fate::Delivered { .. }), "{fate:?}");
}

#[tokio::test(start_paused = true)]
async fn pauses_double_and_every_attempt_has_the_same_id_and_body() {
    let (courier, script) = courier([
        Act::Answer(500),
        Act::Break,
        Act::Answer(408),
        Act::Answer(429),
    ]);
    deliver(&courier).await;
    assert_eq!(script.times(), [0, 2, 6, 14, 30]);
    let arrivals = script.arrivals.lock().unwrap();
    assert!(
        arrivals
            .iter()
            .all(|arrival| arrival.headers == arrivals[0].headers)
    );
    assert!(arrivals.iter().all(|arrival| arrival.body == "{}"));
    let header = |name: &str| arrivals[0].headers[name].to_str().unwrap();
    assert_eq!(header("webhook-id"), "msg_c-summary");
    assert_eq!(header("webhook-timestamp"), "0");
    assert_eq!(header("content-type"), "application/json");
    assert_eq!(header("authorization"), "mine");
    assert!(header("webhook-signature").starts_with("v1,"));
    assert!(!arrivals[0].headers.contains_key("content-encoding"));
}

#[tokio::test(start_paused = true)]
async fn the_time_of_a_message_is_that_of_its_attempt() {
    let (mut courier, script) = courier([Act::Answer(500)]);
    courier.chance.now = || {
        // The test's own thread has its own paused clock; any that moves will do.
        thread_local!(static CALLS: std::cell::Cell<i64> = const { std::cell::Cell::new(0) });
        CALLS.set(CALLS.get() + 1);
        Timestamp::from_second(CALLS.get()).unwrap()
    };
    deliver(&courier).await;
    let arrivals = script.arrivals.lock().unwrap();
    let [first, second] = &arrivals[..] else {
        panic!("{arrivals:?}")
    };
    for name in ["webhook-timestamp", "webhook-signature"] {
        assert_ne!(first.headers[name], second.headers[name]);
    }
    assert_eq!(first.headers["webhook-id"], second.headers["webhook-id"]);
}

#[tokio::test(start_paused = true)]
async fn jitter_shortens_a_pause_by_half_at_most() {
    let (mut courier, script) = courier([Act::Answer(500), Act::Answer(500)]);
    courier.chance.jitter = || 0.0;
    deliver(&courier).await;
    assert_eq!(script.times(), [0, 1, 3]);
    let drawn: Vec<f64> = (0..100).map(|_| jitter()).collect();
    assert!(drawn.iter().all(|number| (0.0..=1.0).contains(number)));
    assert!(drawn.iter().any(|number| *number < 0.5) && drawn.iter().any(|number| *number > 0.5));
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_hangs_is_waited_for_as_long_as_the_timeout() {
    let (courier, script) = courier([Act::Hang]);
    deliver(&courier).await;
    assert_eq!(script.times(), [0, 32]);
}

#[tokio::test(start_paused = true)]
async fn attempts_are_bounded_and_nobody_waits_after_the_last() {
    let (courier, script) = courier(vec![Act::Answer(503); 20]);
    let failure = failure(&courier).await;
    assert_eq!(script.times(), [0, 2, 6, 14, 30]);
    assert_eq!(script.start.elapsed().as_secs(), 30);
    assert_eq!(failure.reason, Reason::Unavailable);
    assert_eq!(failure.attempts, 5);
    assert_eq!(failure.cause, "the answer was 503 Service Unavailable");
}

#[tokio::test(start_paused = true)]
async fn the_total_time_is_bounded() {
    let (mut courier, script) = courier(vec![Act::Hang; 20]);
    courier.limits.total_time = Duration::from_secs(70);
    let failure = failure(&courier).await;
    assert_eq!(script.times(), [0, 32, 66]);
    assert_eq!(failure.attempts, 3);
    assert_eq!(failure.cause, "there was no answer in time");
}

#[tokio::test(start_paused = true)]
async fn attempts_of_earlier_processes_are_counted_in() {
    let (mut courier, _) = courier([Act::Wait(503, "1"), Act::Answer(400)]);
    courier.limits.total_time = Duration::MAX;
    let fate = courier
        .deliver(&Message {
            attempts: 8,
            ..message()
        })
        .await
        .unwrap();
    let Fate::Undelivered(failure) = fate else {
        panic!("{fate:?}")
    };
    assert_eq!(failure.attempts, 10);
    assert_eq!(failure.reason, Reason::Refused);
}
