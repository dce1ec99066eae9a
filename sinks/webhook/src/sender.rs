//! Delivers one message: makes attempts, pauses between them, and decides when to give up.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use fortilake_sink::{Error, Kind, Result};
use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use tokio::time::{self, Instant};
use tracing::{debug, warn};

use crate::answer::{Disposition, meaning};
use crate::compress::compress;
use crate::config::Compression;
use crate::excerpt::Excerpts;
use crate::message::Message;
use crate::signature::Signer;
use crate::transport::Transport;

/// The longest backoff between two attempts. `Retry-After` can ask for more.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// How long and how often to try to deliver a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The timeout of one attempt.
    pub(crate) timeout: Duration,
    pub(crate) attempts: u32,
    /// The time for all attempts and pauses. No attempt begins later.
    pub(crate) total_time: Duration,
    /// The first pause; each further one is twice as long.
    pub(crate) backoff: Duration,
}

/// Sources of time and randomness, which tests replace.
#[derive(Clone, Copy)]
pub(crate) struct Clock {
    pub(crate) now: fn() -> Timestamp,
    /// A random number from 0 to 1, so that many senders do not retry at the same moment.
    pub(crate) jitter: fn() -> f64,
}

impl Default for Clock {
    fn default() -> Self {
        Self {
            now: Timestamp::now,
            jitter: fastrand::f64,
        }
    }
}

/// The result of delivering a message.
#[derive(Debug)]
pub(crate) enum SendResult {
    Delivered {
        /// The size of the body after compression.
        bytes: u64,
    },
    Undelivered(DeliveryFailure),
}

/// Why a message was not delivered.
#[derive(Clone, Debug)]
pub(crate) struct DeliveryFailure {
    pub(crate) reason: Reason,
    /// The error of the last attempt.
    pub(crate) cause: String,
    /// The beginning of the body of the last response, if there was one.
    pub(crate) answer: Option<String>,
    pub(crate) attempts: u32,
}

/// What a failure means for other messages. Later variants are worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reason {
    /// The receiver could not be reached or had a temporary problem.
    Unavailable,
    /// The receiver refuses this message.
    Refused,
    /// The receiver accepts no more messages.
    Gone,
}

/// Delivers messages. What one delivery learns about the receiver applies to all others.
pub(crate) struct Sender {
    pub(crate) transport: Box<dyn Transport>,
    pub(crate) signer: Signer,
    /// The additional headers from the configuration.
    pub(crate) headers: HeaderMap,
    pub(crate) compression: Compression,
    pub(crate) excerpts: Excerpts,
    pub(crate) limits: Limits,
    pub(crate) clock: Clock,
    pub(crate) receiver: Receiver,
}

/// What this process has learned about the receiver.
#[derive(Debug, Default)]
pub(crate) struct Receiver {
    /// No request is sent before this time, because of a `Retry-After`.
    closed_until: Mutex<Option<Instant>>,
    /// Whether the receiver counts as down: a message ran out of attempts, and none was delivered since.
    ///
    /// While the receiver is down, every message gets a single attempt. With all attempts for each of thousands of
    /// messages, a crawl would wait for the same outage again and again.
    down: AtomicBool,
    gone: AtomicBool,
    /// Whether the receiver refused a compressed message and accepted the same message uncompressed.
    refuses_compression: AtomicBool,
}

/// The result of one attempt.
struct Attempt {
    meaning: Disposition,
    status: Option<StatusCode>,
    /// The beginning of the response body, if the message was not accepted.
    answer: Option<String>,
}

impl Attempt {
    /// An attempt without a response.
    fn unanswered(cause: String) -> Self {
        let wait = None;
        Self {
            meaning: Disposition::Retry { cause, wait },
            status: None,
            answer: None,
        }
    }

    /// Whether the message may have been refused because of its compression.
    ///
    /// Receivers that do not decompress bodies fail to verify or parse them (400). Some name the problem (415).
    fn may_dislike_encoding(&self) -> bool {
        let statuses = [StatusCode::BAD_REQUEST, StatusCode::UNSUPPORTED_MEDIA_TYPE];
        self.status.is_some_and(|status| statuses.contains(&status))
    }
}

impl Receiver {
    fn close(&self, until: Instant) {
        let mut closed = self
            .closed_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *closed = (*closed).max(Some(until));
    }

    /// When requests are allowed again; `None` if they are allowed now.
    fn opens(&self) -> Option<Instant> {
        let closed = self
            .closed_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        closed.filter(|&until| until > Instant::now())
    }
}

impl Sender {
    /// Tries to deliver the message until it succeeds or is given up.
    ///
    /// All attempts have the same id and body. Each has its own timestamp, and therefore its own signature, as the
    /// specification requires.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped, the receiver may or may not have got the message.
    pub(crate) async fn deliver(&self, message: &Message) -> Result<SendResult> {
        let mut encoding = self.encoding();
        let mut body = compressed(encoding, message.body.clone()).await?;
        let begin = Instant::now();
        let mut attempts = 0;
        let failed = |reason, cause, answer, attempts| {
            let attempts = message.attempts + attempts;
            Ok(SendResult::Undelivered(DeliveryFailure {
                reason,
                cause,
                answer,
                attempts,
            }))
        };
        loop {
            if self.receiver.gone.load(Ordering::Relaxed) {
                return failed(Reason::Gone, gone(), None, attempts);
            }
            if let Some(opens) = self.receiver.opens() {
                if opens.duration_since(begin) > self.limits.total_time {
                    let cause = "the receiver asked to wait longer than `total_time`";
                    return failed(Reason::Unavailable, cause.to_owned(), None, attempts);
                }
                time::sleep_until(opens).await;
                continue;
            }
            attempts += 1;
            let attempt = self.attempt(message, encoding, body.clone()).await?;
            let may_dislike_encoding = attempt.may_dislike_encoding();
            let (cause, wait) = match attempt.meaning {
                Disposition::Delivered => {
                    self.learn(encoding);
                    debug!(id = %message.id, attempts, "message delivered");
                    let bytes = body.len() as u64;
                    return Ok(SendResult::Delivered { bytes });
                }
                Disposition::Refused { .. }
                    if encoding != Compression::None && may_dislike_encoding =>
                {
                    encoding = Compression::None;
                    body = message.body.clone();
                    continue;
                }
                Disposition::Refused { cause } => {
                    return failed(Reason::Refused, cause, attempt.answer, attempts);
                }
                Disposition::Gone => {
                    self.receiver.gone.store(true, Ordering::Relaxed);
                    return failed(Reason::Gone, gone(), attempt.answer, attempts);
                }
                Disposition::Retry { cause, wait } => (cause, wait),
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
                return failed(Reason::Unavailable, cause, attempt.answer, attempts);
            }
            time::sleep(pause).await;
        }
    }

    /// The compression of the next message.
    fn encoding(&self) -> Compression {
        if self.receiver.refuses_compression.load(Ordering::Relaxed) {
            Compression::None
        } else {
            self.compression
        }
    }

    /// Remembers what a successful delivery with this encoding shows about the receiver.
    fn learn(&self, encoding: Compression) {
        self.receiver.down.store(false, Ordering::Relaxed);
        let refuses = &self.receiver.refuses_compression;
        // A refused message proves nothing about compression: it may have been refused for another reason. Only if
        // the same message is then accepted uncompressed, all others are sent uncompressed, too.
        if encoding != self.compression && !refuses.swap(true, Ordering::Relaxed) {
            warn!("the receiver refuses compressed messages; set `compression = \"none\"`");
        }
    }

    async fn attempt(
        &self,
        message: &Message,
        encoding: Compression,
        body: Bytes,
    ) -> Result<Attempt> {
        let headers = self.headers(message, encoding)?;
        let timeout = self.limits.timeout;
        Ok(match self.transport.post(headers, body, timeout).await {
            Ok(answer) => Attempt {
                meaning: meaning(answer.status, &answer.headers, (self.clock.now)()),
                status: Some(answer.status),
                answer: self.excerpts.of(&answer.body),
            },
            Err(error) => Attempt::unanswered(error.0),
        })
    }

    fn headers(&self, message: &Message, encoding: Compression) -> Result<HeaderMap> {
        let id = message.id.to_string();
        let timestamp = (self.clock.now)().as_second();
        let mut headers = self.headers.clone();
        let mut set = |name: HeaderName, value: &str| match HeaderValue::from_str(value) {
            Ok(value) => {
                headers.insert(name, value);
                Ok(())
            }
            Err(error) => {
                let text = format!("cannot set the header `{name}` of message `{id}`");
                Err(Error::new(Kind::Internal, text).with_source(error))
            }
        };
        set(header::CONTENT_TYPE, &message.content_type)?;
        match encoding {
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

    /// The pause after this many attempts: the backoff, shortened at random by up to half.
    fn pause(&self, attempts: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(attempts.saturating_sub(1));
        let longest = self
            .limits
            .backoff
            .saturating_mul(doubled)
            .min(LONGEST_PAUSE);
        longest.mul_f64(0.5 + (self.clock.jitter)() / 2.0)
    }
}

async fn compressed(encoding: Compression, body: Bytes) -> Result<Bytes> {
    if encoding == Compression::None {
        return Ok(body);
    }
    let done = tokio::task::spawn_blocking(move || compress(encoding, body)).await;
    done.unwrap_or_else(|error| {
        Err(Error::new(Kind::Internal, "the compression task failed").with_source(error))
    })
}

fn gone() -> String {
    "the receiver accepts no more messages (410 Gone)".to_owned()
}

#[cfg(test)]
mod tests;
