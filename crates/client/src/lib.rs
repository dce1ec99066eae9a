//! Typed calls to the Fortinet APIs: sign-in, limits, retries, error classes.
//!
//! [`Client`] makes a single call as reliably as possible: it gets a token, waits for its turn
//! within the limits of the API, sends the request, classifies the response, and retries where that
//! helps. [`Client::fetch`] returns the response as text for the journal, with all secrets removed.
//! [`Client::call`] returns it as a typed response, in which a license that was asked for is a
//! [`Secret`](fortilake_models::Secret); the caller's own token is removed here too.
//!
//! A [`Config`] says which system to call: FortiCloud, for which everything below was designed, a
//! FortiPortal, or a FortiAuthenticator. The latter two report in the HTTP status whether a call
//! succeeded, and have no known limits. FortiPortal should get its token back at the end;
//! [`Client::sign_out`] does that.
//!
//! Calls are scarce, and errors even more so: FortiCloud allows ten an hour. Therefore only the
//! following is retried: temporary failures, up to three tries, unless the same complete response
//! comes twice; and calls refused because of their token, with up to three new tokens. A write that
//! may have been carried out is never sent again. Requests that never reach the API cost neither a
//! call nor an error.
//!
//! Calls and errors are counted in a [`Ledger`](ledger::Ledger) that all clients of the same user
//! can share. A call is sent as soon as it fits, and a call without a response yet counts as if it
//! had failed, so neither limit is ever exceeded. If that means a pause, [`Error::pause`] says how
//! long.
//!
//! This crate knows nothing about tables, paging or the order of calls, and the ledger that it
//! contains lives only as long as the process.
//!
//! ```
//! use std::sync::Arc;
//! use fortilake_auth::Credentials;
//! use fortilake_client::{Client, Config, Jitter};
//! use fortilake_models::{Access, Dialect, Endpoint, Location, Parameter};
//! use fortilake_transport::{InProcess, http::{Request, Response}};
//! use serde_json::json;
//!
//! static ACCOUNTS: Endpoint = Endpoint::new(
//!     "accounts/list", "IAM V1 Accounts", "POST", "/ES/api/iam/v1/accounts/list", Some("iam"),
//!     Access::Read, "Lists the accounts of a unit.",
//!     &[Parameter {
//!         name: "parentId", location: Location::Body, required: true,
//!         json_type: "integer", doc: "The unit.",
//!     }],
//!     None,
//! ).of_system("forticloud", Dialect::Body);
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = InProcess::new(async |request: Request<_>| {
//!     Ok(Response::new(if request.uri().path().contains("oauth") {
//!         r#"{"access_token": "EXAMPLEtoken", "expires_in": 3660}"#.into()
//!     } else {
//!         r#"{"status": 0, "token": "EXAMPLEtoken", "accounts": []}"#.into()
//!     }))
//! });
//! let credentials = Credentials {
//!     username: "EXAMPLE-USER".to_owned(),
//!     username_origin: "variable `FORTICLOUD_USERNAME`".to_owned(),
//!     password: "EXAMPLE-PASSWORD".into(),
//!     password_origin: "variable `FORTICLOUD_PASSWORD`".to_owned(),
//! };
//! let client = Client::new(Config::new(credentials), Arc::new(server), Jitter::random())?;
//! let arguments = json!({"parentId": 2100014}).as_object().cloned().unwrap_or_default();
//! let page = client.fetch(&ACCOUNTS, &arguments).await?;
//! assert_eq!(page.body, r#"{"status": 0,  "accounts": []}"#);
//! # Ok(())
//! # }
//! ```

mod breaker;
mod class;
mod client;
mod config;
mod dialect;
mod envelope;
mod error;
mod failure;
pub mod ledger;
mod limited_transport;
mod limiter;
mod page;
mod past_error;
mod pause;
mod queue;
mod request;
mod retry;
mod retry_after;
mod scrub;
mod signer;
mod span;
mod tries;
mod typed;

pub use crate::{
    client::{Client, Usage},
    config::{Config, DEFAULT_TIMEOUT, SignIn},
    envelope::{Envelope, EnvelopeError, Status},
    error::{Error, Kind, Result},
    ledger::Window,
    page::Page,
    past_error::LastErrors,
    pause::{OnWait, Pause, Reason, Waiting},
    queue::Queue,
    retry::{Jitter, RetryPolicy},
    tries::Tries,
};
