//! One trait that sends an HTTP request, over the network or in process.
//!
//! [`Transport`] separates what a client sends from how it gets there. [`Network`] sends over the
//! network. It is the only code in the project that knows the HTTP library, and none of that
//! library's types are part of this crate's API. [`InProcess`] passes requests to a function, such
//! as a simulated server, so that whole crawls can run in virtual time and without sockets.
//!
//! Both follow the same rules: nothing is sent unencrypted except to loopback addresses, a response
//! larger than its limit is an error before it uses up the memory, and a redirect is a response
//! like any other. [`Redirects`] follows the redirects that are safe, with the method and the body
//! unchanged.
//!
//! Retries, limits and the timeouts of whole calls are deliberately not part of this crate; they
//! belong to `fortilake-client`, so that they exist only once.
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
    policy::check_encrypted,
    redirect::Redirects,
};
pub use {bytes, http, url};

/// The default for the maximum size of a response, uncompressed, in bytes.
pub const DEFAULT_MAX_BODY: usize = 64 * 1024 * 1024;

/// Sends a request and returns its response, whatever the status.
///
/// An implementation sends each request once: it neither retries nor follows redirects.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends the request.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped, the server may still carry out the request.
    async fn send(&self, request: Request) -> Result<Response>;
}

#[async_trait]
impl<T: Transport + ?Sized> Transport for Arc<T> {
    async fn send(&self, request: Request) -> Result<Response> {
        (**self).send(request).await
    }
}
