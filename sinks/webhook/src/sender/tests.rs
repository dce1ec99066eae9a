//! Tests of attempts and pauses, with a paused clock and a scripted transport.

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use fortilake_sink::Secret;
use reqwest::StatusCode;

use super::*;
use crate::digest;
use crate::message::{Id, MessagePart};
use crate::transport::{Response, TransportError};

mod receiver;

/// What the scripted receiver does with one attempt.
#[derive(Clone)]
enum Act {
    Answer(u16),
    /// A status with `Retry-After`.
    Wait(u16, &'static str),
    Break,
    Hang,
}

/// An attempt as it arrived; `at` is in seconds after the start.
#[derive(Clone, Debug)]
struct Arrival {
    at: u64,
    headers: HeaderMap,
    body: Bytes,
}

/// A transport that follows its script and then answers 200.
#[derive(Clone)]
struct Script {
    acts: Arc<Mutex<VecDeque<Act>>>,
    arrivals: Arc<Mutex<Vec<Arrival>>>,
    start: Instant,
}

#[async_trait]
impl Transport for Script {
    async fn post(
        &self,
        headers: HeaderMap,
        body: Bytes,
        timeout: Duration,
    ) -> Result<Response, TransportError> {
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
            Act::Break => return Err(TransportError("the connection broke".to_owned())),
            Act::Hang => {
                time::sleep(timeout).await;
                return Err(TransportError::timeout());
            }
        };
        let status = StatusCode::from_u16(status).unwrap();
        let body = format!("{status} for `mine`\r\n").into_bytes();
        Ok(Response {
            status,
            headers,
            body,
        })
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

fn sender(acts: impl IntoIterator<Item = Act>) -> (Sender, Script) {
    let script = Script {
        acts: Arc::new(Mutex::new(acts.into_iter().collect())),
        arrivals: Arc::default(),
        start: Instant::now(),
    };
    let secret = Secret::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned());
    let sender = Sender {
        transport: Box::new(script.clone()),
        signer: Signer::new(&[secret]).unwrap(),
        headers: HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static("mine"))]),
        compression: Compression::None,
        excerpts: Excerpts::without(["mine"]),
        limits: Limits {
            timeout: Duration::from_secs(30),
            attempts: 5,
            total_time: Duration::from_mins(10),
            backoff: Duration::from_secs(2),
        },
        clock: Clock {
            now: || Timestamp::UNIX_EPOCH,
            jitter: || 1.0,
        },
        receiver: Receiver::default(),
    };
    (sender, script)
}

fn message() -> Message {
    Message {
        id: Id {
            crawl: "c".to_owned(),
            part: MessagePart::Summary {
                edition: digest::of(&[]),
            },
        },
        edition: "c.1".to_owned(),
        position: None,
        content_type: "application/json".to_owned(),
        body: Bytes::from_static(b"{}"),
        rows: 0,
        attempts: 0,
    }
}

async fn failure(sender: &Sender) -> DeliveryFailure {
    match sender.deliver(&message()).await.unwrap() {
        SendResult::Undelivered(failure) => failure,
        SendResult::Delivered { .. } => panic!("the message was delivered"),
    }
}

async fn deliver(sender: &Sender) {
    let result = sender.deliver(&message()).await.unwrap();
    assert!(matches!(result, SendResult::Delivered { .. }), "{result:?}");
}

#[tokio::test(start_paused = true)]
async fn pauses_double_and_every_attempt_has_the_same_id_and_body() {
    let (sender, script) = sender([
        Act::Answer(500),
        Act::Break,
        Act::Answer(408),
        Act::Answer(429),
    ]);
    deliver(&sender).await;
    assert_eq!(script.times(), [0, 2, 6, 14, 30]);
    let arrivals = script.arrivals.lock().unwrap();
    assert!(
        arrivals
            .iter()
            .all(|arrival| arrival.headers == arrivals[0].headers)
    );
    assert!(arrivals.iter().all(|arrival| arrival.body == "{}"));
    let header = |name: &str| arrivals[0].headers[name].to_str().unwrap();
    assert_eq!(header("webhook-id"), message().id.to_string());
    assert_eq!(header("webhook-timestamp"), "0");
    assert_eq!(header("content-type"), "application/json");
    assert_eq!(header("authorization"), "mine");
    assert!(header("webhook-signature").starts_with("v1,"));
    assert!(!arrivals[0].headers.contains_key("content-encoding"));
}

#[tokio::test(start_paused = true)]
async fn every_attempt_has_its_own_timestamp() {
    let (mut sender, script) = sender([Act::Answer(500)]);
    sender.clock.now = || {
        // The paused clock does not move between attempts, so this one counts its calls instead.
        thread_local!(static CALLS: std::cell::Cell<i64> = const { std::cell::Cell::new(0) });
        CALLS.set(CALLS.get() + 1);
        Timestamp::from_second(CALLS.get()).unwrap()
    };
    deliver(&sender).await;
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
    let (mut sender, script) = sender([Act::Answer(500), Act::Answer(500)]);
    sender.clock.jitter = || 0.0;
    deliver(&sender).await;
    assert_eq!(script.times(), [0, 1, 3]);
    let drawn: Vec<f64> = (0..100).map(|_| (Clock::default().jitter)()).collect();
    assert!(drawn.iter().all(|number| (0.0..=1.0).contains(number)));
    assert!(drawn.iter().any(|number| *number < 0.5) && drawn.iter().any(|number| *number > 0.5));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_ends_at_the_timeout() {
    let (sender, script) = sender([Act::Hang]);
    deliver(&sender).await;
    assert_eq!(script.times(), [0, 32]);
}

#[tokio::test(start_paused = true)]
async fn attempts_are_limited_and_the_last_is_not_followed_by_a_pause() {
    let (sender, script) = sender(vec![Act::Answer(503); 20]);
    let failure = failure(&sender).await;
    assert_eq!(script.times(), [0, 2, 6, 14, 30]);
    assert_eq!(script.start.elapsed().as_secs(), 30);
    assert_eq!(failure.reason, Reason::Unavailable);
    assert_eq!(failure.attempts, 5);
    assert_eq!(
        failure.cause,
        "the receiver returned 503 Service Unavailable"
    );
    let answer = failure.answer.unwrap();
    assert_eq!(answer, "503 Service Unavailable for `[secret]`");
}

#[tokio::test(start_paused = true)]
async fn the_total_time_is_limited() {
    let (mut sender, script) = sender(vec![Act::Hang; 20]);
    sender.limits.total_time = Duration::from_secs(70);
    let failure = failure(&sender).await;
    assert_eq!(script.times(), [0, 32, 66]);
    assert_eq!(failure.attempts, 3);
    assert_eq!(failure.cause, "no response within the timeout");
}

#[tokio::test(start_paused = true)]
async fn attempts_of_earlier_processes_are_added() {
    let (mut sender, _) = sender([Act::Wait(503, "1"), Act::Answer(400)]);
    sender.limits.total_time = Duration::MAX;
    let result = sender
        .deliver(&Message {
            attempts: 8,
            ..message()
        })
        .await
        .unwrap();
    let SendResult::Undelivered(failure) = result else {
        panic!("{result:?}")
    };
    assert_eq!(failure.attempts, 10);
    assert_eq!(failure.reason, Reason::Refused);
}
