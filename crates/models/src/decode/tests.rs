//! Tests that decode pages: shapes that were seen in real responses, and others that may come.

mod direct;
mod systems;
mod together;

use std::fmt::Write as _;

use arrow_array::{Array, RecordBatch, cast::AsArray, types};
use arrow_schema::{DataType, TimeUnit};
use proptest::prelude::*;

use super::*;
use crate::endpoint;

const CONTEXT: PageContext<'_> = PageContext {
    source: "acme",
    crawl_id: "crawl",
    observed_at: 1_700_000_000_000_000,
    asked: &[
        ("accountId", 710_112),
        ("parentId", 2_100_014),
        ("org", 4),
        ("site", 6),
    ],
    given: &[
        ("serial_number", "FAC-VMTM24900001"),
        ("ha_serial_number", ""),
        ("firmware", "FACVMKVM v8.0.3, build0099 (GA)"),
    ],
};

fn decoded(endpoint_id: &str, page: &str) -> Decoded {
    decode(
        endpoint(endpoint_id).unwrap().layout.unwrap(),
        page,
        &CONTEXT,
    )
    .unwrap()
}

/// Formats the rows as `table: column=value …`, without nulls and without the columns that all rows
/// share.
fn rows(endpoint_id: &str, page: &str) -> String {
    let decoded = decoded(endpoint_id, page);
    let mut text = String::new();
    for table in &decoded.tables {
        for row in 0..table.records.num_rows() {
            write!(text, "{}:", table.table.name).unwrap();
            for (column, array) in table.table.columns.iter().zip(table.records.columns()) {
                let shared = ["_source", "_crawl_id", "_observed_at"].contains(&column.name);
                if !shared && array.is_valid(row) {
                    write!(text, " {}={}", column.name, cell(array, row)).unwrap();
                }
            }
            text.push('\n');
        }
    }
    for issue in &decoded.issues {
        writeln!(
            text,
            "issue: {} {} {} {:?}: {}",
            issue.table, issue.key, issue.column, issue.value, issue.reason
        )
        .unwrap();
    }
    text
}

fn cell(array: &dyn Array, row: usize) -> String {
    match array.data_type() {
        DataType::Utf8 => format!("{:?}", array.as_string::<i32>().value(row)),
        DataType::Int64 => array
            .as_primitive::<types::Int64Type>()
            .value(row)
            .to_string(),
        DataType::Float64 => array
            .as_primitive::<types::Float64Type>()
            .value(row)
            .to_string(),
        DataType::Boolean => array.as_boolean().value(row).to_string(),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let micros = array
                .as_primitive::<types::TimestampMicrosecondType>()
                .value(row);
            jiff::Timestamp::from_microsecond(micros)
                .unwrap()
                .strftime("%Y-%m-%dT%H:%M:%S%.f")
                .to_string()
        }
        other => panic!("no test shows {other}"),
    }
}

#[test]
fn units_with_the_organization_on_every_row() {
    let page = r#"{"organizationUnits": {"orgUnits": [
        {"id": 2100001, "name": "Nordlicht Holding", "desc": "", "parentID": 0},
        {"parentId": 2100001, "id": "2100014", "name": "Retail   ", "desc": null}
    ], "orgId": 2100001}}"#;
    insta::assert_snapshot!(rows("units/list", page), @r#"
    org_units: ou_id=2100001 org_id=2100001 name="Nordlicht Holding" description=""
    org_units: ou_id=2100014 org_id=2100001 name="Retail" parent_ou_id=2100001
    "#);
}

#[test]
fn accounts_without_a_unit_get_the_one_that_was_asked() {
    let page = r#"{"accounts": [{"id": 1}, {"id": 2, "parentId": 7, "countryId": 578}]}"#;
    insta::assert_snapshot!(rows("accounts/list", page), @"
    accounts: account_id=1 ou_id=2100014
    accounts: account_id=2 ou_id=7 country_id=578
    ");
}

#[test]
fn an_account_of_zero_is_the_one_that_was_asked() {
    let page = r#"{"assets": [{"serialNumber": "F1", "accountId": 0},
        {"serialNumber": "F2", "accountId": "0"}, {"serialNumber": "F3", "accountId": 710112}]}"#;
    insta::assert_snapshot!(rows("products/list", page), @r#"
    products: account_id=710112 serial_number="F1"
    products: account_id=710112 serial_number="F2"
    products: account_id=710112 serial_number="F3"
    "#);
}

#[test]
fn nested_rows_inherit_the_key_wherever_it_stands() {
    let page = r#"{"assets": [{
        "entitlements": [{"level": 5, "levelDesc": "Advanced HW    "}, {"level": 6}],
        "contracts": [
            {"terms": [{"supportType": "a"}, {"supportType": "b"}], "contractNumber": "1"},
            {"contractNumber": "2", "sku": "FC   ", "terms": [{"supportType": "c"}]}
        ],
        "assetGroups": [{"assetGroupId": 9, "assetGroup": "POS"}, "North"],
        "serialNumber": "F1", "accountId": 5
    }, {"serialNumber": "F2", "contracts": null, "entitlements": [{"level": 7}]}]}"#;
    insta::assert_snapshot!(rows("products/list", page), @r#"
    products: account_id=5 serial_number="F1"
    products: account_id=710112 serial_number="F2"
    entitlements: account_id=5 serial_number="F1" _index=0 level=5 level_desc="Advanced HW"
    entitlements: account_id=5 serial_number="F1" _index=1 level=6
    entitlements: account_id=710112 serial_number="F2" _index=0 level=7
    product_contracts: account_id=5 serial_number="F1" _index=0 contract_number="1"
    product_contracts: account_id=5 serial_number="F1" _index=1 contract_number="2" sku="FC"
    contract_terms: account_id=5 serial_number="F1" contract_index=0 _index=0 support_type="a"
    contract_terms: account_id=5 serial_number="F1" contract_index=0 _index=1 support_type="b"
    contract_terms: account_id=5 serial_number="F1" contract_index=1 _index=0 support_type="c"
    asset_groups: account_id=5 serial_number="F1" _index=0 asset_group_id=9 asset_group="POS"
    asset_groups: account_id=5 serial_number="F1" _index=1 asset_group="North"
    "#);
}

#[test]
fn dates_keep_the_wall_clock_and_the_offset_beside_it() {
    let page = r#"{"assets": [{"serialNumber": "F1",
        "registrationDate": "2023-03-14T09:21:37-8:00",
        "productModelEoR": "0001-01-01T00:00:00",
        "productModelEoS": "2023-05-08 00:00:00.25Z"}]}"#;
    insta::assert_snapshot!(rows("products/list", page), @r#"products: account_id=710112 serial_number="F1" registration_date=2023-03-14T09:21:37 product_model_eos=2023-05-08T00:00:00.25 _extra="{\"registrationDate\":\"-8:00\",\"productModelEoS\":\"Z\"}""#);
}

#[test]
fn nothing_is_lost() {
    let page = r#"{"assets": [{"serialNumber": "F1", "siteCode": "N-7", "token": "secret",
        "flags": {"a": [1, 2]}, "gone": null, "folderId": "high", "isDecommissioned": "TRUE",
        "registrationDate": "soon", "description": {"text": "x"}, "status": 7,
        "entitlements": [{"level": 1.5, "units": 4.0, "quantity": 2}, 3], "contracts": "none",
        "warrantySupports": {"level": 1}}, null]}"#;
    insta::assert_snapshot!(rows("products/list", page), @r#"
    products: account_id=710112 serial_number="F1" is_decommissioned=true status="7" _extra="{\"siteCode\":\"N-7\",\"flags\":{\"a\": [1, 2]}}"
    entitlements: account_id=710112 serial_number="F1" _index=0 units=4 _extra="{\"quantity\":2}"
    warranty_supports: account_id=710112 serial_number="F1" _index=0 level=1
    issue: products {"account_id":710112,"serial_number":"F1"} folder_id "high": not an integer
    issue: products {"account_id":710112,"serial_number":"F1"} registration_date "soon": not a timestamp
    issue: products {"account_id":710112,"serial_number":"F1"} description "{\"text\": \"x\"}": not text
    issue: entitlements {"_index":0,"account_id":710112,"serial_number":"F1"} level "1.5": not an integer
    issue: products {"account_id":710112,"serial_number":"F1"} entitlements "3": not a list of objects
    issue: products {"account_id":710112,"serial_number":"F1"} contracts "none": not a list of objects
    issue: products {} assets "null": not an object
    "#);
    assert_eq!(decoded("products/list", page).unknown_fields, 3);
}

#[test]
fn one_bad_value_costs_one_value() {
    let page = "{\"assets\": [{\"serialNumber\": \"F1\", \"description\": \"Z\u{fffd}rich\",
        \"siteCode\": \"a\\ud83d\", \"entitlements\": [null, {\"level\": 1}]}, \"F2\", [\"F3\"], 4,
        {\"serialNumber\": \"F5\", \"description\": \"Kiosk \\ud83d\"}, {\"serialNumber\": \" \"}, {}],
        \"assetsNext\": [], \"requestId\": 7, \"version\": \"3.0\"}";
    insta::assert_snapshot!(rows("products/list", page), @r#"
    products: account_id=710112 serial_number="F1" description="Z�rich" _extra="{\"siteCode\":\"a�\"}"
    products: account_id=710112 serial_number="F5" description="Kiosk �"
    products: account_id=710112 serial_number=""
    products: account_id=710112
    entitlements: account_id=710112 serial_number="F1" _index=1 level=1
    issue: products {"account_id":710112,"serial_number":"F1"} description "Z�rich": an unreadable character was replaced by U+FFFD
    issue: products {"account_id":710112,"serial_number":"F1"} _extra "\"a�\"": an unreadable character was replaced by U+FFFD
    issue: products {"account_id":710112,"serial_number":"F1"} entitlements "null": not a list of objects
    issue: products {} assets "F2": not an object
    issue: products {} assets "[\"F3\"]": not an object
    issue: products {} assets "4": not an object
    issue: products {"account_id":710112,"serial_number":"F5"} description "Kiosk �": an unreadable character was replaced by U+FFFD
    issue: products {"account_id":710112,"serial_number":""} serial_number "": empty key: the row cannot be told from others
    issue: products {"account_id":710112,"serial_number":null} serial_number "null": empty key: the row cannot be told from others
    "#);
    // Two are around the rows, and one is in a row.
    assert_eq!(decoded("products/list", page).unknown_fields, 3);
}

#[test]
fn a_license_may_be_null_an_object_or_a_list() {
    for (page, licenses) in [
        (
            r#"{"assetDetails": {"serialNumber": "F1", "license": null}}"#,
            0,
        ),
        (
            r#"{"assetDetails": {"serialNumber": "F1", "license": {"licenseNumber": "L1"}}}"#,
            1,
        ),
        (
            r#"{"assetDetails": {"licenses": [{"licenseNumber": "L1"}, {"licenseNumber": "L2"}], "serialNumber": "F1"}}"#,
            2,
        ),
    ] {
        let decoded = decoded("products/details", page);
        let table = decoded
            .tables
            .iter()
            .find(|table| table.table.name == "product_licenses")
            .unwrap();
        assert_eq!(table.records.num_rows(), licenses, "{page}");
    }
}

#[test]
fn a_misspelt_expiry_is_an_expiry() {
    for name in ["experationDate", "experiationDate", "expirationDate"] {
        let page = format!(
            r#"{{"assetDetails": {{"serialNumber": "F1", "license": {{"{name}": "2027-01-17T00:00:00"}}}}}}"#
        );
        assert!(
            rows("products/details", &page).contains("2027-01-17T00:00:00"),
            "{name}"
        );
    }
}

#[test]
fn empty_answers_have_tables_without_rows() {
    for page in [
        "{}",
        r#"{"assets": null}"#,
        r#"{"assets": []}"#,
        r#"{"assets": {}}"#,
    ] {
        let decoded = decoded("products/list", page);
        assert_eq!(decoded.tables.len(), 6);
        assert!(
            decoded
                .tables
                .iter()
                .all(|table| table.records.num_rows() == 0)
        );
    }
}

#[test]
fn a_page_without_its_list_is_an_error() {
    let layout = endpoint("products/list").unwrap().layout.unwrap();
    for page in [
        "",
        "[]",
        "7",
        "{",
        r#"{"assets": 7}"#,
        r#"{"assets": []} x"#,
        r#"{"assets": [}"#,
    ] {
        assert!(decode(layout, page, &CONTEXT).is_err(), "{page}");
    }
}

#[test]
fn depth_costs_no_stack() {
    let deep = "[".repeat(200_000) + &"]".repeat(200_000);
    let page = format!(r#"{{"assets": [{{"serialNumber": "F1", "unknown": {deep}}}]}}"#);
    assert_eq!(decoded("products/list", &page).unknown_fields, 1);
    let layout = endpoint("products/list").unwrap().layout.unwrap();
    assert!(decode(layout, &format!(r#"{{"assets": {deep}}}"#), &CONTEXT).is_err());
}

#[test]
fn every_table_has_the_schema_that_it_promises() {
    for endpoint in crate::generated::ENDPOINTS
        .iter()
        .filter(|endpoint| endpoint.layout.is_some())
    {
        for table in decoded(endpoint.id, "{}").tables {
            assert_eq!(
                table.records.schema(),
                table.table.schema(),
                "{}",
                table.table.name
            );
            for key in table.table.key {
                assert!(
                    table.table.column(key).is_some(),
                    "{} has no {key}",
                    table.table.name
                );
            }
        }
    }
}

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "assets",
        "serialNumber",
        "accountId",
        "entitlements",
        "contracts",
        "terms",
        "assetGroups",
        "level",
        "registrationDate",
        "isDecommissioned",
        "description",
        "folderId",
        "token",
        "x",
    ])
    .prop_map(str::to_owned)
}

fn row() -> impl Strategy<Value = serde_json::Value> {
    prop::collection::vec((name(), json()), 0..8).prop_map(|members| members.into_iter().collect())
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
        Just(Value::from("2023-03-14T09:21:37-08:00")),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((name(), inner), 0..8)
                .prop_map(|members| members.into_iter().collect()),
        ]
    })
}

/// Whether all columns have as many rows as the batch.
fn is_whole(records: &RecordBatch) -> bool {
    records
        .columns()
        .iter()
        .all(|column| column.len() == records.num_rows())
}

proptest! {
    #[test]
    fn any_rows_decode(rows in prop::collection::vec(row(), 0..4)) {
        let page = serde_json::json!({ "assets": rows }).to_string();
        let layout = endpoint("products/list").unwrap().layout.unwrap();
        let decoded = decode(layout, &page, &CONTEXT).unwrap();
        for table in &decoded.tables {
            prop_assert!(is_whole(&table.records));
            prop_assert_eq!(table.roots.len(), table.records.num_rows());
        }
        for issue in &decoded.issues {
            prop_assert!(serde_json::from_str::<serde_json::Value>(&issue.key).is_ok());
        }
        for table in &decoded.tables {
            let extra = table.records.column_by_name("_extra").unwrap().as_string::<i32>();
            for text in extra.iter().flatten() {
                let extra: serde_json::Value = serde_json::from_str(text).unwrap();
                prop_assert!(extra.get("token").is_none());
            }
        }
    }

    #[test]
    fn any_text_is_an_answer_or_an_error(text in ".{0,200}") {
        let layout = endpoint("products/list").unwrap().layout.unwrap();
        let _ = decode(layout, &text, &CONTEXT);
    }
}
