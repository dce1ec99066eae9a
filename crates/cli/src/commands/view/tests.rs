//! Tests of rendering rows.

use super::*;

const LIST: View = View {
    rows: "/folders",
    columns: &["folderId", "folderName", "parent"],
};

fn render(view: &View, answer: &str) -> String {
    view.render(answer, Format::Text).unwrap()
}

#[test]
fn columns_line_up() {
    let answer = r#"{"status": 0, "folders": [
        {"folderId": 7, "folderName": "Läden", "parent": null, "else": 1},
        {"folderId": 1234, "folderName": "東京", "parent": 7}]}"#;
    insta::assert_snapshot!(render(&LIST, answer), @"
    folderId  folderName  parent
    7         Läden
    1234      東京        7
    ");
    let json = LIST.render(answer, Format::Json).unwrap();
    let rows: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(rows[0]["else"], 1, "JSON has all members");
}

#[test]
fn no_rows_are_no_lines() {
    for answer in [r#"{"folders": []}"#, r#"{"folders": null}"#, "{}"] {
        assert_eq!(render(&LIST, answer), "");
        assert_eq!(LIST.render(answer, Format::Json).unwrap(), "[]\n");
    }
    assert_eq!(View::BLANK.render("{}", Format::Json).unwrap(), "");
}

#[test]
fn a_row_can_be_shown_whole() {
    let view = View {
        rows: "/asset",
        columns: &[],
    };
    let answer = r#"{"asset": {"serialNumber": "F1", "partner": null, "contracts": [],
        "location": {"city": "Kiel", "fax": null},
        "entitlements": [{"level": 5, "typeDesc": "Hardware   "}, {"level": 20}]}}"#;
    insta::assert_snapshot!(render(&view, answer), @"
    entitlements:
      level 5, typeDesc Hardware
      level 20
    location: city Kiel
    serialNumber: F1
    ");
}

#[test]
fn control_characters_are_removed() {
    let answer = "{\"folders\": [{\"folderName\": \"a\\u001b[31m\\nb\\u0000\"}]}";
    let text = render(&LIST, answer);
    assert!(text.contains("a [31m b"), "{text:?}");
}
