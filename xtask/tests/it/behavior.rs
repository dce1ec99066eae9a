//! Tests that run the expected outputs of the generator.

use fortilake_models::{Nullable, Operation, PageContext, Secret, decode};
use serde_json::{Value, json};

use crate::expected;

/// Decodes a page with the layout of an operation, and returns the column's values as text.
///
/// Text is enough, because these tests are about where values end up. How values are converted is
/// tested with the decoder.
fn column<O: Operation>(page: &Value, table: &str, column: &str) -> String {
    let context = PageContext {
        asked: &[("ownerId", 7), ("zone", 3)],
        given: &[("serial", "U1"), ("booted_at", "2026-11-22T08:00:00")],
        ..PageContext::default()
    };
    let layout = O::ENDPOINT.layout.unwrap();
    let decoded = decode(layout, &page.to_string(), &context).unwrap();
    let mut tables = decoded.tables.iter();
    let found = tables.find(|found| found.table.name == table).unwrap();
    let array = found.records.column_by_name(column).unwrap();
    let text = format!("{array:?}");
    let lines = text.lines().map(str::trim);
    let values: Vec<&str> = lines.filter(|line| line.ends_with(',')).collect();
    values.join(" ").trim_end_matches(',').to_owned()
}

#[test]
fn rows_land_in_their_tables() {
    use expected::nested_tables::ThingsAsk;
    let page = json!({"box": {
        "things": [
            {"name": "a", "photo": "dropped", "notes": ["x"], "place": {"city": "Y", "geo": {"lat": 1.5}},
             "parts": [{"size": 1, "screws": [{"length": 8}, {"length": 9}]}, {"screws": [{"length": 10}]}],
             "tags": [{"tag": "red"}, "blue"]},
            {"name": "b", "ownerId": 8, "parts": null},
        ],
        "zoneName": "north",
    }});
    let column = |table, name| column::<ThingsAsk>(&page, table, name);
    assert_eq!(column("things", "name"), r#""a", "b""#);
    assert_eq!(column("things", "owner_id"), "7, 8");
    assert_eq!(column("things", "zone"), "3, 3");
    assert_eq!(column("things", "zone_name"), r#""north", "north""#);
    assert_eq!(column("things", "latitude"), "1.5, null");
    assert_eq!(column("things", "place_city"), r#""Y", null"#);
    assert_eq!(column("things", "_extra"), "null, null");
    assert_eq!(column("parts", "_index"), "0, 1");
    assert_eq!(column("parts", "owner_id"), "7, 7");
    assert_eq!(column("screws", "part_index"), "0, 0, 1");
    assert_eq!(column("screws", "_index"), "0, 1, 0");
    assert_eq!(column("screws", "length"), "8, 9, 10");
    assert_eq!(column("tags", "tag"), r#""red", "blue""#);
}

#[test]
fn spellings_share_a_column() {
    use expected::aliases::ThingsAsk;
    let page = json!({
        "thing": {"id": 1, "parentID": 5},
        "thingz": [{"id": 2, "parentId": 0}, {"id": 3, "parent_id": 6}],
    });
    assert_eq!(column::<ThingsAsk>(&page, "things", "id"), "1, 2, 3");
    assert_eq!(column::<ThingsAsk>(&page, "things", "parent"), "5, null, 6");
}

#[test]
fn lists_without_a_file_are_tables_too() {
    use expected::unsaid_tables::Owners;
    let page = json!({"data": {"owners": [
        {"id": 1, "home": {"city": "X"}, "nick": ["n"]},
        {"id": 2, "pets": [{"name": "p", "toys": [{"name": "t"}]}, {"name": "q", "toys": [{"name": "u"}]}]},
    ]}});
    let column = |table, name| column::<Owners>(&page, table, name);
    assert_eq!(column("owners_data_owners", "home_city"), r#""X", null"#);
    assert_eq!(column("owners_data_owners", "nick"), r#""[\"n\"]", null"#);
    let toys = "owners_data_owners_pets_toys";
    assert_eq!(column(toys, "data_owners_index"), "1, 1");
    assert_eq!(column(toys, "pets_index"), "0, 1");
    assert_eq!(column(toys, "name"), r#""t", "u""#);
}

#[test]
fn a_whole_answer_may_be_rows() {
    use expected::whole_answer::{Things, Unit};
    let page = json!({"used": 82, "serial": "U2", "new": 1});
    let unit = |name| column::<Unit>(&page, "units", name);
    assert_eq!(unit("serial"), r#""U1""#);
    assert_eq!(unit("serial_2"), r#""U2""#);
    assert_eq!(unit("booted_at"), "2026-11-22T08:00:00");
    assert_eq!(unit("used"), "82");
    assert_eq!(unit("_extra"), r#""{\"new\":1}""#);
    let page =
        json!([{"id": 1, "parts": [{"size": 2}, {"size": 3}]}, {"id": 4, "parts": {"size": 5}}]);
    let part = |name| column::<Things>(&page, "parts", name);
    assert_eq!(column::<Things>(&page, "things", "id"), "1, 4");
    assert_eq!(part("id"), "1, 1, 4");
    assert_eq!(part("_index"), "0, 1, 0");
}

#[test]
fn a_service_names_its_endpoints() {
    use expected::named_service::endpoints as e;
    use fortilake_models::Access;
    for (endpoint, id, access) in [
        (&e::SHOP_OWNERS_SITES, "shop/owners/sites", Access::Read),
        (&e::SHOP_REPORTS, "shop/reports", Access::Read),
        (&e::SHOP_REPORTS_OWNER, "shop/reports/owner", Access::Read),
        (&e::SHOP_POLL, "shop/poll", Access::Write),
    ] {
        assert_eq!((endpoint.id, endpoint.access), (id, access));
        assert_eq!(endpoint.client_id, Some("shop"));
    }
    assert_eq!(e::SHOP_REPORTS.path, "/shop/v1/api/reports/");
    assert_eq!(e::SHOP_REPORTS_OWNER.path, "/shop/v1/api/reports/{owner}");
}

#[test]
fn secrets_are_in_no_table_and_in_no_debug_text() {
    use expected::secret::{ThingsAsk, ThingsAskRequest, ThingsAskResponse};
    let request = ThingsAskRequest {
        password: Secret::from("hush"),
        user: "me".to_owned(),
    };
    assert!(!format!("{request:?}").contains("hush"));
    assert_eq!(
        serde_json::to_value(&request).unwrap(),
        json!({"password": "hush", "user": "me"})
    );
    let page = json!({"token": "hush", "codes": ["hush"], "things": [{"id": 1, "Token": "hush"}]});
    let response: ThingsAskResponse = serde_json::from_value(page.clone()).unwrap();
    assert!(!format!("{response:?}").contains("hush"));
    assert_eq!(column::<ThingsAsk>(&page, "things", "_extra"), "null");
    let columns = ThingsAsk::ENDPOINT.layout.unwrap().tables[0].columns;
    let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
    assert_eq!(
        names,
        ["id", "_source", "_crawl_id", "_observed_at", "_extra"]
    );
}

#[test]
fn a_name_may_be_secret_in_one_endpoint_alone() {
    use expected::secret::{Licenses, LicensesPostRequest, LicensesPostResponse, endpoints};
    assert_eq!(endpoints::LICENSES_POST.secrets, ["license", "pins"]);
    assert_eq!(endpoints::LICENSES.secrets, ["pin"]);
    let request = LicensesPostRequest {
        license: Secret::from("hush"),
    };
    assert!(!format!("{request:?}").contains("hush"));
    let echo = json!({"echo": {"license": "hush", "pins": ["hush"]}});
    let answer: LicensesPostResponse = serde_json::from_value(echo).unwrap();
    assert!(!format!("{answer:?}").contains("hush"));
    let page = json!({"licenses": [{"license": "L1", "pin": "hush"}]});
    assert_eq!(column::<Licenses>(&page, "licenses", "license"), r#""L1""#);
    assert_eq!(column::<Licenses>(&page, "licenses", "_extra"), "null");
}

#[test]
fn an_error_may_be_text_and_an_enum_a_number() {
    let answer: expected::messages::ThingsAskResponse = serde_json::from_value(
        json!({"error": "none left", "state": 7, "ready": "true", "ratio": "0.5"}),
    )
    .unwrap();
    assert_eq!(answer.error.unwrap().message.as_deref(), Some("none left"));
    assert_eq!(answer.state.unwrap().as_str(), "7");
    assert_eq!((answer.ready, answer.ratio), (Some(true), Some(0.5)));
}

#[test]
fn answers_are_read_leniently() {
    use expected::{all_of::ThingsAskResponse, r#enum::State, nullable};
    let answer: ThingsAskResponse =
        serde_json::from_value(json!({"status": "7", "note": 5, "thing": null, "new": []}))
            .unwrap();
    assert_eq!(answer.status, Some(7));
    assert_eq!(answer.note.as_deref(), Some("5"));
    let answer: nullable::ThingsAskResponse =
        serde_json::from_value(json!({"parts": null})).unwrap();
    assert!(answer.parts.is_empty());
    let state: State = serde_json::from_value(json!("unheard of")).unwrap();
    assert_eq!(state, State::Other("unheard of".to_owned()));
}

#[test]
fn requests_say_what_is_required() {
    use expected::{additional_properties, nullable::ThingsAskRequest, parameters};
    let request = ThingsAskRequest {
        plain: "p".to_owned(),
        ..ThingsAskRequest::default()
    };
    let sent = serde_json::to_value(&request).unwrap();
    assert_eq!(sent, json!({"must": null, "plain": "p"}));
    let request = ThingsAskRequest {
        may: Nullable::Null,
        ..request
    };
    let sent = serde_json::to_value(&request).unwrap();
    assert_eq!(sent, json!({"must": null, "may": null, "plain": "p"}));
    let request = parameters::ShopsShopThingsIdRequest {
        dry_run: Some(true),
        ..Default::default()
    };
    let sent = serde_json::to_value(&request).unwrap();
    assert_eq!(
        sent,
        json!({"shop": "", "id": 0, "dry-run": true, "name": ""})
    );
    let answer: additional_properties::ThingsAskResponse =
        serde_json::from_value(json!({"counts": {"a": 1}, "odd": 1.5})).unwrap();
    assert_eq!(answer.rest_, [("odd".to_owned(), 1.5)].into());
}
