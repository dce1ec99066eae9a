//! The simulator as its clients see it.

#![expect(
    clippy::unwrap_used,
    reason = "a helper of a test fails the test as the test itself would"
)]

mod client;
mod crawl;
mod faults;
mod organization;
mod paging;
mod port;
mod preset;
mod quirks;
mod quota;
mod shapes;
mod sign_in;
mod writes;
