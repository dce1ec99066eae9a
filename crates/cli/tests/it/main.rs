//! Tests that run the binary: its output, its files and its exit codes.

#![expect(
    clippy::unwrap_used,
    reason = "a helper of a test fails the test as the test itself would"
)]

mod bad_input;
mod crawl;
mod damage;
mod decode;
mod full_disk;
mod guard;
mod help;
mod kill;
mod operations;
mod preview;
mod quota;
mod recovery;
mod resume;
mod secrets;
mod stop;
mod systems;
mod util;
