//! What configurations mean, and where secrets come from.

use std::time::Duration;

use fortilake_crawler::{ScopeMode, Search};

use super::*;

fn source(keys: &str) -> Result<SourceConfig> {
    let text = format!("[[source]]\nname = \"acme\"\ntype = \"forticloud\"\n{keys}\n");
    file::parse(&text).map(|mut config| config.sources.remove(0))
}

#[track_caller]
fn password(value: &str, env: &Env) -> Result<secret::Resolved> {
    let keys = format!("username = \"u\"\npassword = {value}");
    source(&keys)
        .unwrap()
        .credentials(env)
        .map(|(_, password)| password)
}

fn message<T>(result: Result<T>) -> String {
    crate::exit::render(&result.err().unwrap())
}

#[test]
fn defaults_are_those_of_the_documentation() {
    let source = source("").unwrap();
    let settings = source.settings(&[]).unwrap();
    assert_eq!(settings.scope, ScopeMode::Auto);
    assert_eq!(settings.search, Search::Auto);
    assert_eq!(settings.statuses, ["Registered", "Pending"]);
    assert_eq!(source.concurrency, 8);
    assert_eq!(source.call_timeout().unwrap(), Duration::from_mins(1));
    let limits = source.call_limits().unwrap();
    assert_eq!(
        limits,
        [
            (100, Duration::from_mins(1)),
            (1000, Duration::from_hours(1))
        ]
    );
}

#[test]
fn every_key_is_heard() {
    let source = source(
        "scope = \"local\"\nsearch = [\"F\", \"S\"]\nstatuses = [\"Pending\"]\n\
         include = [\"folders\", \"licenses\", \"contracts\"]\ntimeout = \"90s\"\n\
         [source.quota]\ncalls = [{ max = 5, per = \"10s\" }]",
    );
    let source = source.unwrap();
    let settings = source.settings(&[7]).unwrap();
    assert_eq!(settings.scope, ScopeMode::Local);
    assert_eq!(
        settings.search,
        Search::Patterns(vec!["F".to_owned(), "S".to_owned()])
    );
    assert_eq!(
        settings.include,
        ["folders/list", "licenses/list", "contracts/list"]
    );
    assert_eq!(settings.accounts, [7]);
    assert_eq!(source.call_timeout().unwrap(), Duration::from_secs(90));
    assert_eq!(
        source.call_limits().unwrap(),
        [(5, Duration::from_secs(10))]
    );
}

#[test]
fn a_secret_comes_from_a_variable_a_file_or_a_command() {
    let env = Env::of([("P", "hunter2")]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("password");
    std::fs::write(&path, "hunter2\r\n").unwrap();
    for (value, origin) in [
        ("{ env = \"P\" }".to_owned(), "the variable `P`".to_owned()),
        (
            format!("{{ file = {path:?} }}"),
            format!("the file `{}`", path.display()),
        ),
        (
            "{ command = [\"echo\", \"hunter2\"] }".to_owned(),
            "the command `echo`".to_owned(),
        ),
    ] {
        let resolved = password(&value, &env).unwrap();
        assert_eq!(
            (resolved.expose(), resolved.origin.as_str()),
            ("hunter2", origin.as_str())
        );
        assert!(!format!("{resolved:?}").contains("hunter2"));
    }
}

#[test]
fn a_secret_that_cannot_be_had_is_told_by_its_place() {
    let env = Env::of([("EMPTY", "")]);
    for (value, place) in [
        ("{ env = \"EMPTY\" }", "`EMPTY`"),
        ("{ file = \"/nowhere/at/all\" }", "`/nowhere/at/all`"),
        ("{ command = [\"false\"] }", "`false`"),
        ("{ command = [\"true\"] }", "`true`"),
        ("{ command = [] }", "command"),
    ] {
        let text = message(password(value, &env));
        assert!(
            text.contains("`password` of source `acme`") && text.contains(place),
            "{text}"
        );
    }
}

#[test]
fn a_password_in_the_file_is_refused_and_not_repeated() {
    for keys in [
        "password = \"hunter2\"",
        "password = \"hunter2\" \"",
        "pasword = \"hunter2\"",
        "password = { evn = \"hunter2\" }",
    ] {
        let text = message(source(keys));
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn values_that_cannot_be_are_told() {
    for keys in [
        "scope = \"all\"",
        "search = \"all\"",
        "search = []",
        "include = [\"everything\"]",
    ] {
        let text = message(source(keys).unwrap().settings(&[]));
        assert!(text.contains("of source `acme`"), "{text}");
    }
    assert!(
        source("timeout = \"soon\"")
            .unwrap()
            .call_timeout()
            .is_err()
    );
    assert!(source("timeout = \"-5s\"").unwrap().call_timeout().is_err());
    assert!(source("concurrency = 0").is_err());
    assert!(source("statuses = []").is_err());
    assert!(file::parse("[[source]]\nname=\"a\"\ntype=\"forticloud\"\n[[source]]\nname=\"a\"\ntype=\"forticloud\"\n").is_err());
}

#[test]
fn a_wrong_option_of_a_sink_is_found_in_the_file() {
    let source = "[[source]]\nname = \"acme\"\ntype = \"forticloud\"\n";
    let told = |sinks: &str| {
        let failure = file::parse(&format!("{source}{sinks}")).expect_err("it is wrong");
        crate::exit::render(&failure)
    };
    let text = told(
        "[[sink]]\ntype = \"csv\"\npath = \"a\"\n\n[[sink]]\ntype = \"parquet\"\npath = \"b\"\nrow_group_bytes = \"many\"\n",
    );
    assert!(
        text.contains("line 11: [[sink]] 2 (parquet) cannot be used"),
        "{text}"
    );
    assert!(
        text.contains("option `row_group_bytes` wants an integer"),
        "{text}"
    );
    let text = told("[[sink]]\ntype = \"csv\"\nlayot = \"latest\"\n");
    assert!(text.contains("line 6: [[sink]] 1 (csv)"), "{text}");
    assert!(text.contains("did you mean `layout`?"), "{text}");
    // What is missing stands nowhere, so its table is named.
    let text = told("[[sink]]\ntype = \"csv\"\n");
    assert!(text.contains("line 4: [[sink]] 1 (csv)"), "{text}");
}
