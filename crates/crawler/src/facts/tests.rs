//! Tests which facts are read from a page, in all the forms that tenants send.

use super::{Facts, Ids, ListFacts, Names, ProductName, UnusableTotal};

fn read_page(endpoint: &str, page: &str) -> serde_json::Result<Facts> {
    Facts::read(endpoint, page, Names::Wanted)
}

fn list(page: &str) -> ListFacts {
    match read_page("products/list", page) {
        Ok(Facts::List(facts)) => facts,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn message(endpoint: &str, page: &str) -> String {
    match read_page(endpoint, page) {
        Err(error) => error.to_string(),
        Ok(facts) => panic!("{endpoint}: {page}: {facts:?}"),
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
                ..Ids::default()
            }
        }
    );
    let nobody = Facts::Units {
        organization: None,
        units: Ids::default(),
    };
    for nothing in [r"{}", r#"{"organizationUnits": {"orgUnits": null}}"#] {
        assert_eq!(read(nothing), nobody);
    }
}

#[test]
fn units_in_an_unreadable_form_are_an_error() {
    let message = |page: &str| message("units/list", page);
    let units = r#"{"orgId": 5, "orgUnits": [{"id": 5}]}"#;
    assert_eq!(
        message(&format!(
            r#"{{"status": 0, "organizationUnits": [{units}]}}"#
        )),
        "`organizationUnits` is a list where an object was expected"
    );
    assert_eq!(
        message(r#"{"organizationUnits": "none"}"#),
        "`organizationUnits` is a string where an object was expected"
    );
    assert_eq!(
        message(r#"{"organizationUnits": null}"#),
        "the response has no `orgUnits`"
    );
    assert_eq!(
        message(r#"{"organizationUnits": {"organizationId": 5, "units": [{"id": 5}]}}"#),
        "the response has `units` where `orgUnits` was expected"
    );
    assert_eq!(
        message(r#"{"organizationUnits": {"orgId": 5, "orgUnits": "5"}}"#),
        "`orgUnits` is a string where a list was expected"
    );
    message("[null, null]");
    message("null");
}

#[test]
fn a_tree_of_units_is_an_error() {
    for nested in [
        r#""children": [{"id": 6}]"#,
        r#""orgUnits": [{"id": 6}]"#,
        r#""extra": {"units": [{"id": 6, "name": "Retail"}]}"#,
    ] {
        let page = format!(
            r#"{{"organizationUnits": {{"orgId": 5, "orgUnits": [{{"id": 5, {nested}}}]}}}}"#
        );
        let message = message("units/list", &page);
        assert!(
            message.starts_with("a row has further rows in `"),
            "{message}"
        );
    }
    let flat =
        r#"{"organizationUnits": {"orgId": 5, "orgUnits": [{"id": 5, "tags": [{"name": "a"}]}]}}"#;
    assert!(read_page("units/list", flat).is_ok());
}

#[test]
fn an_object_is_a_row_only_with_its_key() {
    assert_eq!(list(r#"{"assets": {"serialNumber": "F1"}}"#).rows, 1);
    for page in [
        r#"{"assets": {"0": {"serialNumber": "F1"}, "1": {"serialNumber": "F2"}}}"#,
        r#"{"assets": {"F1": {"serialNumber": "F1"}}, "totalPages": 1}"#,
        r#"{"assets": {"serialNumber": null}}"#,
    ] {
        assert_eq!(
            message("products/list", page),
            "`assets` is an object without `serialNumber` where a list was expected"
        );
    }
}

#[test]
fn names_in_messages_cannot_control_a_terminal() {
    let page = r#"{"a\u001b[2J\u202e\u2028b": [{"serialNumber": "F1"}]}"#;
    assert_eq!(
        message("products/list", page),
        "the response has `a [2J  b` where `assets` was expected"
    );
}

#[test]
fn an_empty_list_is_null_or_empty_or_counted_as_none() {
    let empty = |page: &str| {
        let facts = list(page);
        assert_eq!(facts.rows, 0, "{page}");
    };
    empty(r"{}");
    empty(r#"{"assets": null}"#);
    empty(r#"{"assets": []}"#);
    empty(r#"{"status": 0, "pageNumber": 0, "totalPages": 0}"#);
    empty(r#"{"status": 0, "pageNumber": 1, "totalPages": 1, "assetsNext": []}"#);
}

#[test]
fn rows_under_another_name_are_not_an_empty_list() {
    let asset = r#"[{"serialNumber": "F1"}]"#;
    for (name, rest) in [
        ("products", ""),
        ("Assets", r#", "pageNumber": 1, "totalPages": 1"#),
        ("assetsV2", r#", "assets": null"#),
        ("assetsV2", r#", "assets": [], "totalPages": 1"#),
    ] {
        assert_eq!(
            message(
                "products/list",
                &format!(r#"{{"status": 0, "{name}": {asset}{rest}}}"#)
            ),
            format!("the response has `{name}` where `assets` was expected")
        );
    }
    assert_eq!(
        message(
            "products/list",
            &format!(r#"{{"status": 0, "data": {{"assets": {asset}}}}}"#)
        ),
        "the response has `data` where `assets` was expected"
    );
    assert_eq!(
        message(
            "folders/list",
            r#"{"status": 0, "folders": [{"folderId": 7}]}"#
        ),
        "the response has `folders` where `assetFolders` was expected"
    );
    // A list inside `error` belongs to the error.
    assert!(
        read_page(
            "products/list",
            r#"{"error": {"errors": [{"code": 301}]}, "assets": null}"#
        )
        .is_ok()
    );
}

#[test]
fn elements_that_are_not_objects_do_not_affect_the_others() {
    let facts = list(r#"{"assets": [{"serialNumber": "F1"}, null, "F2", 7, ["F3"]]}"#);
    assert_eq!((facts.rows, facts.serials.len()), (5, 1));
    assert_eq!(
        message("products/list", r#"{"assets": [null, null]}"#),
        "none of the 2 elements of `assets` is an object"
    );
    assert_eq!(
        message(
            "products/list",
            r#"{"assets": [], "assets": [{"serialNumber": "F1"}]}"#
        ),
        "the response has `assets` twice"
    );
}

#[test]
fn rows_have_an_account_and_a_key() {
    let facts = list(
        r#"{"assets": [
            {"serialNumber": "F1", "accountId": 5},
            {"serialNumber": "F2", "accountId": "6"},
            {"serialNumber": "", "accountId": 5},
            {"accountId": 5}
        ]}"#,
    );
    assert_eq!(facts.accounts, [5, 6]);
    assert_eq!((facts.serials.len(), facts.unnamed.len()), (2, 2));
}

#[test]
fn details_contain_the_serial_numbers_of_their_products() {
    let details = |page| match read_page("products/details", page) {
        Ok(Facts::Details(subjects)) => {
            let subjects = subjects.into_iter();
            let pairs = subjects.map(|subject| (subject.serial, subject.account));
            pairs.collect::<Vec<_>>()
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(
        details(r#"{"assetDetails": {"serialNumber": "F1 ", "accountId": "7"}}"#),
        [("F1".to_owned(), Some(7))]
    );
    assert_eq!(details(r#"{"status": 0, "assetDetails": null}"#), []);
    assert_eq!(
        details(r#"{"assetDetails": {"productModel": "x"}}"#),
        [(String::new(), None)]
    );
}

#[test]
fn a_page_count_that_is_not_a_number_counts_as_absent() {
    for total in ["null", "\"\"", "\"many\"", "1.5", "[]", "true"] {
        let facts = list(&format!(
            r#"{{"assets": [{{"serialNumber": "F1"}}], "totalPages": {total}}}"#
        ));
        assert_eq!(facts.total, None, "{total}");
    }
}

#[test]
fn a_page_count_that_proves_nothing_is_told_apart_from_none() {
    for (total, expected) in [
        ("", None),
        (", \"totalPages\": 3.0", None),
        (", \"totalPages\": null", Some(UnusableTotal::Null)),
        (", \"totalPages\": 0", Some(UnusableTotal::Invalid)),
        (", \"totalPages\": \"\"", Some(UnusableTotal::Invalid)),
    ] {
        let folders = format!("{{\"assetFolders\": [{{\"folderId\": 1}}]{total}}}");
        let accounts = format!("{{\"accounts\": [{{\"id\": 1}}]{total}}}");
        let units = format!("{{\"organizationUnits\": {{\"orgUnits\": [{{\"id\": 1}}]{total}}}}}");
        for (endpoint, page) in [
            ("folders/list", &folders),
            ("accounts/list", &accounts),
            ("units/list", &units),
        ] {
            let found = read_page(endpoint, page).unwrap().unusable_total();
            assert_eq!(found, expected, "{endpoint}: {page}");
        }
    }
    let empty = r#"{"assetFolders": [], "totalPages": 0}"#;
    assert_eq!(
        read_page("folders/list", empty).unwrap().unusable_total(),
        None
    );
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
        (3, 2, Some(2))
    );
}

#[test]
fn an_object_without_members_is_neither_a_row_nor_an_empty_list() {
    assert_eq!(list(r#"{"assets": {"serialNumber": "F1"}}"#).rows, 1);
    for page in [r#"{"assets": {}}"#, r#"{"assets": { }, "totalPages": 1}"#] {
        assert_eq!(
            message("products/list", page),
            "`assets` is an empty object where a list was expected"
        );
    }
}

#[test]
fn a_value_that_is_not_a_list_is_an_error() {
    assert!(read_page("products/list", r#"{"assets": 7}"#).is_err());
    assert!(read_page("accounts/list", "[").is_err());
}

#[test]
fn products_are_named_only_on_request() {
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
fn a_portals_list_counts_its_rows() {
    let counted = |page: &str| match read_page("portal/account/organizations", page) {
        Ok(Facts::Offset(facts)) => (facts.total, facts.ids, facts.missing),
        other => panic!("{other:?}"),
    };
    let rows = r#""results": [{"id": 4}, {"id": "9"}, {"name": "x"}], "totalResultsCount": "7""#;
    let expected = (Some(7), vec![4, 9], 1);
    assert_eq!(counted(&format!("{{\"data\": {{{rows}}}}}")), expected);
    assert_eq!(
        counted("{\"data\": {\"totalResultsCount\": 0}}"),
        (Some(0), Vec::new(), 0)
    );
    assert_eq!(
        counted("{\"data\": {\"results\": [{\"id\": 4}], \"totalResultsCount\": -1}}"),
        (None, vec![4], 0)
    );
    // The page after the last one of a list without a total.
    assert_eq!(
        counted("{\"data\": {\"results\": []}}"),
        (None, Vec::new(), 0)
    );
    for page in [
        "[null]",
        "{\"data\": [{\"results\": []}]}",
        "{\"data\": {\"sites\": [{\"id\": 1}], \"totalResultsCount\": 0}}",
        "{\"data\": null}",
        "{\"data\": {\"results\": {}}}",
        "{\"data\": {\"results\": null}}",
        "{\"message\": \"x\"}",
    ] {
        assert!(
            read_page("portal/account/organizations", page).is_err(),
            "{page}"
        );
    }
}

/// The decoder would not find these rows.
#[test]
fn rows_outside_their_enclosing_object_are_an_error() {
    for data in ["", "\"data\": null, "] {
        let page = format!("{{{data}\"results\": [{{\"id\": 4}}], \"totalResultsCount\": 1}}");
        assert_eq!(
            message("portal/account/organizations", &page),
            "the response has `results` where `data.results` was expected"
        );
    }
    assert_eq!(
        message("units/list", r#"{"orgId": 5, "orgUnits": [{"id": 5}]}"#),
        "the response has `orgUnits` where `organizationUnits.orgUnits` was expected"
    );
}

#[test]
fn rows_of_a_portal_say_what_they_belong_to() {
    let owners = |endpoint, page| match read_page(endpoint, page) {
        Ok(Facts::Offset(facts)) => facts.owners,
        other => panic!("{other:?}"),
    };
    let vdoms = r#"{"data": {"results": [
        {"id": 1, "site": 41}, {"id": 2, "site": "41"}, {"id": 3, "site": null}, {"id": 4, "site": 40}
    ]}}"#;
    assert_eq!(
        owners("portal/device/vdom/site", vdoms),
        [("site", 41), ("site", 40)]
    );
    let sites = r#"{"data": {"results": [{"id": 40, "customer": 5}]}}"#;
    assert_eq!(owners("portal/device/site/customer", sites), [("org", 5)]);
    assert_eq!(owners("portal/account/organizations", sites), []);
}

#[test]
fn a_token_list_says_whether_there_is_a_next_page() {
    let has_next = |next: &str| {
        let page =
            format!("{{\"meta\": {{\"total_count\": 1{next}}}, \"objects\": [{{\"id\": 1}}]}}");
        match read_page("authenticator/fortitokens", &page) {
            Ok(Facts::Offset(facts)) => facts.has_next,
            other => panic!("{other:?}"),
        }
    };
    assert!(has_next(", \"next\": \"/api/v1/fortitokens/?offset=20\""));
    assert!(!has_next(", \"next\": null"));
    assert!(!has_next(", \"next\": \"\""));
    assert!(!has_next(""));
}

#[test]
fn pages_about_something_else_do_not_match_the_request() {
    let mismatch = |endpoint, page, arguments: &str| {
        let arguments = serde_json::from_str(arguments).unwrap();
        read_page(endpoint, page).unwrap().mismatch(&arguments)
    };
    let products =
        r#"{"assets": [{"serialNumber": "F1", "accountId": 5}, {"serialNumber": "F2"}]}"#;
    let of_products = |arguments| mismatch("products/list", products, arguments);
    assert_eq!(of_products(r#"{"accountId": 5}"#), None);
    assert_eq!(of_products("{}"), None);
    assert_eq!(
        of_products(r#"{"accountId": 6}"#).unwrap(),
        "requested account 6, but a row belongs to account 5"
    );
    let sites = r#"{"data": {"results": [{"id": 40, "customer": 5}]}}"#;
    let of_sites = |arguments| mismatch("portal/device/site/customer", sites, arguments);
    assert_eq!(of_sites(r#"{"org": 5}"#), None);
    assert_eq!(
        of_sites(r#"{"org": 4}"#).unwrap(),
        "requested organization 4, but a row belongs to organization 5"
    );
    let details = r#"{"assetDetails": {"serialNumber": "f1"}}"#;
    let of_details = |arguments| mismatch("products/details", details, arguments);
    assert_eq!(of_details(r#"{"serialNumber": "F1"}"#), None);
    assert_eq!(
        of_details(r#"{"serialNumber": "F2"}"#).unwrap(),
        "`products/details` returned `f1` instead of F2"
    );
}

#[test]
fn answers_of_a_gateway_are_not_an_empty_list() {
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
        // The envelope alone is not an empty list either, but the journal's form of "nothing found"
        // is.
        for page in [r#"{"status": 0}"#, "[null, null]", "[]", "null", "\"\""] {
            assert!(read_page(endpoint, page).is_err(), "{endpoint}: {page}");
        }
        assert!(read_page(endpoint, "{}").is_ok(), "{endpoint}");
    }
    assert!(read_page("products/list", r#"{"assets": null}"#).is_ok());
    let counters = "authenticator/fortitokenmobilelicenses";
    assert!(read_page(counters, r#"{"message": "maintenance"}"#).is_err());
    assert!(read_page(counters, r#"{"total_ftm": 3}"#).is_ok());
}

#[test]
fn a_page_count_is_found_in_the_object_around_the_rows() {
    let total = |page| match read_page("units/list", page) {
        Ok(Facts::Units { units, .. }) => units.total,
        other => panic!("{other:?}"),
    };
    let inside = r#"{"organizationUnits": {"orgUnits": [{"id": 5}], "totalPages": 3}}"#;
    assert_eq!(total(inside), Some(3));
    let outside = r#"{"totalPages": "2", "organizationUnits": {"orgUnits": [{"id": 5}]}}"#;
    assert_eq!(total(outside), Some(2));
}
