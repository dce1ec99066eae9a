//! `cargo xtask soak`: the tests that take minutes each.

use std::process::Command;

use anyhow::{Result, ensure};

use crate::root;

/// How many cases of each property are tried; `cargo test` tries 256.
const PROPERTY_CASES: &str = "2000";

/// Tests that take longer than all others together, or that measure. A developer who changes what
/// they test runs them by hand, with `cargo test --workspace --tests -- --ignored NAME`.
const BY_HAND: [&str; 4] = [
    "mutated_descriptions_do_not_panic_for_ten_minutes",
    "a_misspelled_name_is_an_error_with_the_right_one_in_every_way",
    "the_rendered_workspace_passes_its_tests",
    "twenty_thousand_accounts_are_read_as_often_as_the_limits_allow",
];

/// Runs the tests that `cargo test` leaves out: two hundred kills, twenty thousand accounts, and
/// copies of the workspace that are changed and built.
///
/// A short form of each runs with the other tests, so what they guard is never unguarded.
pub fn run() -> Result<()> {
    let status = Command::new(env!("CARGO"))
        .args(["test", "--workspace", "--tests", "--", "--ignored"])
        // `cargo xtask interop` runs these. Excluding their package would change the features of
        // dependencies, and cargo would build everything again.
        .args(["--skip", "postgresql::"])
        .args(BY_HAND.iter().flat_map(|name| ["--skip", name]))
        .current_dir(root())
        .status()?;
    ensure!(status.success(), "a slow test failed");
    // The properties of what people write by hand, and of what vendors send, with many more cases.
    let status = Command::new(env!("CARGO"))
        .args(["test", "--workspace", "--lib", "--"])
        .args(["any_", "never_panics", "agrees_with_jiff", "read_the_same"])
        .env("PROPTEST_CASES", PROPERTY_CASES)
        .current_dir(root())
        .status()?;
    ensure!(status.success(), "a property does not hold");
    Ok(())
}
