//! Credentials and tokens for the Fortinet APIs.
//!
//! [`OAuth`] turns the [`Credentials`] of an API user into a [`Token`] per `client_id`.
//! It signs in as rarely as can be, because every sign-in is a call of the user's quota and a
//! failed one an error of a budget of ten an hour:
//! tokens are kept until shortly before they end, any number of callers wait for one sign-in
//! and share its failure, and credentials that were refused are not tried again.
//!
//! A [`TokenStore`] keeps tokens between runs, and a token that ends is refreshed where the server
//! offers that; where it refuses, the password is used, and refreshing is not tried again.
//!
//! [`Portal`] does the same for the one token that FortiPortal gives a user, which is given back in
//! the end, and [`Key`] is what takes the place of a token where somebody has made one by hand.
//!
//! What the crate leaves out: it neither retries nor waits; `fortilake-client` does both.
//!
//! ```
//! use std::sync::Arc;
//! use fortilake_auth::{Credentials, OAuth, transport::{InProcess, http::Response}};
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

mod answer;
mod clock;
mod credentials;
mod error;
mod key;
mod oauth;
mod portal;
mod store;
#[cfg(test)]
mod testing;
mod text;
mod token;
mod tokens;

pub use crate::{
    clock::{Clock, Micros, later, real_time, until},
    credentials::Credentials,
    error::{Error, Kind, Limit, Result},
    key::{FORTIAUTHENTICATOR, Key},
    oauth::OAuth,
    portal::{FORTIPORTAL, Portal},
    store::{StoredToken, TokenStore},
    text::quotable,
    token::Token,
};
pub use {fortilake_models as models, fortilake_transport as transport};
