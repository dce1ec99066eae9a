//! Remembers which connections have answered before.

use std::{
    collections::HashSet,
    net::SocketAddr,
    sync::{Mutex, PoisonError},
};

use hyper_util::client::legacy::{self, connect::HttpInfo};

use super::fault;

/// The record is cleared when it reaches this size. A forgotten connection then counts as a new
/// one.
const MAX: usize = 4096;

/// The local addresses of connections that have answered a request.
///
/// The HTTP library doesn't say whether it used a kept connection, but it does name the addresses
/// of a connection that broke. If the system reuses a port, a new connection may look like a kept
/// one. Then one more broken request is not counted as an error, which is harmless.
#[derive(Debug, Default)]
pub(super) struct UsedConnections(Mutex<HashSet<SocketAddr>>);

impl UsedConnections {
    /// Records that a connection has answered.
    pub(super) fn note(&self, answer: &reqwest::Response) {
        let Some(info) = answer.extensions().get::<HttpInfo>() else {
            return;
        };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX {
            known.clear();
        }
        known.insert(info.local_addr());
    }

    /// Whether the connection that broke had answered an earlier request.
    pub(super) fn has(&self, error: &reqwest::Error) -> bool {
        let broken = fault::chain(error).find_map(|error| error.downcast_ref::<legacy::Error>());
        let Some(connected) = broken.and_then(legacy::Error::connect_info) else {
            return false;
        };
        let mut extensions = http::Extensions::new();
        connected.get_extras(&mut extensions);
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let info = extensions.get::<HttpInfo>();
        info.is_some_and(|info| known.contains(&info.local_addr()))
    }
}
