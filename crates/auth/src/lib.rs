//! Credentials and tokens for the Fortinet APIs.
//!
//! [`OAuth`] turns the [`Credentials`] of an API user into one [`Token`] per `client_id`. It signs
//! in as rarely as possible, because every sign-in counts as a call against the user's quota, and a
//! failed one counts against a budget of ten errors an hour:
//!
//! Tokens are kept until shortly before they expire. All callers that need the same token wait for
//! one sign-in and share its result, including a failure. Refused credentials are not tried again.
//! Sign-ins run one at a time, because the server rejects concurrent sign-ins of one user.
//!
//! A [`TokenStore`] keeps tokens between runs. An expired token is refreshed if the server offers a
//! refresh token. If the server refuses to refresh, [`OAuth`] signs in with the password and does
//! not try to refresh again.
//!
//! [`Portal`] does the same for FortiPortal, which gives each user a single token that should be
//! given back at the end. [`Key`] takes the place of a token where an administrator has created an
//! API key by hand.
//!
//! All three implement [`Signer`], through which `fortilake-client` uses them.
//!
//! This crate neither retries nor waits; `fortilake-client` does both.
//!
//! ```
//! use std::sync::Arc;
//! use fortilake_auth::{Credentials, OAuth};
//! use fortilake_transport::{InProcess, http::Response};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = InProcess::new(async |_| {
//!     Ok(Response::new(r#"{"access_token": "EXAMPLEtoken", "expires_in": 3660}"#.into()))
//! });
//! let credentials = Credentials {
//!     username: "EXAMPLE-USER".to_owned(),
//!     username_origin: "variable `FORTICLOUD_USERNAME`".to_owned(),
//!     password: "EXAMPLE-PASSWORD".into(),
//!     password_origin: "variable `FORTICLOUD_PASSWORD`".to_owned(),
//! };
//! let url = "https://auth.example/api/v1/oauth/token/".parse()?;
//! let oauth = OAuth::new(Arc::new(server), url, credentials);
//! let token = oauth.token("assetmanagement").await?;
//! assert_eq!(format!("{token:?}"), "Token([secret])");
//! # Ok(())
//! # }
//! ```

mod clock;
mod credentials;
mod describe_body;
mod error;
mod key;
mod oauth;
mod portal;
mod response;
mod signer;
mod store;
#[cfg(test)]
mod testing;
mod text;
mod token;
mod tokens;

pub use crate::{
    clock::{Clock, Micros, later, real_time, system_time, until, uptime},
    credentials::Credentials,
    describe_body::describe_body,
    error::{Error, Kind, Limit, Result},
    key::{FORTIAUTHENTICATOR, Key},
    oauth::OAuth,
    portal::{FORTIPORTAL, Portal},
    signer::Signer,
    store::{StoredToken, TokenStore},
    text::{printable, printable_json, quotable},
    token::Token,
};
