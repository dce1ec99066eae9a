//! Crawls, run as a user runs them.

use serde_json::Value;

use crate::util::{Folder, SMALL, Simulator};

/// The summary without its first line, which contains the elapsed time.
fn body(text: &str) -> String {
    text.lines()
        .filter(|line| !line.contains(" snapshot "))
        .fold(String::new(), |text, line| text + line + "\n")
}

#[test]
fn the_embedded_organization() {
    let folder = Folder::new();
    insta::assert_snapshot!(body(&folder.check("crawl --simulate")), @"
    exit 0
    --- stderr

      org_units                 17
      accounts                  17
      products                 698
      entitlements            6705
      product_contracts       1305
      contract_terms          6267
      asset_groups             118
      warranty_supports          0
      coverage                  35
      issues                     0

    parquet:out: 15162 rows in 10 files (SIZE) at out
    ");
    insta::assert_snapshot!(folder.files("out").join("\n"), @"
    out/_fortilake/claims/snapshots/SNAPSHOT.json
    out/_fortilake/latest.json
    out/_fortilake/snapshots/SNAPSHOT.json
    out/accounts/snapshot=SNAPSHOT/part-TOKEN.parquet
    out/asset_groups/snapshot=SNAPSHOT/part-TOKEN.parquet
    out/contract_terms/snapshot=SNAPSHOT/part-TOKEN.parquet
    out/coverage/snapshot=SNAPSHOT/part-TOKEN.parquet
    out/entitlements/snapshot=SNAPSHOT/part-TOKEN.parquet
    out/issues/snapshot=SNAPSHOT/part-TOKEN.parquet
    out/org_units/snapshot=SNAPSHOT/part-TOKEN.parquet
    out/product_contracts/snapshot=SNAPSHOT/part-TOKEN.parquet
    out/products/snapshot=SNAPSHOT/part-TOKEN.parquet
    out/warranty_supports/snapshot=SNAPSHOT/part-TOKEN.parquet
    ");
    let latest: Value = serde_json::from_str(&folder.read("out/_fortilake/latest.json")).unwrap();
    assert_eq!(latest["complete"], true);
}

#[test]
fn over_the_network_into_two_sinks_with_a_summary() {
    let simulator = Simulator::start(&format!("page_size = 7\n{SMALL}"));
    let folder = Folder::beside(&simulator);
    let line = "crawl --sink csv:tables --sink parquet:tables --summary summary.json";
    let text = folder.check(line);
    assert!(text.starts_with("exit 0"), "{text}");
    let summary: Value = serde_json::from_str(&folder.read("summary.json")).unwrap();
    assert_eq!(
        (&summary["complete"], &summary["tables"]["products"]),
        (&true.into(), &40.into())
    );
    assert_eq!(folder.read("tables/products.csv").lines().count(), 41);
    assert!(folder.join("tables/products").is_dir());
}

#[test]
fn a_token_url_without_its_slash() {
    for code in [301, 302, 307, 308] {
        let simulator = Simulator::start(&format!("token_redirect = {code}\n{SMALL}"));
        let (_, url) = simulator
            .variables
            .iter()
            .find(|(name, _)| name == "FORTICLOUD_AUTH_URL")
            .unwrap();
        let folder =
            Folder::beside(&simulator).with("FORTICLOUD_AUTH_URL", url.trim_end_matches('/'));
        let text = folder.check("crawl --sink csv:out");
        assert!(text.starts_with("exit 0"), "{code}: {text}");
    }
}

#[test]
fn a_refused_account_is_exit_3_and_reported() {
    let fault =
        "[[fault]]\npath = \"products/list\"\naccount = 710112\naction = { kind = \"refuse\" }\n";
    let simulator = Simulator::start(&format!("{SMALL}{fault}"));
    let folder = Folder::beside(&simulator);
    insta::assert_snapshot!(body(&folder.check("crawl --sink csv:out")), @"
    exit 3
    --- stderr

      org_units                  3
      accounts                   3
      products                  40
      entitlements             374
      product_contracts         66
      contract_terms           306
      asset_groups               8
      warranty_supports          0
      coverage                   7
      issues                     0

    1 scope failed; its rows are not published:
      forticloud products/list of account 710112: `products/list` for accountId 710112, serialNumber % was refused: Access denied. No permission to access the requested action or resource (error 202, status -1, HTTP 400)

    csv:out: 807 rows in 10 files (SIZE) at out
    ");
    assert!(folder.read("out/coverage.csv").contains("failed"));
    assert!(!folder.read("out/products.csv").contains("710112"));

    let folder = Folder::beside(&simulator);
    let text = folder.check("crawl --sink csv:out --require-complete");
    assert!(text.starts_with("exit 4"), "{text}");
    assert!(text.contains("nothing was published"), "{text}");
    assert!(!folder.join("out/products.csv").exists());
}

#[test]
fn one_sink_that_fails_harms_no_other() {
    let simulator = Simulator::start(SMALL);
    let folder = Folder::beside(&simulator);
    // A folder with the name of a published file: the sink can be opened, but not finished.
    std::fs::create_dir_all(folder.join("broken/products.csv")).unwrap();
    let text = folder.check("crawl --sink csv:broken --sink csv:whole");
    assert!(text.starts_with("exit 1"), "{text}");
    assert!(text.contains("error: sink `csv:broken` failed"), "{text}");
    assert_eq!(folder.read("whole/products.csv").lines().count(), 41);
    // The command in the hint works on the same sinks, once the cause is gone.
    let id = text.split_once("fortilake replay ").map(|(_, rest)| rest);
    let flags = "--sink csv:broken --sink csv:whole` to publish it to the other sinks";
    assert!(id.is_some_and(|rest| rest.contains(flags)), "{text}");
    std::fs::remove_dir_all(folder.join("broken/products.csv")).unwrap();
    let again = folder.check("replay latest --sink csv:broken --sink csv:whole");
    assert!(again.starts_with("exit 0"), "{again}");
}

#[cfg(unix)]
#[test]
fn only_sinks_that_write_files_count_files() {
    let text = Folder::new().check("crawl --simulate --sink exec:/bin/cat --sink csv:out");
    assert!(
        text.contains("exec:/bin/cat: 15162 rows to 10 runs of the program"),
        "{text}"
    );
    assert!(text.contains("csv:out: 15162 rows in 10 files"), "{text}");
}

#[test]
fn a_dot_env_file_is_read() {
    let simulator = Simulator::start(SMALL);
    let lines: Vec<String> = simulator
        .variables
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    // Some editors on Windows write a byte order mark at the start of a file.
    for mark in ["", "\u{feff}"] {
        let folder = Folder::new().file(".env", &format!("{mark}{}", lines.join("\n")));
        let text = folder.check("-vv crawl --sink csv:out");
        assert!(text.starts_with("exit 0"), "{text}");
        assert!(!text.contains('\u{1b}'), "colors are for terminals: {text}");
    }
}

#[test]
fn a_configuration_file_with_two_sources() {
    let simulator = Simulator::start(SMALL);
    let value = |name: &str| {
        simulator
            .variables
            .iter()
            .find(|(known, _)| known == name)
            .unwrap()
            .1
            .clone()
    };
    let source = |name: &str| {
        format!(
            "[[source]]\nname = \"{name}\"\ntype = \"forticloud\"\nusername = \"{}\"\npassword = {{ file = \"password\" }}\nauth_url = \"{}\"\napi_url = \"{}\"\ninclude = [\"folders\"]\n",
            value("FORTICLOUD_USERNAME"),
            value("FORTICLOUD_AUTH_URL"),
            value("FORTICLOUD_API_URL"),
        )
    };
    let folder = Folder::new()
        .file("password", &format!("{}\n", value("FORTICLOUD_PASSWORD")))
        .file(
            "fortilake.toml",
            &format!(
                "{}{}[[sink]]\ntype = \"csv\"\npath = \"tables\"\n",
                source("acme"),
                source("zulu")
            ),
        );
    let text = folder.check("crawl --source acme");
    assert!(text.starts_with("exit 0"), "{text}");
    let products = folder.read("tables/products.csv");
    assert!(products.contains(",acme,") && !products.contains(",zulu,"));
    assert!(folder.read("tables/folders.csv").lines().count() > 1);
}
