//! The forms of the codes that licenses are redeemed by.

use fortilake_auth::models::Secret;

use crate::{Error, Result};

/// Checks the form of a registration code: 5-5-5-5-6 letters and digits.
///
/// The error does not quote it.
pub fn check_registration_code(code: &Secret) -> Result<()> {
    check("the registration code", code, &[5, 5, 5, 5, 6])
}

/// Checks the form of a license for `FortiToken` Mobile: 4-4-4-4-4 letters and digits.
///
/// The error does not quote it.
pub fn check_token_license(license: &Secret) -> Result<()> {
    check("the license", license, &[4; 5])
}

fn check(what: &str, code: &Secret, lengths: &[usize]) -> Result<()> {
    let groups = || code.expose().split('-');
    let plain = groups().all(|group| group.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    if plain && groups().map(str::len).eq(lengths.iter().copied()) {
        return Ok(());
    }
    let form: Vec<String> = lengths.iter().map(|length| "X".repeat(*length)).collect();
    let reason = format!("is not of the form {}", form.join("-"));
    Err(Error::arguments(what, &reason))
}

#[cfg(test)]
mod tests;
