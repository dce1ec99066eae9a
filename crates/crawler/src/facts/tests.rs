//! Tests which facts are read from a page, in all the forms that tenants send.

use super::{Facts, Ids, ListFacts, Names, ProductName};

fn read_page(endpoint: &str, page: &str) -> serde_json::Result<Facts> {
    Facts::read(endpoint, page, Names::Wanted)
}

fn list(page: &str) -> ListFacts {
    match read_page("products/list", page) {
        Ok(Facts::List(facts)) => facts,
        other => panic!("{other:?}"),
    }
}

#[test]
fn units_in_both_spellings_and_none() {
    let read = |page| read_page("units/list", page).unwrap();
    let page =
        r#"{"organizationUnits": {"orgId": "5", "orgUnits": [{"id": 5}, {"id": "6"}, null]}}"#;
    assert_eq!(
        read(page),
        Facts::Units {
            organization: Some(5),
            units: Ids {
                known: vec![5, 6],
                missing: 0
            }
        }
    );
    for nothing in [
        r"{}",
        r#"{"organizationUnits": null}"#,
        r#"{"organizationUnits": {"orgUnits": null}}"#,
    ] {
        let expected = Facts::Units {
            organization: None,
            units: Ids::default(),
        };
        assert_eq!(read(nothing), expected);
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
fn numbers_are_read_as_the_decoder_reads_them() {
    let accounts = |page| match read_page("accounts/list", page) {
        Ok(Facts::Accounts(ids)) => (ids.known, ids.missing),
        other => panic!("{other:?}"),
    };
    let page =
        r#"{"accounts": [{"id": 11.0}, {"id": "12"}, {"id": null}, {"id": 0}, {"id": "x"}, {}]}"#;
    assert_eq!(accounts(page), (vec![11, 12], 4));
    let page = r#"{"assets": [{"serialNumber": "F1", "accountId": 1e99}, {"serialNumber": "\ud800"}, {}], "totalPages": 2.0}"#;
    let facts = list(page);
    assert_eq!(
        (facts.rows, facts.serials.len(), facts.total),
        (3, 1, Some(2))
    );
}

#[test]
fn an_object_without_members_is_an_empty_list() {
    assert_eq!(list(r#"{"assets": { }}"#).rows, 0);
    assert_eq!(list(r#"{"assets": {"serialNumber": "F1"}}"#).rows, 1);
}

#[test]
fn a_list_that_is_none_is_an_error() {
    assert!(read_page("products/list", r#"{"assets": 7}"#).is_err());
    assert!(read_page("accounts/list", "[").is_err());
}

#[test]
fn products_are_named_where_that_is_wanted() {
    let page = r#"{"assets": [{"serialNumber": "FGT1  ", "productModel": "FortiGate 60F"}, {}]}"#;
    let names = |names| match Facts::read("products/list", page, names) {
        Ok(Facts::List(facts)) => facts.products,
        other => panic!("{other:?}"),
    };
    assert_eq!(names(Names::Unwanted), []);
    let product = ProductName {
        serial: "FGT1".to_owned(),
        model: Some("FortiGate 60F".to_owned()),
    };
    assert_eq!(names(Names::Wanted), [product]);
}

#[test]
fn a_portals_list_counts_its_rows_in_either_container() {
    let counted = |page: &str| match read_page("portal/account/organizations", page) {
        Ok(Facts::Counted(facts)) => (facts.total, facts.ids, facts.missing),
        other => panic!("{other:?}"),
    };
    let rows = r#""results": [{"id": 4}, {"id": "9"}, {"name": "x"}], "totalResultsCount": "7""#;
    let expected = (Some(7), vec![4, 9], 1);
    assert_eq!(counted(&format!("{{\"data\": {{{rows}}}}}")), expected);
    assert_eq!(counted(&format!("{{{rows}}}")), expected);
    assert_eq!(
        counted("{\"data\": {\"totalResultsCount\": 0}}"),
        (Some(0), Vec::new(), 0)
    );
    for page in [
        "{\"data\": null}",
        "{\"data\": {\"results\": {}}}",
        "{\"message\": \"x\"}",
    ] {
        assert!(
            read_page("portal/account/organizations", page).is_err(),
            "{page}"
        );
    }
}

#[test]
fn what_somebody_else_says_is_no_empty_list() {
    for endpoint in [
        "units/list",
        "accounts/list",
        "products/list",
        "folders/list",
    ] {
        for page in [
            r#"{"x": 1}"#,
            r#"{"fault": {"faultstring": "gateway timeout"}}"#,
        ] {
            assert!(read_page(endpoint, page).is_err(), "{endpoint}: {page}");
        }
        // What a tenant leaves out where there is nothing, and what the journal has for it.
        for page in [r#"{"status": 0}"#, "{}"] {
            assert!(read_page(endpoint, page).is_ok(), "{endpoint}: {page}");
        }
    }
    assert!(read_page("products/list", r#"{"assets": null}"#).is_ok());
    let counters = "authenticator/fortitokenmobilelicenses";
    assert!(read_page(counters, r#"{"message": "maintenance"}"#).is_err());
    assert!(read_page(counters, r#"{"total_ftm": 3}"#).is_ok());
}
