//! `decode`: saved API responses become tables.

use crate::util::Folder;

const PAGE: &str = r#"{"token": "EXAMPLE", "status": 0, "assets": [
    {"serialNumber": "F1", "description": "=1+1", "registrationDate": "2023-03-14T09:21:37-8:00",
     "siteCode": "N-7", "folderId": "high"},
    {"serialNumber": "F2", "accountId": "710112", "description": ""}
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
      1 issue: see the table `issues`

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
    710112,F2,,"",,,,,,,
    "#);
    assert!(folder.read("out/issues.csv").contains("not an integer"));
    assert!(!folder.read("out/products.csv").contains("EXAMPLE"));
}

#[test]
fn unusable_files_are_explained() {
    let folder = Folder::new()
        .file("page.json", "<html>")
        .file("list.json", "{\"assets\": 7}");
    insta::assert_snapshot!(folder.check("decode products/list page.json --sink csv:out"), @"
    exit 1
    --- stderr
    error: `page.json` cannot be decoded
      caused by: the response is not JSON
      caused by: expected value at line 1 column 1
    ");
    insta::assert_snapshot!(folder.check("decode products/list list.json --sink csv:out"), @"
    exit 1
    --- stderr
    error: `list.json` cannot be decoded
      caused by: a page cannot be decoded
      caused by: the response is not JSON with the structure that the API description specifies
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
    error: there is no endpoint `product/list` that returns rows

    hint: did you mean `products/list`?
    ");
    assert!(!folder.join("out/products.csv").exists());
}

#[test]
fn the_files_of_a_folder_are_pages_in_the_order_of_their_names() {
    let page = |number, serial| {
        format!(
            r#"{{"status": 0, "pageNumber": {number}, "totalPages": 2, "assets": [{{"serialNumber": "{serial}"}}]}}"#
        )
    };
    let folder = Folder::new()
        .file("pages/2.json", &page(2, "F2"))
        .file("pages/1.json", &page(1, "F1"))
        .file("pages/notes.txt", "not a page")
        .file("none/notes.txt", "not a page");
    let text = folder.check("decode products/list pages --sink csv:out");
    assert!(text.starts_with("exit 0"), "{text}");
    let products = folder.read("out/products.csv");
    let first = products.find("F1").expect("the product of the first page");
    let second = products.find("F2").expect("the product of the second page");
    assert!(first < second, "{products}");
    insta::assert_snapshot!(folder.check("decode products/list none --sink csv:out"), @"
    exit 2
    --- stderr
    error: the folder `none` has no `*.json` files
    ");
}

/// Pages are decoded at the same time, and later ones are smaller here, so that they are done first.
#[test]
fn rows_are_in_the_order_of_the_files_whichever_page_is_decoded_first() {
    const PAGES: usize = 60;
    let serial = |page: usize| format!("F{page:03}");
    let folder = (0..PAGES).fold(Folder::new(), |folder, page| {
        let filler = "x".repeat((PAGES - page) * 20_000);
        let text = format!(
            r#"{{"status": 0, "message": "{filler}", "assets": [{{"serialNumber": "{}"}}]}}"#,
            serial(page)
        );
        folder.file(&format!("pages/{page:03}.json"), &text)
    });
    let text = folder.check("decode products/list pages --sink csv:out");
    assert!(text.starts_with("exit 0"), "{text}");
    let products = folder.read("out/products.csv");
    let found = (0..PAGES).map(|page| products.find(&serial(page)).expect("every product"));
    assert!(found.is_sorted(), "{products}");
}

#[test]
fn a_page_count_is_read_in_every_form() {
    for total in ["3", "3.0", "\"3\""] {
        let page = format!(r#"{{"assets": [{{"serialNumber": "F1"}}], "totalPages": {total}}}"#);
        let folder = Folder::new().file("page.json", &page);
        let text = folder.check("decode products/list page.json --sink csv:out");
        assert!(text.starts_with("exit 3"), "{text}");
        assert!(text.contains("incomplete list: only page 1 of 3"), "{text}");
    }
}

#[test]
fn a_page_count_that_proves_nothing_is_noted() {
    for (total, reason) in [("0", "not a number of pages"), ("null", "null")] {
        let page = format!(r#"{{"assets": [{{"serialNumber": "F1"}}], "totalPages": {total}}}"#);
        let folder = Folder::new()
            .file("page.json", &page)
            .file("end.json", "{\"assets\": []}");
        let text = folder.check("decode products/list page.json --sink csv:out");
        let note = format!("`page.json`: the response has rows, but its `totalPages` is {reason}");
        assert!(text.starts_with("exit 0"), "{text}");
        assert!(
            text.contains(&format!("the list may have more pages: {note}")),
            "{text}"
        );
        assert!(folder.read("out/coverage.csv").contains(&note));
        let text = folder.check("decode products/list page.json end.json --sink csv:ended");
        assert!(!text.contains("more pages"), "{text}");
    }
}

#[test]
fn rows_of_another_account_make_the_list_incomplete() {
    let folder = Folder::new().file("page.json", PAGE);
    let text =
        folder.check("decode products/list page.json --asked accountId=710101 --sink csv:out");
    assert!(text.starts_with("exit 3"), "{text}");
    let reason = "`page.json`: requested account 710101, but a row belongs to account 710112";
    assert!(
        text.contains(&format!("incomplete list: {reason}")),
        "{text}"
    );
    assert!(folder.read("out/coverage.csv").contains(reason));
}

#[test]
fn deeply_nested_json_is_an_error_and_no_crash() {
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
        .tables("out")
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
      caused by: the response is an API error: No permission (error 202, status -1)
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
    let refused = folder.check("decode products/list page.json --asked color=7 --sink csv:out");
    // Another edition of the description may have more arguments.
    let start = "exit 2\n--- stderr\nerror: `products/list` has no argument `color`\n\nhint: its \
        arguments are: accountId, serialNumber, expireBefore, status, productModel, pageNumber";
    assert!(refused.starts_with(start), "{refused}");
}

#[test]
fn a_response_is_read_in_the_form_of_its_own_system() {
    let refused = r#"{"data": null, "status": {"code": 5, "message": "no permission"}}"#;
    let folder = Folder::new().file("refused.json", refused);
    let line = "decode portal/account/organizations refused.json --sink csv:out";
    insta::assert_snapshot!(folder.check(line), @"
    exit 1
    --- stderr
    error: `refused.json` cannot be decoded
      caused by: the response is an API error: no permission (status 5)
    ");
}

#[test]
fn one_page_of_several_is_not_the_whole_list() {
    let page = |number: u32| {
        format!(
            r#"{{"status": 0, "assets": [{{"serialNumber": "F{number}"}}], "pageNumber": {number}, "totalPages": 2}}"#
        )
    };
    let folder = Folder::new()
        .file("1.json", &page(1))
        .file("2.json", &page(2))
        .file(
            "renamed.json",
            r#"{"status": 0, "assetsV2": [{"serialNumber": "F1"}]}"#,
        );
    let text = folder.check("decode products/list 1.json --sink csv:out");
    assert!(text.starts_with("exit 3"), "{text}");
    assert!(
        text.contains("incomplete list: only page 1 of 2\n"),
        "{text}"
    );
    let coverage = folder.read("out/coverage.csv");
    assert!(
        coverage.contains("failed") && coverage.contains("only page 1 of 2"),
        "{coverage}"
    );
    let text = folder.check("decode products/list 1.json 2.json --sink csv:both");
    assert!(text.starts_with("exit 0"), "{text}");
    let text = folder.check("decode products/list renamed.json --sink csv:renamed");
    assert!(text.starts_with("exit 3"), "{text}");
    let told = "the response has `assetsV2` where `assets` was expected";
    assert!(text.contains(told), "{text}");
    assert!(folder.read("renamed/coverage.csv").contains("failed"));
}

#[test]
fn bytes_that_are_not_utf_8_cost_one_value() {
    let page = r#"{"status": 0, "assets": [{"serialNumber": "F1", "description": "Zuerich"},
        {"serialNumber": "F2"}, "F3"], "pageNumber": 1, "totalPages": 1}"#;
    let (before, after) = page.split_once("ue").unwrap();
    let folder = Folder::new();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.join(name), bytes).unwrap();
    write(
        "latin1.json",
        &[before.as_bytes(), b"\xfc", after.as_bytes()].concat(),
    );
    write(
        "control.json",
        &[before.as_bytes(), b"\t", after.as_bytes()].concat(),
    );
    let utf16: Vec<u8> = page.encode_utf16().flat_map(u16::to_le_bytes).collect();
    write("utf16.json", &[b"\xff\xfe", &utf16[..]].concat());
    for (name, issues) in [("latin1", 2), ("control", 1), ("utf16", 1)] {
        let text = folder.check(&format!(
            "decode products/list {name}.json --sink csv:{name}"
        ));
        assert!(text.starts_with("exit 0"), "{text}");
        assert_eq!(
            folder.read(&format!("{name}/products.csv")).lines().count(),
            3,
            "{text}"
        );
        let table = folder.read(&format!("{name}/issues.csv"));
        assert_eq!(table.lines().count(), 1 + issues, "{table}");
    }
}
