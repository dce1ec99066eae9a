//! Tests of reading units from files.

use super::*;

/// For each row what would be sent or the complaint; for a bad file, the error.
fn read(text: &str, ending: &str) -> Value {
    let rows = match parse(text, ending) {
        Ok(rows) => rows,
        Err(failure) => return Value::from(format!("{:#}", failure.error)),
    };
    let value = |row: Row| {
        if let Some(complaint) = row.complaint {
            return Value::from(complaint);
        }
        let mut value = serde_json::to_value(row.unit.unit).expect("a unit is JSON");
        if let Some(location) = row.unit.location {
            value["location"] = serde_json::to_value(location).expect("a location is JSON");
        }
        value
    };
    rows.into_iter().map(value).collect()
}

#[test]
fn all_file_types_read_the_same_units() {
    let csv = "\u{feff}serialNumber;Contract Number;description;asset_group_ids;cloudKey;isGovernment;folderId;city;countryCode\r\n\
               FGT1;4821AB100234;\"a; b\";41277 41278;ABCD2345;yes;880121;Kiel;DE\r\n;;;;;;;;\r\nFGT2;;;;;;;;\r\n";
    let json = r#"[{"serialNumber": "FGT1", "contractNumber": "4821AB100234", "description": "a; b",
        "assetGroupIds": [41277, 41278], "cloudKey": "ABCD2345", "isGovernment": true, "folderId": 880121,
        "location": {"city": "Kiel", "countryCode": "DE"}}, {"serialNumber": "FGT2", "folderId": null}]"#;
    let toml = "[[unit]]\nserial_number = \"FGT1\"\ncontract_number = \"4821AB100234\"\ndescription = \"a; b\"\n\
                asset_group_ids = [41277, 41278]\ncloud_key = \"ABCD2345\"\nis_government = true\nfolder_id = 880121\n\
                location = { city = \"Kiel\", country_code = \"DE\" }\n[[unit]]\nserial_number = \"FGT2\"\n";
    let expected = serde_json::json!([
        {
            "serialNumber": "FGT1", "contractNumber": "4821AB100234", "description": "a; b",
            "assetGroupIds": [41277, 41278], "cloudKey": "ABCD2345", "isGovernment": true,
            "folderId": 880_121, "location": { "city": "Kiel", "countryCode": "DE" },
        },
        { "serialNumber": "FGT2" },
    ]);
    assert_eq!(read(csv, "csv"), expected);
    assert_eq!(read(json, "json"), expected);
    assert_eq!(read(toml, "toml"), expected);
    assert_eq!(read(&format!("{{\"units\": {json}}}"), "json"), expected);
}

#[test]
fn a_bad_value_affects_only_its_row() {
    let csv = "serialNumber,folderId,isGovernment,assetGroupIds\nF1,top,,\nF2,,perhaps,\nF3,,,a;b\nF4,7,0,\n";
    assert_eq!(
        read(csv, "csv"),
        serde_json::json!([
            "`folderId` is not a whole number",
            "`isGovernment` is not true or false",
            "`assetGroupIds` is not a list of whole numbers",
            { "serialNumber": "F4", "folderId": 7, "isGovernment": false },
        ])
    );
    let json = r#"[{"serialNumber": ["F1"]}, {"serialNumber": "F2", "location": "Kiel"},
        {"serialNumber": "F3", "location": {"town": "Kiel"}}, {"serialNumber": "F4", "city": {}}]"#;
    assert_eq!(
        read(json, "json"),
        serde_json::json!([
            "`serialNumber` is not a string",
            "`location` is not an address",
            "`location` is not an address",
            "a part of the address is not a string",
        ])
    );
}

#[test]
fn a_file_that_cannot_be_read_is_refused_as_a_whole() {
    for (text, ending, complaint) in [
        (
            "serialNumber,contract\nF1,C",
            "csv",
            "a unit has no field `contract`",
        ),
        (
            "serial,description\nF1,C",
            "csv",
            "a unit has no field `serial`",
        ),
        ("serialNumber\nF1,C", "csv", "record 1 (line: 2"),
        ("", "csv", "the file has no units"),
        ("[]", "json", "the file has no units"),
        ("{", "json", "the file is not JSON"),
        ("[1]", "json", "the file is not a list of objects"),
        ("7", "json", "the file is not a list of objects"),
        ("[[unit]]\ncloudKey = \"SECRET", "toml", "line 2: "),
        ("F1", "txt", "unknown file type"),
    ] {
        let said = read(text, ending);
        let said = said.as_str().unwrap_or_default();
        assert!(said.contains(complaint), "{text}: {said}");
        assert!(!said.contains("SECRET"), "{said}");
    }
}

#[test]
fn a_quote_that_nobody_closed_is_an_error_with_its_line() {
    for (csv, told) in [
        (
            "serialNumber,description\nF1,ok\nF2,\"open\nF3,x\n",
            "line 3: a quote is opened",
        ),
        (
            "serialNumber,description\nF1,\"open\nF2,\"x\"\n",
            "line 3: text follows",
        ),
        (
            "serialNumber,description\nF1,\"a\" b\n",
            "line 2: text follows",
        ),
    ] {
        let found = read(csv, "csv");
        assert!(
            found.as_str().is_some_and(|text| text.starts_with(told)),
            "{found}"
        );
    }
    let fine = "serialNumber,description\nF1,\"a \"\"b\"\", c\nd\" \nF2,5\" disk\n";
    let found = read(fine, "csv");
    assert_eq!(found[0]["description"], "a \"b\", c\nd", "{found}");
    assert_eq!(found[1]["description"], "5\" disk");
}
