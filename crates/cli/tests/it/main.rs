//! The command line as a process: what it prints, what it leaves behind, how it ends.

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
