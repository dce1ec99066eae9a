//! Delivers one message: attempts, pauses, and when to give up.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use fortilake_sink::{Error, Kind, Result};
use jiff::Timestamp;
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use tokio::time::{self, Instant};
use tracing::debug;

use crate::answer::{Verdict, judge};
use crate::compress::compress;
use crate::config::Compression;
use crate::message::Message;
use crate::signature::Signer;
use crate::wire::Wire;

/// No pause of ours is longer; a receiver may ask for more.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// How long and how often a message is tried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Of one attempt.
    pub(crate) timeout: Duration,
    pub(crate) attempts: u32,
    /// Of all attempts and pauses; none begins later.
    pub(crate) total_time: Duration,
    /// The first pause; each is twice as long as the one before.
    pub(crate) backoff: Duration,
}

/// What is not ours to decide.
#[derive(Clone, Copy)]
pub(crate) struct Chance {
    pub(crate) now: fn() -> Timestamp,
    /// A number from 0 to 1, so that many senders do not come back at the same moment.
    pub(crate) jitter: fn() -> f64,
}

impl Default for Chance {
    fn default() -> Self {
        Self {
            now: Timestamp::now,
            jitter,
        }
    }
}

/// Each hasher of the standard library has another key, and nothing secret depends on it.
fn jitter() -> f64 {
    let bits = RandomState::new().hash_one(0) >> 32;
    f64::from(u32::try_from(bits).unwrap_or_default()) / f64::from(u32::MAX)
}

/// What became of a message.
#[derive(Debug)]
pub(crate) enum Fate {
    Delivered {
        /// Of the body as it was sent.
        bytes: u64,
    },
    Undelivered(Failure),
}

/// Why a message was not delivered.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) reason: Reason,
    /// What happened last.
    pub(crate) cause: String,
    pub(crate) attempts: u32,
}

/// What a failure means for other messages, from the least to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reason {
    /// The receiver was not there, or not able to.
    Unavailable,
    /// It does not want this one.
    Refused,
    /// It wants no more at all.
    Gone,
}

/// Delivers messages; what one of them learns about the receiver holds for all.
pub(crate) struct Courier {
    pub(crate) wire: Box<dyn Wire>,
    pub(crate) signer: Signer,
    /// The user's own.
    pub(crate) headers: HeaderMap,
    pub(crate) compression: Compression,
    pub(crate) limits: Limits,
    pub(crate) chance: Chance,
    pub(crate) receiver: Receiver,
}

/// What is known of the receiver.
#[derive(Debug, Default)]
pub(crate) struct Receiver {
    /// It asked not to be called before.
    closed_until: Mutex<Option<Instant>>,
    /// The last message that was given up ran out of attempts.
    ///
    /// While it is so every message has one attempt, or a receiver that is down would be waited for again and again.
    down: AtomicBool,
    gone: AtomicBool,
}

impl Receiver {
    fn close(&self, until: Instant) {
        let mut closed = self
            .closed_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *closed = (*closed).max(Some(until));
    }

    /// When it may be called, if that is not now.
    fn opens(&self) -> Option<Instant> {
        let closed = self
            .closed_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        closed.filter(|&until| until > Instant::now())
    }
}

impl Courier {
    /// Tries until the message is delivered or it is clear that it will not be.
    ///
    /// Id and body are the same with each attempt; the time and therefore the signature are those of the attempt,
    /// as the specification has it.
    ///
    /// # Cancellation
    ///
    /// A dropped delivery may have reached the receiver.
    pub(crate) async fn deliver(&self, message: &Message) -> Result<Fate> {
        let body = self.compressed(message).await?;
        let begin = Instant::now();
        let mut attempts = 0;
        let failed = |reason, cause, attempts| {
            let attempts = message.attempts + attempts;
            Ok(Fate::Undelivered(Failure {
                reason,
                cause,
                attempts,
            }))
        };
        loop {
            if self.receiver.gone.load(Ordering::Relaxed) {
                return failed(Reason::Gone, gone(), attempts);
            }
            if let Some(opens) = self.receiver.opens() {
                if opens.duration_since(begin) > self.limits.total_time {
                    let cause = "the receiver asks to wait for longer than `total_time`";
                    return failed(Reason::Unavailable, cause.to_owned(), attempts);
                }
                time::sleep_until(opens).await;
                continue;
            }
            attempts += 1;
            let (cause, wait) = match self.attempt(message, body.clone()).await? {
                Verdict::Delivered => {
                    self.receiver.down.store(false, Ordering::Relaxed);
                    debug!(id = %message.id, attempts, "message delivered");
                    let bytes = body.len() as u64;
                    return Ok(Fate::Delivered { bytes });
                }
                Verdict::Refused { cause } => return failed(Reason::Refused, cause, attempts),
                Verdict::Gone => {
                    self.receiver.gone.store(true, Ordering::Relaxed);
                    return failed(Reason::Gone, gone(), attempts);
                }
                Verdict::Again { cause, wait } => (cause, wait),
            };
            debug!(id = %message.id, attempts, cause, "message not delivered yet");
            if let Some(wait) = wait {
                self.receiver.close(Instant::now() + wait);
            }
            let pause = wait.unwrap_or_else(|| self.pause(attempts));
            let is_down = self.receiver.down.load(Ordering::Relaxed);
            let is_last = attempts >= self.limits.attempts
                || begin.elapsed() + pause > self.limits.total_time;
            if is_down || is_last {
                self.receiver.down.store(true, Ordering::Relaxed);
                return failed(Reason::Unavailable, cause, attempts);
            }
            time::sleep(pause).await;
        }
    }

    async fn attempt(&self, message: &Message, body: Bytes) -> Result<Verdict> {
        let headers = self.headers(message)?;
        let answer = time::timeout(self.limits.timeout, self.wire.post(headers, body)).await;
        let again = |cause| Verdict::Again { cause, wait: None };
        Ok(match answer {
            Ok(Ok(answer)) => judge(answer.status, &answer.headers, (self.chance.now)()),
            Ok(Err(fault)) => again(fault.0),
            Err(_) => again("there was no answer in time".to_owned()),
        })
    }

    fn headers(&self, message: &Message) -> Result<HeaderMap> {
        let id = message.id.to_string();
        let timestamp = (self.chance.now)().as_second();
        let mut headers = self.headers.clone();
        let mut set = |name: HeaderName, value: &str| match HeaderValue::from_str(value) {
            Ok(value) => {
                headers.insert(name, value);
                Ok(())
            }
            Err(error) => {
                let text = format!("message `{id}` cannot have the header `{name}`");
                Err(Error::new(Kind::Internal, text).with_source(error))
            }
        };
        set(header::CONTENT_TYPE, &message.content_type)?;
        match self.compression {
            Compression::Gzip => set(header::CONTENT_ENCODING, "gzip")?,
            Compression::Zstd => set(header::CONTENT_ENCODING, "zstd")?,
            Compression::None => {}
        }
        set(HeaderName::from_static("webhook-id"), &id)?;
        set(
            HeaderName::from_static("webhook-timestamp"),
            &timestamp.to_string(),
        )?;
        if let Some(signature) = self.signer.sign(&id, timestamp, &message.body) {
            set(HeaderName::from_static("webhook-signature"), &signature)?;
        }
        Ok(headers)
    }

    /// The pause after so many attempts: between half of it and all of it.
    fn pause(&self, attempts: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(attempts.saturating_sub(1));
        let longest = self
            .limits
            .backoff
            .saturating_mul(doubled)
            .min(LONGEST_PAUSE);
        longest.mul_f64(0.5 + (self.chance.jitter)() / 2.0)
    }

    async fn compressed(&self, message: &Message) -> Result<Bytes> {
        let (compression, body) = (self.compression, message.body.clone());
        let done = tokio::task::spawn_blocking(move || compress(compression, body)).await;
        done.unwrap_or_else(|error| {
            Err(Error::new(Kind::Internal, "the compression stopped").with_source(error))
        })
    }
}

fn gone() -> String {
    "the receiver wants no more messages (410 Gone)".to_owned()
}

#[cfg(test)]
mod tests;
