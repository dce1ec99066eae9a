//! Tests of the network transport with real sockets on loopback.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod connect;
mod exchange;
mod pinned;
mod server;
mod tls;

use std::time::Duration;

use fortilake_transport::{Error, Network, NetworkConfig, Request, Response, Transport};

/// A configuration for tests. Its time limits only matter if something is broken.
fn config() -> NetworkConfig {
    NetworkConfig {
        connect_timeout: Duration::from_secs(30),
        ..NetworkConfig::default()
    }
}

/// Posts `ping` to this URL.
async fn ping(config: NetworkConfig, url: &str) -> Result<Response, Error> {
    let network = Network::new(config)?;
    network
        .send(Request::post(url.parse().unwrap(), "ping"))
        .await
}

/// Returns the error and its causes on one line.
fn chain(error: &Error) -> String {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    format!("{error}: {}", cause.unwrap_or_default())
}
