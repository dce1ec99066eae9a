//! Crawls that pause and resume, and the commands that list, show, remove and replay them.

use serde_json::Value;

use crate::util::{Folder, SMALL, Simulator, text_of};

/// The summary of a run.
fn summary(folder: &Folder) -> Value {
    serde_json::from_str(&folder.read("summary.json")).unwrap()
}

/// How many requests the ledger has counted, sign-ins included.
fn requests(folder: &Folder) -> u64 {
    let plan = text_of(folder.run("plan").stdout);
    let (before, _) = plan
        .split_once(" of 1000 calls used in the last hour")
        .unwrap();
    before.lines().last().unwrap().trim().parse().unwrap()
}

/// The ids of the stored crawls, newest first.
fn ids(folder: &Folder) -> Vec<String> {
    let listed = text_of(folder.run("crawls").stdout);
    let first = |line: &str| line.split(' ').next().unwrap().to_owned();
    listed.lines().map(first).collect()
}

#[test]
fn a_paused_crawl_resumes_where_it_stopped() {
    let simulator = Simulator::start(SMALL);
    let line = "crawl --sink csv:out --summary summary.json";
    let whole = Folder::beside(&simulator);
    assert!(whole.check(line).starts_with("exit 0"));

    let folder = Folder::beside(&simulator);
    insta::assert_snapshot!(folder.check(&format!("{line} --max-calls 7")), @"
    exit 75
    --- stderr
    error: paused: reached `--max-calls`, after 7 calls

    hint: nothing is lost; run the same command again to resume crawl SNAPSHOT-ID
    ");
    assert!(!folder.join("out/products.csv").exists());
    let paused = summary(&folder);
    assert_eq!(paused["exit_code"], 75);
    let reason = paused["reason"].as_str().unwrap();
    assert!(reason.contains("paused"), "{reason}");
    assert_eq!(paused["published"], false);
    let text = folder.check(line);
    assert!(text.starts_with("exit 0"), "{text}");
    assert!(text.contains("resuming crawl"), "{text}");
    let summary = summary(&folder);
    assert!(summary["recalled"].as_u64().unwrap() > 0);
    // No call is made twice, and the resumed run uses the stored tokens.
    assert_eq!(requests(&folder), requests(&whole));
    for table in ["org_units", "accounts", "products", "contract_terms"] {
        assert_eq!(rows(&folder, table), rows(&whole, table), "{table}");
    }
    assert_eq!(ids(&folder).len(), 1);
}

/// The rows of a table without the columns of the run.
fn rows(folder: &Folder, table: &str) -> Vec<String> {
    let text = folder.read(&format!("out/{table}.csv"));
    let own = |line: &str| line.split(",forticloud,").next().unwrap().to_owned();
    let mut rows: Vec<String> = text.lines().map(own).collect();
    rows.sort();
    rows
}

#[test]
fn another_configuration_does_not_resume() {
    let simulator = Simulator::start(SMALL);
    let folder = Folder::beside(&simulator);
    let configure = |include: &str| {
        let url = |name: &str| simulator.variable(name);
        let text = format!(
            "[[source]]\nname = \"acme\"\ntype = \"forticloud\"\nusername = {{ env = \"FORTICLOUD_USERNAME\" }}\n\
             password = {{ env = \"FORTICLOUD_PASSWORD\" }}\nauth_url = \"{}\"\napi_url = \"{}\"\ninclude = [{include}]\n",
            url("FORTICLOUD_AUTH_URL"),
            url("FORTICLOUD_API_URL"),
        );
        std::fs::write(folder.join("fortilake.toml"), text).unwrap();
    };
    configure("");
    let text = folder.check("crawl --sink csv:out --max-calls 7");
    assert!(text.starts_with("exit 75"), "{text}");
    configure("\"folders\"");
    insta::assert_snapshot!(folder.check("crawl --sink csv:out"), @r#"
    exit 2
    --- stderr
    error: crawl `SNAPSHOT-ID` is unfinished and cannot be resumed, because the settings changed: `include` of source `acme` was [] and is now ["folders/list"]

    hint: undo the change to resume it, or pass `--fresh` to start a new crawl
    "#);
    assert!(!folder.join("out/products.csv").exists());
    let text = folder.check("crawl --sink csv:out --fresh");
    assert!(
        text.starts_with("exit 0") && !text.contains("resuming"),
        "{text}"
    );
    assert_eq!(ids(&folder).len(), 2);
}

#[test]
fn a_crawl_without_a_response_does_not_block_the_next_one() {
    let simulator = Simulator::start(SMALL);
    let folder = Folder::beside(&simulator).with("FORTICLOUD_USERNAME", "nobody");
    assert!(folder.check("crawl --sink csv:out").starts_with("exit 2"));
    let user = simulator.variable("FORTICLOUD_USERNAME");
    let text = folder
        .with("FORTICLOUD_USERNAME", user)
        .check("crawl --sink csv:out");
    assert!(text.starts_with("exit 0"), "{text}");
}

#[test]
fn stored_crawls_are_listed_shown_and_removed() {
    let simulator = Simulator::start(SMALL);
    let folder = Folder::beside(&simulator);
    let empty = folder.check("crawls");
    assert!(
        empty.starts_with("exit 0") && empty.contains("has no crawls"),
        "{empty}"
    );
    assert!(
        folder
            .check("crawl --sink csv:out --max-calls 7")
            .starts_with("exit 75")
    );
    insta::assert_snapshot!(folder.check("crawls"), @"
    exit 0
    --- stdout
    SNAPSHOT-ID  paused              4 calls  TIME
    --- stderr
    `FOLDER/state/state.sqlite` has 1 crawl since TIME and takes SIZE
    ");
    assert!(folder.check("crawl --sink csv:out").starts_with("exit 0"));
    insta::assert_snapshot!(folder.check("crawls list"), @"
    exit 0
    --- stdout
    SNAPSHOT-ID  published          10 calls  TIME
    --- stderr
    `FOLDER/state/state.sqlite` has 1 crawl since TIME and takes SIZE
    ");
    let id = ids(&folder).remove(0);
    let shown = folder.check(&format!("crawls show {id}"));
    insta::assert_snapshot!(shown.split("\n\n").next().unwrap(), @"
    exit 0
    --- stdout
    crawl:     SNAPSHOT-ID
    snapshot:  SNAPSHOT
    status:    published
    started:   TIME
    calls:     10
    version:   fortilake 0.1.0
    finished:  TIME
    sink:      csv:out: published
    ");
    assert!(shown.contains("\"complete\": true"), "{shown}");
    assert_eq!(folder.check("crawls show latest"), shown);
    let text = folder.check("crawls show 20260101T000000Z-00000000");
    assert!(text.starts_with("exit 2"), "{text}");
    insta::assert_snapshot!(folder.check(&format!("crawls remove {id}")), @"
    exit 0
    --- stdout
    removed crawl SNAPSHOT-ID; its published snapshots stay
    ");
    assert!(folder.check("crawls").contains("has no crawls"));
    assert!(folder.join("out/products.csv").exists());
}

#[test]
fn a_replay_publishes_the_same_tables() {
    let fault =
        "[[fault]]\npath = \"products/list\"\naccount = 710112\naction = { kind = \"refuse\" }\n";
    for (scenario, code) in [(SMALL.to_owned(), 0), (format!("{SMALL}{fault}"), 3)] {
        let simulator = Simulator::start(&scenario);
        let folder = Folder::beside(&simulator);
        assert_eq!(folder.run("crawl --sink csv:out").status.code(), Some(code));
        drop(simulator);
        let id = ids(&folder).remove(0);
        let text = folder.check(&format!("replay {id} --sink csv:again"));
        assert!(text.starts_with(&format!("exit {code}")), "{text}");
        let tables = folder.tables("out");
        assert!(tables.len() > 8, "{tables:?}");
        for name in tables.iter().filter(|name| name.ends_with("csv")) {
            let again = folder.read(&name.replacen("out", "again", 1));
            let published = folder.read(name);
            assert_eq!(published, again, "{name}");
        }
    }
}

#[test]
fn unfinished_and_unknown_crawls_cannot_be_replayed() {
    let simulator = Simulator::start(SMALL);
    let folder = Folder::beside(&simulator);
    assert!(
        folder
            .check("crawl --sink csv:out --max-calls 7")
            .starts_with("exit 75")
    );
    let id = ids(&folder).remove(0);
    insta::assert_snapshot!(folder.check(&format!("replay {id} --sink csv:again")), @"
    exit 2
    --- stderr
    error: crawl `SNAPSHOT-ID` is unfinished and cannot be replayed

    hint: `fortilake crawl` resumes it
    ");
    insta::assert_snapshot!(folder.check("replay nonsense --sink csv:again"), @"
    exit 2
    --- stderr
    error: there is no crawl `nonsense`

    hint: `fortilake crawls` lists the crawls
    ");
    assert!(!folder.join("again").exists());
}

#[test]
fn a_crawl_that_could_read_nothing_does_not_block_the_next_one() {
    let simulator = Simulator::start(SMALL);
    let folder = Folder::beside(&simulator);
    assert!(folder.check("crawl --sink csv:out").starts_with("exit 0"));
    let text = folder.check("crawl --account 1 --sink csv:other");
    assert!(text.starts_with("exit 1"), "{text}");
    // The next run starts a normal crawl instead of resuming the failed one.
    let text = folder.check("crawl --sink csv:out");
    assert!(text.starts_with("exit 0"), "{text}");
}
