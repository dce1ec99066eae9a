//! Tests of the tasks.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod arguments;
mod behavior;
mod copy;
mod diff;
mod editions;
mod endpoints;
mod errors;
#[allow(
    dead_code,
    reason = "most of it is here to be compiled and nothing else"
)]
#[expect(unreachable_pub, reason = "as written for a library")]
mod expected;
mod fresh;
mod garbage;
mod golden;
mod guides;
mod habits;
mod new_field;
mod new_sink;
mod odd_names;
mod rendered;
mod swagger;
mod unmatched;
mod upgrade;
