//! Tests of every quirk: answers show it, and the expected tables allow for it.

use serde_json::{Value, json};

use crate::client::{ASSETS, Client, FIRST, UNITS, keys};
use crate::crawl::check;

const PRODUCTS: usize = 80;

/// A tenant that is small enough to be crawled often.
fn small(quirks: &str) -> String {
    format!(
        "page_size = 25\n[organization]\nous = 5\naccounts = 6\nproducts = {PRODUCTS}\n[quirks]\n{quirks}"
    )
}

/// An account with a few dozen products of every family.
async fn asset(quirks: &str) -> Value {
    let client = Client::new(&format!("[organization]\naccounts = 1\n[quirks]\n{quirks}"));
    let products = client.products(FIRST, "%").await;
    products.into_iter().next().unwrap()
}

#[tokio::test]
async fn the_preset_reads_as_its_truth() {
    check("").await;
    check("[quirks]\nwarranty_supports = true\nextended_lists = true").await;
}

#[tokio::test]
async fn every_form_of_dates_reads_as_the_truth() {
    for form in [
        "utc",
        "offset",
        "short-offset",
        "blank",
        "fraction",
        "mixed",
    ] {
        for null in ["absent", "minimum"] {
            let quirks = format!("dates = '{form}'\nnull_dates = '{null}'\nextended_lists = true");
            let truth = check(&small(&quirks)).await;
            let offsets = truth["products"]
                .iter()
                .filter(|row| !row["_extra"].is_null())
                .count();
            match form {
                "blank" | "fraction" => assert_eq!(offsets, 0),
                "mixed" => assert!(offsets > 15 && offsets < 75, "{offsets}"),
                _ => assert_eq!(offsets, PRODUCTS),
            }
        }
    }
    let date = |form: &'static str| async move {
        let asset = asset(&format!("dates = '{form}'")).await;
        asset["registrationDate"].as_str().unwrap()[10..].to_owned()
    };
    assert!(date("naive").await.starts_with('T'));
    assert!(date("blank").await.starts_with(' '));
    assert!(date("short-offset").await.ends_with("-8:00"));
    assert!(date("fraction").await.contains('.'));
}

#[tokio::test]
async fn every_form_of_emptiness_reads_as_the_truth() {
    for form in ["null", "absent", "empty"] {
        check(&small(&format!(
            "nested_arrays = '{form}'\ntop_arrays = '{form}'"
        )))
        .await;
    }
    for form in ["error-301", "null", "status-1008", "http-404"] {
        check(&small(&format!("empty = '{form}'"))).await;
    }
    let absent = asset("nested_arrays = 'absent'").await;
    assert!(!keys(&absent).contains(&"warrantySupports"));
    assert_eq!(
        asset("nested_arrays = 'empty'").await["warrantySupports"],
        json!([])
    );
}

#[tokio::test]
async fn parents_read_as_the_truth_in_every_spelling() {
    for root in ["null", "zero", "absent"] {
        for key in ["parentId", "parentID"] {
            let text = small(&format!("parent_key = '{key}'\nroot_parent = '{root}'"));
            check(&text).await;
            let client = Client::new(&text);
            let (_, body) = client.call(&format!("{UNITS}list"), json!({})).await;
            let units = &body["organizationUnits"]["orgUnits"];
            assert_eq!(keys(&units[0]).contains(&key), root != "absent");
            assert!(units[1][key].is_i64());
        }
    }
}

#[tokio::test]
async fn odd_values_read_as_the_truth() {
    for quirk in [
        "quoted_integers",
        "padded_text",
        "unknown_fields",
        "duplicate_rows",
        "hostile_text",
        "misfits",
        "missing_account_id",
        "old_shape",
        "bare_envelope",
        "error_as_text",
    ] {
        check(&small(&format!("{quirk} = true\nextended_lists = true"))).await;
    }
    check(&small("wildcard = false")).await;
    let quirky = include_str!("../../scenarios/quirky.toml");
    check(&quirky.replace("shared_accounts = 5", "shared_accounts = 5\nproducts = 200")).await;
}

#[tokio::test]
async fn odd_values_are_odd() {
    assert_eq!(asset("quoted_integers = true").await["accountId"], "710101");
    let padded = asset("padded_text = true").await;
    assert_eq!(
        padded["entitlements"][0]["levelDesc"]
            .as_str()
            .unwrap()
            .len(),
        40
    );
    assert_eq!(
        padded["entitlements"][1]["typeDesc"]
            .as_str()
            .unwrap()
            .len(),
        255
    );
    assert_eq!(
        asset("unknown_fields = true").await["entitlements"][0]["siteCode"],
        "AX-0042"
    );
    assert!(!keys(&asset("missing_account_id = true").await).contains(&"accountId"));
    let old = asset("old_shape = true").await;
    assert!(
        !keys(&old)
            .iter()
            .any(|key| ["status", "folderId", "folderPath"].contains(key))
    );

    let client = Client::new("[organization]\naccounts = 1\n[quirks]\nhostile_text = true");
    let products = client.products(FIRST, "%").await;
    let texts: Vec<&str> = products
        .iter()
        .filter_map(|row| row["description"].as_str())
        .collect();
    assert!(texts.iter().any(|text| text.chars().count() == 70_000));
    assert!(texts.iter().any(|text| text.contains('\0')));
    assert!(texts.contains(&"=HYPERLINK(\"http://evil.example\",\"x\")"));

    let client = Client::new("[quirks]\nmisfits = true");
    assert!(client.simulator.truth().tables["issues"].len() > 100);
}

#[tokio::test]
async fn duplicates_are_there() {
    let client = Client::new("[organization]\naccounts = 1\n[quirks]\nduplicate_rows = true");
    let products = client.products(FIRST, "%").await;
    assert_eq!(products.len(), 699);
    assert_eq!(products.first(), products.last());
    assert!(
        products
            .iter()
            .any(|product| product["status"] == "Pending")
    );
}

#[tokio::test]
async fn without_a_wildcard_only_prefixes_find_something() {
    let client = Client::new("[organization]\naccounts = 1\n[quirks]\nwildcard = false");
    assert_eq!(client.products(FIRST, "%").await.len(), 0);
    assert_eq!(client.products(FIRST, "F%").await.len(), 0);
    let found = client.products(FIRST, "F").await.len() + client.products(FIRST, "S").await.len();
    assert_eq!(found, 692);
}

#[tokio::test]
async fn accounts_in_several_units_are_one_account() {
    let truth = check("[organization]\nproducts = 200\nshared_accounts = 9").await;
    assert_eq!(truth["accounts"].len(), 17);
    check("[organization]\nproducts = 200\nroot_listed = false").await;
}

#[tokio::test]
async fn a_local_scope_reads_as_its_truth() {
    for quirk in ["", "missing_account_id = true", "old_shape = true"] {
        let truth = check(&format!(
            "page_size = 25\n[organization]\nscope = 'local'\nproducts = 150\n[quirks]\n{quirk}"
        ))
        .await;
        assert_eq!(truth["products"].len(), 150);
        assert_eq!(truth["accounts"].len() + truth["org_units"].len(), 0);
        assert_eq!(
            truth["products"][0]["account_id"].is_null(),
            !quirk.is_empty()
        );
        assert!(truth["folders"][0]["account_id"].is_null());
    }
    let client = Client::new("[organization]\nscope = 'local'");
    let (status, body) = client.call(&format!("{UNITS}list"), json!({})).await;
    assert_eq!((status, &body["error"]["errorCode"]), (400, &json!(202)));
    let other = json!({ "serialNumber": "%", "accountId": FIRST + 11 });
    let (_, body) = client.call(&format!("{ASSETS}products/list"), other).await;
    assert_eq!(body["error"]["errorCode"], 202);
}

#[tokio::test]
async fn envelopes_come_bare_and_with_text() {
    let bare = Client::new("[quirks]\nbare_envelope = true");
    let (_, body) = bare.call(&format!("{UNITS}list"), json!({})).await;
    assert_eq!(keys(&body), ["message", "organizationUnits", "status"]);
    let text = Client::new("[quirks]\nerror_as_text = true");
    let (_, body) = text.call(&format!("{UNITS}list"), json!({})).await;
    assert_eq!(body["error"], "");
    let (_, body) = text
        .call(&format!("{ASSETS}products/list"), json!({}))
        .await;
    assert_eq!(
        body["error"],
        "Request should include a positive number for accountId"
    );
}

#[tokio::test]
async fn licenses_of_a_product_come_in_three_forms() {
    for (form, key, is_list) in [
        ("object", "license", false),
        ("list", "license", true),
        ("plural", "licenses", true),
    ] {
        let client = Client::new(&format!(
            "[organization]\naccounts = 1\n[quirks]\nlicense_form = '{form}'"
        ));
        let serial = client.products(FIRST, "FMG-VM").await[0]["serialNumber"].clone();
        let body = client
            .asset("products/details", json!({ "serialNumber": serial }))
            .await;
        let license = &body["assetDetails"][key];
        assert_eq!(license.is_array(), is_list, "{license}");
        assert!(license.is_array() || license.is_object());
    }
}

#[tokio::test]
async fn details_read_as_the_truth_in_every_form() {
    const SMALL: &str = "[organization]\nous = 3\naccounts = 3\nproducts = 90\n";
    for quirks in [
        "license_form = 'list'\npadded_text = true\nextended_lists = true",
        "license_form = 'plural'\ndates = 'mixed'\nunknown_fields = true",
        "missing_account_id = true\nnull_dates = 'minimum'",
        "old_shape = true\nmisfits = true",
    ] {
        let tables = check(&format!("{SMALL}[quirks]\n{quirks}")).await;
        for table in ["product_details", "product_locations", "product_licenses"] {
            assert!(!tables[table].is_empty(), "{table}");
        }
        let ends = |ended: bool| {
            let rows = tables["product_licenses"].iter();
            rows.filter(|row| row["expiration_date"].is_null() != ended)
                .count()
        };
        assert!(ends(true) > 0 && ends(false) > 0);
    }
}
