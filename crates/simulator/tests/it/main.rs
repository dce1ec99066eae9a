//! Tests of the simulator from a client's point of view.

#![expect(
    clippy::unwrap_used,
    reason = "a helper of a test fails the test as the test itself would"
)]

mod authenticator;
mod client;
mod columns;
mod crawl;
mod days;
mod faults;
mod flex;
mod index;
mod neighbors;
mod organization;
mod paging;
mod port;
mod portal;
mod preset;
mod quirks;
mod quota;
mod registration;
mod shapes;
mod sign_in;
mod writes;
