//! Tables as others read them: SQL for an engine, sources for dbt, a company in a CSV file, a workbook.

use std::fs;

use crate::util::{Folder, SMALL, Simulator, text_of};

#[test]
fn the_statements_load_what_is_published() {
    let folder = Folder::new();
    let crawl = "crawl --simulate --sink parquet:out?tables=products,accounts --sink csv:sheets?formula_prefix=false";
    assert!(folder.check(crawl).starts_with("exit 0"));
    let sql = |line: &str| {
        text_of(
            folder
                .run(&format!("tables --format sql --dialect {line}"))
                .stdout,
        )
    };

    let duckdb = sql("duckdb --place out");
    assert!(duckdb.contains(
        "CREATE TABLE IF NOT EXISTS \"products\" (\n    \"snapshot\" VARCHAR NOT NULL,\n"
    ));
    assert!(
        duckdb.contains("UNIQUE (\"snapshot\", \"_source\", \"account_id\", \"serial_number\")")
    );
    assert!(duckdb.contains("FROM read_parquet('out/products/*/*.parquet', "));
    assert!(!duckdb.contains("entitlements"), "{duckdb}");

    let postgres = sql("postgres --place sheets");
    assert!(!postgres.contains("snapshot\" "), "{postgres}");
    assert!(
        postgres
            .contains("UNIQUE NULLS NOT DISTINCT (\"_source\", \"account_id\", \"serial_number\")")
    );
    assert!(postgres.contains(" FROM 'sheets/entitlements.csv' WITH (FORMAT csv, HEADER true)"));

    let spark = sql("spark --place out");
    let place = folder.join("out/products").display().to_string();
    assert!(
        spark.contains(&format!("PARTITIONED BY (`snapshot`)\nLOCATION '{place}';")),
        "{spark}"
    );
    assert!(
        spark.contains("MSCK REPAIR TABLE `accounts` SYNC PARTITIONS;"),
        "{spark}"
    );

    // Without a place, all tables of the catalogue and no statements that load them.
    let all = sql("duckdb");
    assert!(
        all.contains("\"flex_configs\"") && !all.contains("INSERT"),
        "{all}"
    );
}

#[test]
fn a_place_that_an_engine_cannot_load_is_refused() {
    let folder = Folder::new();
    let crawl = "crawl --simulate --sink parquet:out --sink csv:sheets";
    assert!(folder.check(crawl).starts_with("exit 0"));
    insta::assert_snapshot!(folder.check("tables --format sql --dialect postgres --place out"), @"
    exit 2
    --- stderr
    error: PostgreSQL cannot load the files in `out` as they are

    hint: publish to another folder with `--sink 'csv:FOLDER?formula_prefix=false'`, then name that folder with `--place`
    ");
    // These have an apostrophe before what looks like a formula.
    let prefixed = folder.check("tables --format sql --dialect postgres --place sheets");
    assert!(
        prefixed.contains("cannot load the files in `sheets`"),
        "{prefixed}"
    );
    let nothing = folder.check("tables --format sql --dialect duckdb --place nothing");
    assert!(
        nothing.contains("no snapshot is published in `nothing`"),
        "{nothing}"
    );
    let text = folder.check("tables --dialect duckdb");
    assert!(
        text.contains("hint: add `--format sql` or `--format dbt`"),
        "{text}"
    );
}

#[test]
fn a_csv_file_has_the_company_of_each_account() {
    let folder = Folder::new();
    let crawl = "crawl --simulate --sink csv:out?tables=products&join=company&columns=account_id,company,serial_number";
    assert!(folder.check(crawl).starts_with("exit 0"));
    let text = fs::read_to_string(folder.join("out/products.csv")).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("account_id,company,serial_number"));
    let has_company = |line: &str| {
        let company = line.split(',').nth(1).unwrap();
        company.len() > 3
    };
    assert_eq!(lines.clone().count(), 698);
    assert!(lines.all(has_company), "{text}");
}

#[test]
fn a_workbook_is_replaced_by_the_next_crawl() {
    let folder = Folder::new();
    let crawl = "crawl --simulate --sink xlsx:reports/inventory.xlsx?tables=products,coverage";
    for _ in 0..2 {
        assert!(folder.check(crawl).starts_with("exit 0"));
    }
    let entries = fs::read_dir(folder.join("reports")).unwrap();
    assert_eq!(entries.count(), 1);
    fs::write(folder.join("reports/inventory.xlsx"), "mine").unwrap();
    let refused = folder.check(crawl);
    assert!(refused.starts_with("exit 2"), "{refused}");
    assert!(
        refused.contains("was not written by fortilake, so it is not replaced"),
        "{refused}"
    );
}

#[test]
fn a_check_finds_a_sink_that_cannot_be_written() {
    let simulator = Simulator::start(SMALL);
    let folder = Folder::beside(&simulator).file("file", "");
    let good = folder.check("check --sink csv:out --sink xlsx:out.xlsx");
    assert!(
        good.contains("sinks\n  csv:out           ok      can be written\n"),
        "{good}"
    );
    assert!(!folder.join("out").exists());
    let bad = folder.check("check --sink csv:file/out");
    assert!(bad.starts_with("exit 2"), "{bad}");
    assert!(bad.contains("  csv:file/out      failed  "), "{bad}");
    let json = text_of(folder.run("check --json --sink csv:file/out").stdout);
    let list: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(list[1]["sink"], "csv:file/out");
    assert_eq!(list[1]["result"], "failed");
    assert_eq!(list[1]["exit_code"], 2);
}
