//! Whole crawls of the simulator, in process and in virtual time.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot continue should panic"
)]

mod carry;
mod changes;
mod details;
mod ending;
mod faults;
mod flex;
mod identity;
mod interrupted;
mod order;
mod permanent;
mod proof;
mod resume;
mod rolling;
mod tokens;
mod truth;
mod users;
mod util;
mod values;
