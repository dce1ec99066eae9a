//! The command line as a process: what it prints, what it leaves behind, how it ends.

#![expect(
    clippy::unwrap_used,
    reason = "a helper of a test fails the test as the test itself would"
)]

mod bad_input;
mod crawl;
mod decode;
mod help;
mod preview;
mod quota;
mod resume;
mod secrets;
mod stop;
mod util;
