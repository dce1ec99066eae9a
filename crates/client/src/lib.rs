//! Typed calls to the Fortinet APIs: sign-in, limits, retries, error classes.
//!
//! [`Client`] makes one call at a time as well as it can be made: it gets a token, waits for its
//! turn within the limits of the API, sends, judges the answer, and tries again where that helps.
//! [`Client::fetch`] returns the answer as text for the journal, and the secrets in it are gone
//! before anyone sees it.
//! [`Client::call`] returns it as a type, in which a license that was asked for is a
//! [`Secret`](models::Secret); the caller's own token is gone here too.
//!
//! A [`Config`] says which system it is: FortiCloud, where everything below was learned,
//! a FortiPortal, or a FortiAuthenticator. Those two say in the HTTP status how a call went, and
//! have no limits that anybody knows; FortiPortal wants its token back at the end, which
//! [`Client::sign_out`] does.
//!
//! Calls are scarce, and errors are the scarcest: ten an hour.
//! That shaped what is tried again: what may succeed later, up to three times;
//! what failed for its token, once; nothing else, and a write never.
//!
//! Both are counted in a [`Ledger`](ledger::Ledger) that all who call as the same user can share.
//! A call goes out at the first instant at which it fits, and one that no answer has come for
//! counts as if it failed; so neither limit is ever exceeded.
//! Where that means a pause, [`Error::pause`] says until when.
//!
//! What it leaves out: it knows no tables, no paging and no order of calls,
//! and the ledger that comes with it lives as long as the process.
//!
//! ```
//! use std::sync::Arc;
//! use fortilake_client::{
//!     Client, Config, Jitter,
//!     auth::Credentials,
//!     models::{Access, Endpoint, Location, Parameter},
//!     transport::{InProcess, http::Response},
//! };
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
//! );
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = InProcess::new(async |request: fortilake_client::transport::http::Request<_>| {
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
mod line;
pub mod operations;
mod page;
mod pause;
mod queue;
mod quota;
mod request;
mod retry;
mod retry_after;
mod scrub;
mod signer;
mod typed;

pub use crate::{
    client::{Client, Usage},
    config::{Config, Retries, SignIn, Window},
    envelope::{Envelope, Fault, Status},
    error::{Error, Kind, Result},
    page::Page,
    pause::{OnWait, Pause, Reason, Waiting},
    queue::Queue,
    retry::Jitter,
};
pub use fortilake_auth::{self as auth, models, transport};
