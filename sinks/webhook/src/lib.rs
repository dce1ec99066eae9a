//! The `webhook` sink: rows as signed messages to a URL, after the Standard Webhooks specification.
//!
//! The crate has no items to call. Mention it as `use fortilake_sink_webhook as _`, which links the sink into the
//! [registry](fortilake_sink::registry), and open it with a [`Spec`](fortilake_sink::Spec).
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
//! The configuration file names signing secrets by reference, as in `secrets = [{ env = "WEBHOOK_SECRET" }]`.
//! The caller resolves references before it opens the sink, which reads neither the environment nor secret files.
//! Every message is signed with all secrets, so sender and receiver can change to a new one at different times.
//!
//! # What is sent
//!
//! Every batch is divided into messages of at most `batch_rows` rows and `batch_bytes` bytes, and each is a POST:
//!
//! ```text
//! content-type: application/json
//! webhook-id: msg_20260901T120000Z-4f2a-9f86d081884c7d659a2feaa0c55ad015-0
//! webhook-timestamp: 1788264000
//! webhook-signature: v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=
//!
//! {"type":"fortilake.rows","timestamp":"2026-09-01T12:00:00Z","data":{"crawl_id":"20260901T120000Z-4f2a",
//!  "snapshot":"20260901T120000Z","table":"products","scope":"acme/products.list/account=1001",
//!  "batch":"20260901T120000Z-4f2a.51b6/acme/products.list/account=1001/products/0","slice":0,"rows":[{…},{…}]}}
//! ```
//!
//! `batch` is the batch id as the sink contract defines it: the edition of the crawl, the scope, the table, and the
//! number of the piece. `slice` counts the messages of the batch. `webhook-id` contains a digest of the batch id, and
//! the slice.
//! If the rows were read by an earlier crawl, `carried_from` is that crawl's id.
//!
//! With `events = "changes"`, only rows of the table `changes` are sent. The crawl has that table if `changes = true`
//! is set in `[history]`.
//!
//! The last message of a crawl is its `fortilake.summary`. It says whether the crawl is complete, which scopes failed,
//! and for each table how many rows there are and in how many messages.
//! It is sent after everything else has been delivered, so a receiver that waits for it never mistakes half a crawl for
//! a whole one. It has the same content each time it is sent: `finished_at` is when the newest page arrived.
//! With `envelope = "cloudevents"`, the same data is sent as `CloudEvents` 1.0 in structured mode.
//!
//! # Compression
//!
//! Bodies are not compressed by default. Many receivers verify the raw body, but the signature covers the uncompressed
//! JSON. Set `compression` for a receiver that decompresses bodies before it verifies them.
//! If the receiver refuses a compressed message with 400 or 415, the message is sent again without compression. If that
//! is accepted, this process sends all further messages without compression, too.
//!
//! # What a receiver can rely on
//!
//! Each message arrives at least once. When it is repeated, it has the same `webhook-id` and the same body; timestamp
//! and signature are new. Equal ids mean equal rows, whatever happened between two deliveries.
//! The sink remembers delivered messages across restarts and sends them again only with `resend = true`.
//! An interrupted crawl continues with the limits and the envelope that it began with.
//!
//! | response | meaning |
//! | --- | --- |
//! | 2xx, 409 | delivered |
//! | 408, 429, 5xx, no response | retried after `Retry-After`, or with exponential backoff |
//! | 410 | the receiver accepts no more messages: nothing further is sent, and the delivery of the crawl fails |
//! | anything else, redirects included | a dead letter |
//!
//! A message is given up after `attempts` attempts or `total_time`. While a receiver is down, every further message is
//! tried once. A message that was given up becomes a dead letter: a file under `dead_letters`, in a folder for the
//! destination, with the message, the cause and the beginning of the response. The other messages are still sent. At the
//! end, the delivery fails with an error that says how many dead letters there are and where.
//! To send them again, redeliver them or deliver the same crawl again. Dead letters of another URL stay where they are;
//! move them into this URL's folder to send them here.
//!
//! # Allowed destinations
//!
//! Plain HTTP is only allowed to this machine, unless `allow_http` is set.
//! Hosts in private networks are allowed: the URL comes from the configuration, and no response can change it.
//! The host name is resolved when the sink is opened, unless a proxy resolves it. Nothing is sent at that point.
//!
//! # Not supported
//!
//! Asymmetric signatures are not supported, because sender and receiver belong to the same user.
//! Retries do not go on for days, because a crawl ends; dead letters take their place.

mod answer;
mod compress;
mod config;
mod dead_letters;
mod digest;
mod encode;
mod excerpt;
mod host;
mod message;
mod outbox;
mod progress;
mod redeliver;
mod sender;
mod setup;
mod signature;
mod sink;
mod target;
mod transport;
