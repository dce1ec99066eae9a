//! What is printed to standard error, with `--quiet`, `--log-format json` and `-v`.

use serde_json::Value;

use crate::util::{Folder, SMALL, Simulator, text_of};

/// A simulator that refuses one account.
fn refusing() -> Simulator {
    let fault =
        "[[fault]]\npath = \"products/list\"\naccount = 710112\naction = { kind = \"refuse\" }\n";
    Simulator::start(&format!("{SMALL}{fault}"))
}

/// The lines on standard error, each of which has to be a JSON object with these members.
fn json_lines(folder: &Folder, line: &str) -> (Option<i32>, Vec<Value>) {
    let output = folder.run(line);
    let text = text_of(output.stderr);
    let lines = text.lines().map(|line| {
        let object: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        assert!(object["timestamp"].is_string(), "{line}");
        assert!(object["fields"]["message"].is_string(), "{line}");
        assert!(
            ["TRACE", "DEBUG", "INFO", "WARN", "ERROR"]
                .contains(&object["level"].as_str().unwrap()),
            "{line}"
        );
        object
    });
    (output.status.code(), lines.collect())
}

#[test]
fn a_quiet_run_prints_only_what_is_wrong() {
    let folder = Folder::new();
    insta::assert_snapshot!(folder.check("crawl --simulate --quiet --sink csv:out"), @"exit 0");
    insta::assert_snapshot!(folder.check("config init -q"), @"exit 0");
    insta::assert_snapshot!(folder.check("config init -q"), @r"
    exit 2
    --- stderr
    error: `fortilake.toml` cannot be written
      caused by: File exists (os error 17)

    hint: pass `--force` to overwrite it
    ");
    let simulator = refusing();
    let folder = Folder::beside(&simulator);
    let partial = folder.check("crawl -q --sink parquet:out");
    assert!(
        partial.starts_with("exit 3\n--- stderr\n1 scope failed;"),
        "{partial}"
    );
    assert!(partial.contains("710112"), "{partial}");
    assert!(!partial.contains("rows in"), "{partial}");
    let both = folder.check("crawl -q -v");
    assert!(both.starts_with("exit 2"), "{both}");
}

#[test]
fn every_line_is_json() {
    let simulator = refusing();
    let folder = Folder::beside(&simulator);
    let (code, lines) = json_lines(&folder, "crawl -vv --log-format json --sink parquet:out");
    assert_eq!(code, Some(3));
    let of = |message: &str| {
        let mut found = lines
            .iter()
            .filter(|line| line["fields"]["message"] == message);
        found
            .next()
            .unwrap_or_else(|| panic!("no `{message}` in {lines:#?}"))
    };
    let ended = &of("the crawl has ended")["fields"];
    assert_eq!(ended["complete"], false);
    assert_eq!(ended["failed"][0]["account_id"], 710_112);
    let problems = lines
        .iter()
        .filter(|line| line["target"] == "fortilake" && line["level"] == "WARN");
    let mut problems = problems.map(|line| line["fields"]["message"].as_str().unwrap());
    assert!(problems.any(|text| text.contains("1 scope failed") && text.contains("710112")));
    // The calls, with their account and duration.
    let call = lines
        .iter()
        .find(|line| line["fields"]["endpoint"] == "products/list");
    let call = &call.unwrap()["fields"];
    assert!(
        call["account"].is_u64() && call["seconds"].is_f64(),
        "{call}"
    );

    let (code, lines) = json_lines(&folder, "crawl --log-format=json --config gone.toml");
    let failure = lines.last().unwrap();
    assert_eq!((code, lines.len()), (Some(2), 1));
    assert_eq!(failure["level"], "ERROR");
    assert_eq!(failure["fields"]["exit_code"], 2);
    let causes = failure["fields"]["causes"].as_array().unwrap();
    assert!(
        causes[0].as_str().unwrap().contains("No such file"),
        "{failure}"
    );

    let (code, lines) = json_lines(&folder, "crawl --log-format json --sinc csv:out");
    assert_eq!((code, lines.len()), (Some(2), 1));
    let message = lines[0]["fields"]["message"].as_str().unwrap();
    assert!(message.contains("--sinc"), "{message}");
}

#[test]
fn phases_are_logged() {
    let folder = Folder::new();
    let output = folder.run("crawl -v --simulate --sink csv:out");
    let text = text_of(output.stderr);
    let mut at = 0;
    for phase in [
        "reading crawl=",
        "reading has ended",
        "publishing sinks=1",
        "publishing has ended",
    ] {
        let found = text[at..].find(phase);
        at += found.unwrap_or_else(|| panic!("no `{phase}` in {text}"));
    }
    assert!(!text.contains("call completed"), "{text}");
}

#[test]
fn the_command_of_a_secret_does_not_write_to_standard_error() {
    let simulator = Simulator::start(SMALL);
    let folder = |command: &str| {
        let addresses = ["auth_url", "api_url"].map(|key| {
            let value = simulator.variable(&format!("FORTICLOUD_{}", key.to_uppercase()));
            format!("{key} = \"{value}\"\n")
        });
        let source = format!(
            "[[source]]\nname = \"a\"\ntype = \"forticloud\"\nusername = {{ env = \"FORTICLOUD_USERNAME\" }}\n\
             password = {{ command = [\"sh\", \"-c\", \"echo noise >&2; {command}\"] }}\n{}",
            addresses.concat()
        );
        Folder::beside(&simulator).file("c.toml", &source)
    };
    let password = simulator.variable("FORTICLOUD_PASSWORD");
    let good = folder(&format!("echo '{password}'"));
    insta::assert_snapshot!(good.check("crawl --config c.toml -q --sink csv:out"), @"exit 0");
    let (code, lines) = json_lines(&folder("exit 7"), "check --config c.toml --log-format json");
    assert_eq!(code, Some(2));
    let causes = lines.last().unwrap()["fields"]["causes"].to_string();
    assert!(
        causes.contains("the command `sh` failed (exit status: 7): noise"),
        "{causes}"
    );
}
