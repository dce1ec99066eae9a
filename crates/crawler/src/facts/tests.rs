//! What is read off a page, in all the shapes that tenants send.

use super::{Facts, ListFacts};

fn list(page: &str) -> ListFacts {
    match Facts::read("products/list", page) {
        Ok(Facts::List(facts)) => facts,
        other => panic!("{other:?}"),
    }
}

#[test]
fn units_in_both_spellings_and_none() {
    let read = |page| Facts::read("units/list", page).unwrap();
    let page =
        r#"{"organizationUnits": {"orgId": "5", "orgUnits": [{"id": 5}, {"id": "6"}, null]}}"#;
    assert_eq!(
        read(page),
        Facts::Units {
            organization: Some(5),
            units: vec![5, 6]
        }
    );
    for nothing in [
        r"{}",
        r#"{"organizationUnits": null}"#,
        r#"{"organizationUnits": {"orgUnits": null}}"#,
    ] {
        assert_eq!(read(nothing), Facts::nothing("units/list"));
    }
}

#[test]
fn an_empty_list_is_null_absent_or_empty() {
    for page in [r"{}", r#"{"assets": null}"#, r#"{"assets": []}"#] {
        assert_eq!(list(page), ListFacts::default());
    }
}

#[test]
fn padding_does_not_make_another_product() {
    let facts = list(
        r#"{"assets": [{"serialNumber": "F1"}, {"serialNumber": "F1  "}], "totalPages": "2"}"#,
    );
    assert_eq!(facts.serials[0], facts.serials[1]);
    assert_eq!(facts.total, Some(2));
}

#[test]
fn a_list_that_is_none_is_an_error() {
    assert!(Facts::read("products/list", r#"{"assets": 7}"#).is_err());
    assert!(Facts::read("accounts/list", "[").is_err());
}
