//! Tests of code formats.

use super::*;

#[test]
fn codes_have_groups_of_fixed_lengths() {
    let registers = |code: &str| check_registration_code(&code.into()).is_ok();
    assert!(registers("ABCDE-12345-ABCDE-12345-ABC123"));
    for wrong in [
        "",
        "ABCDE-12345-ABCDE-12345-ABC12",
        "ABCDE-12345-ABCDE-12345",
        "ABCDE-12345-ABCDE-12345-ABC123-A",
        "ABCDE-12345-ABCDE-12345-ABC12é",
        " ABCDE-12345-ABCDE-12345-ABC123",
    ] {
        assert!(!registers(wrong), "{wrong}");
    }
    assert!(check_token_license(&"ABCD-1234-ABCD-1234-ABCD".into()).is_ok());
    assert!(check_token_license(&"ABCDE-12345-ABCDE-12345-ABC123".into()).is_err());
}

#[test]
fn the_error_tells_the_form_and_not_the_code() {
    let error = check_registration_code(&"SECRET-CODE".into()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the registration code does not have the format XXXXX-XXXXX-XXXXX-XXXXX-XXXXXX"
    );
    assert!(!format!("{error:?}").contains("SECRET"));
}
