//! The vendor's rules for addresses.

use fortilake_models::generated::types::LocationInput;

use fortilake_client::{Error, Result};

/// Countries in which the state must be a code of two letters.
const WITH_STATES: [&str; 5] = ["US", "CA", "IN", "BR", "UA"];

/// All country codes of ISO 3166-1 alpha-2.
const COUNTRIES: &str = "\
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS \
    BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE \
    EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM \
    HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC \
    LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA \
    NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW \
    SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO \
    TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

/// Checks an address by the rules of the API.
///
/// The country must be an ISO 3166-1 code of two capital letters. For US, CA, IN, BR and UA, the
/// state must be two capital letters as well. Phone and fax must be `+`, the country's calling
/// code, one space and the number.
pub fn check_location(location: &LocationInput) -> Result<()> {
    let wrong = |reason: &str| Err(Error::arguments("the address", reason));
    let country = location.country_code.as_deref().unwrap_or_default();
    if !COUNTRIES.split(' ').any(|known| known == country) {
        return wrong("needs an ISO 3166-1 country code in capital letters, such as US or DE");
    }
    let state = location.state_or_province.as_deref().unwrap_or_default();
    let coded = state.len() == 2 && state.bytes().all(|byte| byte.is_ascii_uppercase());
    if WITH_STATES.contains(&country) && !coded {
        return wrong(&format!(
            "needs a state code of two capital letters, because it is in {country}"
        ));
    }
    for (name, number) in [("phone", &location.phone), ("fax", &location.fax)] {
        if number.as_deref().is_some_and(|number| !is_phone(number)) {
            return wrong(&format!(
                "has a {name} number that is not in the format `+CC number`, as in +1 555-0123"
            ));
        }
    }
    Ok(())
}

/// Whether the text is `+` and one to three digits, one space, and digits with hyphens between
/// them.
fn is_phone(text: &str) -> bool {
    let Some((country, number)) = text.strip_prefix('+').and_then(|rest| rest.split_once(' '))
    else {
        return text.is_empty();
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    country.len() <= 3 && digits(country) && number.split('-').all(digits)
}

#[cfg(test)]
mod tests;
