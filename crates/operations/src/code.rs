//! The format of license codes.

use fortilake_models::Secret;

use fortilake_client::{Error, Result};

/// Checks the format of a registration code: 5-5-5-5-6 letters and digits.
///
/// The error does not contain the code.
pub fn check_registration_code(code: &Secret) -> Result<()> {
    check("the registration code", code, &[5, 5, 5, 5, 6])
}

/// Checks the format of a `FortiToken` Mobile license: 4-4-4-4-4 letters and digits.
///
/// The error does not contain the license.
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
    let reason = format!("does not have the format {}", form.join("-"));
    Err(Error::arguments(what, &reason))
}

#[cfg(test)]
mod tests;
