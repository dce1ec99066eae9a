//! A bad value costs only that value.

use fortilake_crawler::Incomplete;
use fortilake_simulator::Scenario;

use crate::util::{Crawled, crawl_with, products_only};

/// A tenant in whose products one piece of text is replaced once.
async fn with(replacement: &str) -> Crawled {
    crawl_faulty(&format!(
        "[organization]\nous = 1\naccounts = 2\nproducts = 20\n\
         [[fault]]\npath = \"products/list\"\naction = {{ kind = \"replace\", {replacement}, once = true }}\n"
    ))
    .await
}

fn products(crawled: &Crawled) -> usize {
    crawled.tables["products"].len()
}

#[tokio::test(start_paused = true)]
async fn invalid_bytes_damage_only_their_own_value() {
    for (bytes, damaged) in [
        // A Latin-1 byte, half a surrogate pair as UTF-8 and as an escape, and raw control
        // characters.
        ("[0x22, 0x5a, 0xfc, 0x22]", true),
        ("[0x22, 0xed, 0xa0, 0xbd, 0x22]", true),
        ("[0x22, 0x5c, 0x75, 0x64, 0x38, 0x33, 0x64, 0x22]", true),
        ("[0x22, 0x61, 0x09, 0x0a, 0x62, 0x22]", false),
    ] {
        for member in ["description", "siteCode"] {
            let bytes = format!(
                "{}, {}",
                bytes.trim_end_matches(']'),
                "0x2c, 0x22, 0x72, 0x65, 0x73, 0x74, 0x22, 0x3a, 0x22, 0x78, 0x22]"
            );
            let prefix: Vec<String> = format!("\"{member}\":")
                .bytes()
                .map(|byte| byte.to_string())
                .collect();
            let bytes = format!("[{}, {}", prefix.join(", "), &bytes[1..]);
            let find = "find = '\"isDecommissioned\":false'";
            let crawled = with(&format!("{find}, bytes = {bytes}")).await;
            let report = crawled.report();
            assert!(report.complete, "{member} {bytes}: {:?}", report.failed);
            assert_eq!(products(&crawled), 20);
            let issues = crawled.tables.get("issues").map_or(0, Vec::len);
            // Damaged text is reported.
            let told = crawled.tables.get("issues").into_iter().flatten();
            let of_damage = told
                .filter(|issue| issue["reason"].as_str().unwrap().contains("U+FFFD"))
                .count();
            assert_eq!(of_damage > 0, damaged, "{member} {bytes}: {issues} issues");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_element_that_is_not_an_object_is_an_issue() {
    for element in ["null", "7", "\"FGT60FTK26000009\"", "[]"] {
        let crawled = with(&format!(
            "find = '\"assets\":[', with = '\"assets\":[{element},'"
        ))
        .await;
        let report = crawled.report();
        assert!(report.complete, "{element}: {:?}", report.failed);
        assert_eq!(products(&crawled), 20, "{element}");
        let issues = &crawled.tables["issues"];
        let is_told = |issue: &&fortilake_simulator::Row| issue["reason"] == "not an object";
        assert!(issues.iter().filter(is_told).count() > 0, "{issues:?}");
    }
}

const FIRST: &str = r#"{"serialNumber":"FGT60FTK26999999","status":"Registered","description":"kept","entitlements":[{"level":20,"type":2,"startDate":"2024-01-01T00:00:00","endDate":"2027-01-01T00:00:00"}]}"#;

/// A tenant with one account, whose product list begins with these elements.
async fn with_elements(elements: &str) -> Crawled {
    crawl_faulty(&format!(
        "[organization]\nous = 1\naccounts = 1\nproducts = 20\n\
         [[fault]]\npath = \"products/list\"\naction = {{ kind = \"replace\", \
         find = '\"assets\":[', with = '\"assets\":[{elements},', once = true }}\n"
    ))
    .await
}

async fn crawl_faulty(scenario: &str) -> Crawled {
    let scenario = Scenario::from_toml(scenario).unwrap();
    crawl_with(scenario, products_only(), Incomplete::Publish).await
}

/// Checks that this table has an issue about this column, with both values.
fn check_conflict(crawled: &Crawled, table: &str, column: Option<&str>, kept: &str, other: &str) {
    let mut issues = crawled.tables["issues"].iter();
    let issue = issues
        .find(|issue| issue["table_name"] == table && issue["column_name"].as_str() == column);
    let issue = issue.unwrap_or_else(|| panic!("{table}: {:?}", crawled.tables["issues"]));
    assert!(
        issue["value"].as_str().unwrap().contains(other),
        "{issue:?}"
    );
    assert!(
        issue["reason"].as_str().unwrap().contains(kept),
        "{issue:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn different_rows_with_one_key_are_an_issue_with_both_values() {
    let second = FIRST.replace("kept", "dropped").replace("2027", "2031");
    // The third row repeats the conflict, which is reported once.
    let crawled = with_elements(&format!("{FIRST},{second},{second}")).await;
    let report = crawled.report();
    assert!(report.complete, "{:?}", report.failed);
    assert_eq!(products(&crawled), 21);
    let mut rows = crawled.tables["products"].iter();
    let row = rows.find(|row| row["serial_number"] == "FGT60FTK26999999");
    assert_eq!(row.unwrap()["description"], "kept");
    check_conflict(&crawled, "products", Some("description"), "kept", "dropped");
    check_conflict(&crawled, "entitlements", None, "2027", "2031");
    assert_eq!(crawled.tables["issues"].len(), 2);
}

/// The lists of two units are two scopes, so the first row is on an earlier page.
#[tokio::test(start_paused = true)]
async fn rows_are_compared_across_scopes() {
    let account = |list: u64, company: &str| {
        format!(
            "[[fault]]\npath = \"accounts/list\"\nnth = {list}\naction = {{ kind = \"replace\", \
             find = '\"accounts\":[', once = true, \
             with = '\"accounts\":[{{\"id\":719999,\"company\":\"{company}\"}},' }}\n"
        )
    };
    let tenant = "[organization]\nous = 3\naccounts = 6\nproducts = 20\n";
    let crawled = crawl_faulty(&format!(
        "{tenant}{}{}",
        account(1, "kept"),
        account(3, "other")
    ))
    .await;
    assert_eq!(crawled.tables["accounts"].len(), 7);
    check_conflict(&crawled, "accounts", Some("company"), "kept", "other");
}

#[tokio::test(start_paused = true)]
async fn equal_rows_are_published_once_without_an_issue() {
    let crawled = with_elements(&format!("{FIRST},{FIRST}")).await;
    let report = crawled.report();
    assert!(report.complete, "{:?}", report.failed);
    assert_eq!(products(&crawled), 21);
    assert_eq!(crawled.tables.get("issues"), None);
}

#[tokio::test(start_paused = true)]
async fn different_rows_without_a_serial_number_fail_their_scope() {
    for serial in ["\"\"", "\" \"", "null"] {
        let nameless = |text: &str| {
            let row = FIRST.replace("\"FGT60FTK26999999\"", serial);
            row.replace("kept", text)
        };
        let both = format!("{},{}", nameless("a"), nameless("b"));
        let crawled = with_elements(&both).await;
        let report = crawled.report();
        assert_eq!(report.failed.len(), 1, "{serial}");
        assert!(
            report.failed[0].error.contains("to tell them apart"),
            "{serial}"
        );
    }
}
