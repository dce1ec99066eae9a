//! Tests of the sink by the workbooks that it leaves.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail the test, and clippy only knows the tests themselves"
)]

mod conformance;
mod publish;
mod reader;
