//! One trait that sends an HTTP request, over the network or in process.
//!
//! [`Transport`] is the seam between what a client wants to say and how it travels.
//! [`Network`] is the real one; it is the only place in the project that knows an HTTP library,
//! and none of that library's types show.
//! [`InProcess`] hands requests to a function, such as a simulated server, so that whole crawls
//! run in virtual time and without a socket.
//!
//! Both keep the same rules: nothing travels unencrypted except to loopback, an answer larger than
//! its limit is an error before it takes the memory, and a redirect is an answer like any other.
//! [`Redirects`] follows those that are safe to follow, with the method and the body unchanged.
//!
//! What is deliberately left out: retries, limits and timeouts of whole calls.
//! They are `fortilake-client`'s, once.
//!
//! ```
//! use fortilake_transport::{InProcess, Request, Transport};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let echo = InProcess::new(async |request: http::Request<bytes::Bytes>| {
//!     Ok(http::Response::new(request.into_body()))
//! });
//! let request = Request::post("https://support.example/ES/api".parse()?, "{}");
//! assert_eq!(echo.send(request).await?.body, "{}");
//! # Ok(())
//! # }
//! ```

mod error;
mod in_process;
mod message;
mod network;
mod policy;
mod redirect;

use std::sync::Arc;

use async_trait::async_trait;

pub use crate::{
    error::{Error, Kind, Result},
    in_process::InProcess,
    message::{Request, Response, shown},
    network::{Network, NetworkConfig},
    redirect::Redirects,
};
pub use {bytes, http, url};

/// How many bytes an answer may have, uncompressed, where nothing else is configured.
pub const DEFAULT_MAX_BODY: usize = 64 * 1024 * 1024;

/// Sends one request and returns its answer, whatever its status.
///
/// An implementation sends once: it neither repeats a request nor follows a redirect.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends the request.
    ///
    /// # Cancellation
    ///
    /// A dropped future may leave a request that the other side still carries out.
    async fn send(&self, request: Request) -> Result<Response>;
}

#[async_trait]
impl<T: Transport + ?Sized> Transport for Arc<T> {
    async fn send(&self, request: Request) -> Result<Response> {
        (**self).send(request).await
    }
}
