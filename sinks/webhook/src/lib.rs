//! The `webhook` sink: rows as signed messages to a URL, after the Standard Webhooks specification.
//!
//! The crate has no items to call: naming it links the sink into the
//! [registry](fortilake_sink::registry), and a [`Spec`](fortilake_sink::Spec) opens it.
//!
//! ```
//! use fortilake_sink::Spec;
//! use fortilake_sink_webhook as _;
//!
//! let spec = Spec::parse("webhook:https://example.com/hook?unsigned=true&batch_rows=100")?;
//! assert_eq!(spec.options["batch_rows"], 100);
//! # Ok::<(), fortilake_sink::Error>(())
//! ```
//!
//! Secrets stand in the configuration file, as `secrets = [{ env = "WEBHOOK_SECRET" }]`.
//! Several of them all sign, so that sender and receiver need not change to a new one at the same moment.
//!
//! # What is sent
//!
//! Every batch is cut into messages of at most `batch_rows` rows and `batch_bytes` bytes, and each is a POST:
//!
//! ```text
//! content-type: application/json
//! content-encoding: gzip
//! webhook-id: msg_20260901T120000Z-4f2a-products-0-0
//! webhook-timestamp: 1788264000
//! webhook-signature: v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=
//!
//! {"type":"fortilake.rows","timestamp":"2026-09-01T12:00:00Z","data":{"crawl_id":"20260901T120000Z-4f2a",
//!  "snapshot":"20260901T120000Z","table":"products","sequence":0,"piece":0,"rows":[{…},{…}]}}
//! ```
//!
//! The last message of a crawl is its `fortilake.summary`: whether the crawl is complete, what failed, and for each
//! table its rows and the number of messages they came in.
//! It is sent when the receiver has all the rest, so whoever waits for it never takes half a snapshot for a whole one.
//! With `envelope = "cloudevents"` the same data comes as `CloudEvents` 1.0 in structured mode.
//!
//! The signature is that of the JSON, before compression.
//! Receivers behind a framework that inflates bodies verify what they see; others inflate first and verify then.
//!
//! # What a receiver can count on
//!
//! Each message comes at least once, and a repetition has the same `webhook-id` and the same body;
//! time and signature are those of the attempt.
//! What was delivered is remembered over restarts, and sent again only with `resend = true`.
//! A crawl that was interrupted goes on with the bounds and the envelope it began with.
//!
//! | answer | meaning |
//! | --- | --- |
//! | 2xx, 409 | delivered |
//! | 408, 429, 5xx, no answer | tried again after `Retry-After`, or after a pause that doubles |
//! | 410 | the receiver wants no more: nothing further is sent, and the crawl's delivery fails |
//! | anything else, redirects too | a dead letter |
//!
//! A message is given up after `attempts` tries or `total_time`, and while a receiver is down every further
//! message is tried once.
//! What was given up is kept under `dead_letters`, in a folder for the destination and a file for each message,
//! with the cause; the others go on, and at the end the delivery fails and says how many and where.
//! They are sent again by redelivery, or by delivering the same crawl again; those of another URL stay where they are,
//! and moving them into this one's folder sends them here.
//!
//! # Where it may send
//!
//! Plain HTTP goes to this machine alone, unless `allow_http` is set.
//! Hosts in private networks are allowed: whoever writes the configuration chooses them, and no answer changes the URL.
//!
//! # What is left out
//!
//! Asymmetric signatures, because both ends are the user's own.
//! Retries over days, because a crawl ends; dead letters take their place.

mod answer;
mod compress;
mod config;
mod courier;
mod encode;
mod letters;
mod message;
mod outbox;
mod progress;
mod redeliver;
mod setup;
mod signature;
mod sink;
mod source;
mod target;
mod wire;
