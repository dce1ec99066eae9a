//! Tests of parsing the configuration and of resolving secrets.

use std::time::Duration;

use fortilake_client::{SignIn, Window};
use fortilake_crawler::{ScopeMode, Search};
use serde_json::json;

use super::*;

fn source(keys: &str) -> Result<SourceConfig> {
    let text = format!("[[source]]\nname = \"acme\"\ntype = \"forticloud\"\n{keys}\n");
    file::parse(&text).map(|mut config| config.sources.remove(0))
}

#[track_caller]
fn password(value: &str, env: &Env) -> Result<secret::Resolved> {
    let keys = format!("username = \"u\"\npassword = {value}");
    source(&keys).unwrap().secret("password", env)
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
    assert_eq!(source.call_timeout().unwrap(), Duration::from_mins(5));
    // Without limits in the file, the system's own limits apply.
    assert!(source.call_limits().unwrap().is_none());
    assert!(source.error_limit().unwrap().is_none());
    assert_eq!(settings.details, None);
    let week = Duration::from_hours(7 * 24);
    assert_eq!(source.details_max_age().unwrap(), week);
}

#[test]
fn a_source_is_of_one_of_three_systems() {
    let env = Env::of([("U", "admin"), ("K", "EXAMPLE-KEY")]);
    let credentials = "username = { env = \"U\" }\npassword = { env = \"K\" }";
    let connect = |kind: &str, keys: &str| {
        let text = format!("[[source]]\nname = \"s\"\ntype = \"{kind}\"\n{keys}\n");
        let source = file::parse(&text)?.sources.remove(0);
        let system = source.settings(&[])?.system.name();
        let config = crate::connect::config(&source, &env)?;
        Ok((system, config.sign_in, config.calls.len()))
    };
    let url = "api_url = \"https://portal.example\"";
    let portal = connect("fortiportal", &format!("{url}\n{credentials}")).unwrap();
    assert_eq!((portal.0, portal.2), ("fortiportal", 0));
    assert!(matches!(portal.1, SignIn::Portal { .. }));
    let key = connect(
        "fortiportal",
        &format!("{url}\napi_key = {{ env = \"K\" }}"),
    )
    .unwrap();
    assert_eq!(key.1, SignIn::PortalKey);
    let keys = format!("{url}\nusername = \"u\"\napi_key = {{ env = \"K\" }}");
    let unit = connect("fortiauthenticator", &keys).unwrap();
    assert_eq!((unit.0, unit.1), ("fortiauthenticator", SignIn::Basic));
    let cloud = connect("forticloud", credentials).unwrap();
    assert_eq!(
        (cloud.0, cloud.1, cloud.2),
        ("forticloud", SignIn::OAuth, 2)
    );
    let text = message(connect("fortiportal", credentials));
    assert!(text.contains("has no `api_url`"), "{text}");
    let text = message(connect(
        "fortiportal",
        &format!("{url}\napi_key = \"plain\""),
    ));
    assert!(!text.contains("plain\""), "{text}");
}

#[test]
fn every_key_has_an_effect() {
    let source = source(
        "scope = \"local\"\nsearch = [\"F\", \"S\"]\nstatuses = [\"Pending\"]\n\
         include = [\"folders\", \"licenses\", \"contracts\", \"product_details\"]\ntimeout = \"90s\"\n\
         details_for = { models = [\"FortiGate*\"] }\ndetails_max_age = \"1d 12h\"\n\
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
    let window = Window {
        max: 5,
        per: Duration::from_secs(10),
    };
    assert_eq!(source.call_limits().unwrap(), Some(vec![window]));
    let of = settings.details.unwrap();
    assert_eq!(
        (of.models, of.serials),
        (vec!["FortiGate*".to_owned()], Vec::new())
    );
    let age = Duration::from_hours(36);
    assert_eq!(source.details_max_age().unwrap(), age);
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
fn an_unresolvable_secret_is_reported_with_its_place() {
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
fn a_wrong_value_is_reported_with_its_line() {
    for (keys, complaint) in [
        (
            "scope = \"all\"",
            "is `all`; it must be `auto`, `organization` or `local`",
        ),
        (
            "search = \"all\"",
            "is `all`; it must be `auto` or a list of patterns",
        ),
        (
            "search = []",
            "is ``; it must be patterns that are not empty",
        ),
        (
            "include = [\"everything\"]",
            "is `everything`; it must be one or more of `folders`",
        ),
        (
            "timeout = \"soon\"",
            "is `soon`; it must be a duration such as `60s`",
        ),
        ("timeout = \"-5s\"", "is `-5s`; it must be a duration"),
        ("concurrency = 0", "is `0`; it must be at least 1"),
        (
            "statuses = []",
            "is `[]`; it must be a list such as [\"Registered\"]",
        ),
        (
            "details_for = { models = [\"FortiGate*\"] }",
            "needs `include = [\"product_details\"]`",
        ),
        (
            "api_key = { env = \"K\" }",
            "need `username` and `password`",
        ),
        (
            "quota = { share = 3.0 }",
            "is `3`; it must be more than 0 and at most 1",
        ),
        (
            "quota.calls = [{ max = 0, per = \"1m\" }]",
            "is `0`; it must be at least 1",
        ),
        (
            "quota.errors = { max = 2, per = \"1h\" }",
            "is `2`; it must be more than `reserve`, which is 2",
        ),
    ] {
        let text = message(source(keys));
        assert!(text.starts_with("error: line 4: `"), "{text}");
        assert!(
            text.contains("` of source `acme` ") && text.contains(complaint),
            "{text}"
        );
        assert!(text.contains("\n4 | ") && text.contains('^'), "{text}");
    }
    let text = message(source("include = [\"folder\"]"));
    assert!(text.contains("hint: did you mean `folders`?"), "{text}");
    let text = message(source("[crawl]\nmax_idle = \"x\""));
    assert!(
        text.starts_with("error: line 5: `max_idle` of `[crawl]`"),
        "{text}"
    );
    let text = message(source("password = { env = \"P\", file = \"p\" }"));
    assert!(
        text.contains("line 4: expected { env = … }") && text.contains("4 | password = …"),
        "{text}"
    );
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
        text.contains("option `row_group_bytes` must be an integer"),
        "{text}"
    );
    let text = told("[[sink]]\ntype = \"csv\"\nlayot = \"latest\"\n");
    assert!(text.contains("line 6: [[sink]] 1 (csv)"), "{text}");
    assert!(text.contains("did you mean `layout`?"), "{text}");
    // A missing option has no line of its own, so the line of its section is reported.
    let text = told("[[sink]]\ntype = \"csv\"\n");
    assert!(text.contains("line 4: [[sink]] 1 (csv)"), "{text}");
}

#[test]
fn any_option_makes_another_place_except_for_folders() {
    let source = "[[source]]\nname = \"acme\"\ntype = \"forticloud\"\n";
    let apart = |one: &str, other: &str| {
        let sinks = format!("{source}[[sink]]\n{one}\n[[sink]]\n{other}\n");
        are_apart(&file::parse(&sinks).unwrap().sinks).is_ok()
    };
    let exec = |command: &str| format!("type = \"exec\"\ncommand = {command}");
    assert!(apart(
        &exec("[\"python3\", \"a.py\"]"),
        &exec("[\"python3\", \"b.py\"]")
    ));
    assert!(!apart(&exec("\"./a\""), &exec("\"./a\"")));
    let hook =
        |url: &str| format!("type = \"webhook\"\nunsigned = true\nurl = {{ env = \"{url}\" }}");
    assert!(apart(&hook("A"), &hook("B")));
    let csv = |options: &str| format!("type = \"csv\"\npath = \"out\"\n{options}");
    assert!(!apart(&csv(""), &csv("formula_prefix = false")));
    assert!(apart(&csv(""), &csv("layout = \"snapshots\"")));
}

#[test]
fn a_bucket_is_reached_with_the_variables_that_are_set() {
    let env = Env::of([
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", ""),
        ("AWS_SECRET_ACCESS_KEY", "hunter2"),
        ("AWS_PROFILE", "other"),
    ]);
    let bucket = |options: Value| {
        let options = options.as_object().cloned().unwrap_or_default();
        env.bucket(options).unwrap().variables
    };
    let found = bucket(json!({ "path": "s3://lake/x", "row_group_bytes": 7 }));
    let names: Vec<_> = found.keys().map(String::as_str).collect();
    assert_eq!(names, ["AWS_REGION", "AWS_SECRET_ACCESS_KEY"]);
    assert!(found["AWS_SECRET_ACCESS_KEY"].is_secret());
    assert_eq!(found["AWS_SECRET_ACCESS_KEY"].expose(), "hunter2");
    let chosen = json!({ "path": "s3://lake/x", "variables": { "AWS_REGION": "us-east-1" } });
    assert_eq!(bucket(chosen)["AWS_REGION"].expose(), "us-east-1");
    // A group is not mixed from the configuration and the environment.
    let chosen = json!({ "AWS_ACCESS_KEY_ID": "key", "AWS_DEFAULT_REGION": "us-east-1" });
    let chosen = bucket(json!({ "path": "s3://lake/x", "variables": chosen }));
    let names: Vec<_> = chosen.keys().map(String::as_str).collect();
    assert_eq!(names, ["AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION"]);
    assert!(bucket(json!({ "path": "out" })).is_empty());
    assert!(bucket(json!({ "path": "gs://lake/x" })).is_empty());
}

#[test]
fn labels_name_a_bucket_and_its_prefix_and_no_credentials() {
    for (text, wanted) in [
        (
            "parquet:s3://lake/fortinet?region=x",
            "parquet:s3://lake/fortinet",
        ),
        ("parquet:az://lake/x?account=y", "parquet:az://lake/x"),
        ("parquet:s3://id:hunter2@lake/x", "parquet:s3://lake"),
        ("parquet:s3://id:hunter2/a+b@lake/x", "parquet:s3://…"),
        (
            "webhook:https://u:hunter2@host:1/x",
            "webhook:https://host:1",
        ),
        ("csv:out@home", "csv:out@home"),
    ] {
        assert_eq!(label(text), wanted);
    }
}

#[test]
fn buckets_of_different_servers_are_different_places() {
    let apart = |one: &str, other: &str| {
        let sinks = [one, other].map(str::to_owned);
        sink_specs(&sinks).is_ok()
    };
    assert!(!apart("parquet:s3://lake/x", "parquet:s3://lake/x/"));
    assert!(apart("parquet:s3://lake/x", "parquet:s3://lake/y"));
    assert!(apart(
        "parquet:s3://lake/x",
        "parquet:s3://lake/x?endpoint=https://minio"
    ));
    assert!(!apart(
        "parquet:az://lake/x",
        "csv:az://lake/x?layout=snapshots"
    ));
    assert!(apart(
        "parquet:az://lake/x?account=one",
        "parquet:az://lake/x?account=two"
    ));
}
