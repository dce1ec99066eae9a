//! Tests of addresses.

use super::*;

fn check(country: &str, state: &str, phone: &str) -> Result<(), String> {
    let text = |text: &str| Some(text.to_owned());
    let location = LocationInput {
        country_code: text(country),
        state_or_province: text(state),
        phone: text(phone),
        ..LocationInput::default()
    };
    check_location(&location).map_err(|error| error.to_string())
}

#[test]
fn the_country_is_one_that_there_is() {
    assert_eq!(COUNTRIES.split(' ').count(), 249);
    assert!(check("DE", "Hessen", "").is_ok());
    for wrong in ["", "de", "DEU", "XX", "UK", "D", "DE DJ"] {
        let error = check(wrong, "", "").unwrap_err();
        assert!(
            error.starts_with("the address needs an ISO 3166-1 country code"),
            "{wrong}: {error}"
        );
    }
    assert!(check_location(&LocationInput::default()).is_err());
}

#[test]
fn five_countries_have_states_of_two_letters() {
    for country in WITH_STATES {
        assert!(check(country, "AB", "").is_ok());
        for wrong in ["", "ab", "New York", "ABC", "A1"] {
            let error = check(country, wrong, "").unwrap_err();
            assert!(
                error.contains("needs a state code of two capital letters"),
                "{error}"
            );
        }
    }
    assert!(check("FR", "", "").is_ok());
}

#[test]
fn phones_have_one_form() {
    for right in ["+1 5550123", "+49 69-555-0123", "+420 5550123"] {
        assert!(check("DE", "", right).is_ok(), "{right}");
    }
    for wrong in [
        "5550123",
        "+15550123",
        "+1  5550123",
        "+1 555 0123",
        "+1 ",
        "+ 5550123",
        "+1 555-",
        "+1234 5550123",
        "+1 (555)0123",
        "1 5550123",
    ] {
        let error = check("DE", "", wrong).unwrap_err();
        assert!(error.contains("has a phone"), "{wrong}: {error}");
    }
}
