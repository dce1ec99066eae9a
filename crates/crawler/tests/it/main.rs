//! Whole crawls of the simulator, in process and in virtual time.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on may say so this way"
)]

mod details;
mod faults;
mod interrupted;
mod resume;
mod truth;
mod util;
