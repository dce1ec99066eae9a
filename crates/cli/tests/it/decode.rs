//! `decode`: saved API responses become tables.

use crate::util::Folder;

const PAGE: &str = r#"{"token": "EXAMPLE", "status": 0, "assets": [
    {"serialNumber": "F1", "description": "=1+1", "registrationDate": "2023-03-14T09:21:37-8:00",
     "siteCode": "N-7", "folderId": "high"},
    {"serialNumber": "F2", "accountId": "710345", "description": ""}
], "pageNumber": 1, "totalPages": 1}"#;

#[test]
fn a_page_becomes_tables() {
    let folder = Folder::new().file("page.json", PAGE);
    let text = folder
        .check("decode products/list page.json page.json --asked accountId=710112 --sink csv:out");
    insta::assert_snapshot!(text, @"
    exit 0
    --- stderr
      products                   2
      entitlements               0
      product_contracts          0
      contract_terms             0
      asset_groups               0
      warranty_supports          0
      coverage                   1
      issues                     1
      2 duplicate rows: dropped
      2 unknown fields: kept in `_extra`
      1 misfit value: null in its column and listed in `issues`

    csv:out: 4 rows in 8 files (SIZE) at out
    ");
    let columns = folder.read("out/products.csv").replace("\r\n", "\n");
    // The run's own columns differ from run to run.
    let columns: Vec<&str> = columns
        .lines()
        .map(|line| line.split(",decode,").next().unwrap())
        .collect();
    insta::assert_snapshot!(columns.join("\n"), @r#"
    account_id,serial_number,product_model,description,registration_date,is_decommissioned,status,folder_id,folder_path,product_model_eor,product_model_eos,_source,_crawl_id,_observed_at,_extra
    710112,F1,,'=1+1,2023-03-14T09:21:37,,,,,,
    710345,F2,,"",,,,,,,
    "#);
    assert!(folder.read("out/issues.csv").contains("not an integer"));
    assert!(!folder.read("out/products.csv").contains("EXAMPLE"));
}

#[test]
fn nonsense_is_one_clear_error() {
    let folder = Folder::new()
        .file("page.json", "<html>")
        .file("list.json", "{\"assets\": 7}");
    insta::assert_snapshot!(folder.check("decode products/list page.json --sink csv:out"), @"
    exit 1
    --- stderr
    error: `page.json` cannot be decoded
      caused by: the answer is no JSON
      caused by: expected value at line 1 column 1
    ");
    insta::assert_snapshot!(folder.check("decode products/list list.json --sink csv:out"), @"
    exit 1
    --- stderr
    error: `list.json` cannot be decoded
      caused by: a page cannot be decoded
      caused by: the answer is not the JSON that its description promises
      caused by: `assets` is not a list at line 1 column 12
    ");
    insta::assert_snapshot!(folder.check("decode products/list gone.json --sink csv:out"), @"
    exit 2
    --- stderr
    error: `gone.json` cannot be read
      caused by: No such file or directory (os error 2)
    ");
    insta::assert_snapshot!(folder.check("decode product/list page.json --sink csv:out"), @"
    exit 2
    --- stderr
    error: no endpoint `product/list` gives rows

    hint: did you mean `products/list`?
    ");
    assert!(!folder.join("out/products.csv").exists());
}

#[test]
fn depth_is_no_danger() {
    let folder = Folder::new().file("deep.json", &"[".repeat(1 << 20));
    let text = folder.check("decode products/list deep.json --sink csv:out");
    assert!(text.starts_with("exit 1\n--- stderr\nerror: "), "{text}");
}

#[test]
fn secrets_of_saved_answers_stay_out_of_tables() {
    let page = r#"{"token": "EXAMPLE-TOKEN-OF-A-CALL", "status": 0, "assets": [
        {"serialNumber": "F1", "registrationCode": "EXAMPLE-CODE", "note": "by EXAMPLE-TOKEN-OF-A-CALL",
         "folderId": {"licenseFile": "EXAMPLE-FILE", "kept": "yes"}}
    ]}"#;
    let folder = Folder::new().file("page.json", &format!("\u{feff}{page}"));
    let text = folder.check("decode products/list page.json --sink csv:out");
    assert!(text.starts_with("exit 0"), "{text}");
    let tables: String = folder
        .files("out")
        .iter()
        .filter(|name| name.ends_with("csv"))
        .map(|name| folder.read(name))
        .collect();
    assert!(tables.contains("kept") && tables.contains("by [redacted]"));
    assert!(!tables.contains("EXAMPLE"), "{tables}");
}

#[test]
fn an_answer_that_is_an_error_is_refused() {
    let refused = r#"{"token": "EXAMPLE-TOKEN", "version": "3.0", "status": -1, "message": "Error",
        "error": {"errorCode": 202, "message": "No permission"}, "assets": null}"#;
    let nothing =
        r#"{"status": 0, "error": {"errorCode": 301, "message": "No product"}, "assets": null}"#;
    let folder = Folder::new()
        .file("refused.json", refused)
        .file("nothing.json", nothing);
    insta::assert_snapshot!(folder.check("decode products/list refused.json --sink csv:out"), @"
    exit 1
    --- stderr
    error: `refused.json` cannot be decoded
      caused by: the answer is an error of the API: No permission (error 202, status -1)
    ");
    assert!(!folder.join("out/products.csv").exists());
    let text = folder.check("decode products/list nothing.json --sink csv:out");
    assert!(text.starts_with("exit 0"), "{text}");
}

#[test]
fn an_argument_that_the_endpoint_does_not_have() {
    let folder = Folder::new().file("page.json", PAGE);
    insta::assert_snapshot!(folder.check("decode products/list page.json --asked acountId=7 --sink csv:out"), @"
    exit 2
    --- stderr
    error: `products/list` has no argument `acountId`

    hint: did you mean `accountId`?
    ");
    insta::assert_snapshot!(folder.check("decode products/list page.json --asked color=7 --sink csv:out"), @"
    exit 2
    --- stderr
    error: `products/list` has no argument `color`

    hint: it has: accountId, serialNumber, expireBefore, status, productModel, pageNumber
    ");
}

#[test]
fn an_answer_is_read_as_its_own_system_means_it() {
    let refused = r#"{"data": null, "status": {"code": 5, "message": "no permission"}}"#;
    let folder = Folder::new().file("refused.json", refused);
    let line = "decode portal/account/organizations refused.json --sink csv:out";
    insta::assert_snapshot!(folder.check(line), @"
    exit 1
    --- stderr
    error: `refused.json` cannot be decoded
      caused by: the answer is an error of the API: no permission (status 5)
    ");
}
