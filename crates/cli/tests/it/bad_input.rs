//! Bad input gives one clear error, the documented exit code and no published file.

use std::net::TcpListener;

use crate::util::{Folder, SMALL, Simulator};

#[test]
fn no_configuration_at_all() {
    insta::assert_snapshot!(Folder::new().check("crawl"), @"
    exit 2
    --- stderr
    error: the variable `FORTICLOUD_USERNAME` is not set, and there is no configuration file

    hint: set FORTICLOUD_USERNAME and FORTICLOUD_PASSWORD (for example in a `.env` file), write a `fortilake.toml`, or try `fortilake crawl --simulate`
    ");
}

fn configured(text: &str) -> String {
    Folder::new().file("fortilake.toml", text).check("crawl")
}

#[test]
fn configurations() {
    insta::assert_snapshot!(configured("[[source]]\nname = \"acme\"\ntype = \"forticloud\"\npasword = { env = \"P\" }\n"), @"
    exit 2
    --- stderr
    error: the configuration `fortilake.toml` cannot be used
      caused by: line 4: unknown field `pasword`, expected one of `name`, `type`, `username`, `password`, `api_key`, `user`, `auth_url`, `api_url`, `scope`, `search`, `statuses`, `models`, `include`, `details_for`, `details_max_age`, `verify_paging`, `concurrency`, `timeout`, `max_answer_bytes`, `ca_cert`, `insecure_tls`, `quota`
                 4 | pasword = …
                   | ^^^^^^^

    hint: did you mean `password`?
    ");
    insta::assert_snapshot!(configured("[[source]]\nname = \"acme\"\ntype = \"forticloud\"\nusername = \"u\"\npassword = \"hunter2\"\n"), @r#"
    exit 2
    --- stderr
    error: the configuration `fortilake.toml` cannot be used
      caused by: the password of source `acme` is in plain text

    hint: write password = { env = "…" }, { file = "…" } or { command = ["…"] }
    "#);
    insta::assert_snapshot!(configured("[[source]]\nname = \"acme\"\ntype = \"forticloud\"\nusername = \"u\"\npassword = { env = \"NOWHERE\" }\n"), @"
    exit 2
    --- stderr
    error: `password` of source `acme` cannot be read
      caused by: the variable `NOWHERE` is not set
    ");
    insta::assert_snapshot!(configured("[[source]]\nname = \"acme\"\ntype = \"forticlod\"\n"), @"
    exit 2
    --- stderr
    error: the configuration `fortilake.toml` cannot be used
      caused by: line 3: unknown variant `forticlod`, expected one of `forticloud`, `fortiportal`, `fortiauthenticator`
                 3 | type = …
                   |        ^

    hint: did you mean `forticloud`?
    ");
    insta::assert_snapshot!(configured("[[source]]\nname = \"acme\"\ntype = \"forticloud\"\nusername = \"u\"\npassword = { env = \"P\" }\nscope = \"all\"\n"), @"
    exit 2
    --- stderr
    error: the configuration `fortilake.toml` cannot be used
      caused by: line 6: `scope` of source `acme` is `all`; it must be `auto`, `organization` or `local`
                 6 | scope = …
                   | ^^^^^
    ");
    insta::assert_snapshot!(configured("[[source\n"), @"
    exit 2
    --- stderr
    error: the configuration `fortilake.toml` cannot be used
      caused by: line 1: unclosed array table, expected `]]`
    ");
    insta::assert_snapshot!(configured(""), @"
    exit 2
    --- stderr
    error: the configuration `fortilake.toml` cannot be used
      caused by: it has no `[[source]]` section
    ");
    insta::assert_snapshot!(configured("[[source]]\nname = \"a\"\ntype = \"forticloud\"\n[[sink]]\ntype = \"parquet\"\npth = \"out\"\n"), @"
    exit 2
    --- stderr
    error: the configuration `fortilake.toml` cannot be used
      caused by: line 6: [[sink]] 1 (parquet) cannot be used
      caused by: cannot configure sink `parquet`
      caused by: unknown option `pth`; the options are `access_key_id`, `account`, `account_key`, `allow_http`, `ca_cert`, `compression`, `encryption`, `endpoint`, `keep`, `kms_key_id`, `layout`, `partial`, `path`, `region`, `row_group_bytes`, `sas_token`, `secret_access_key`, `service_account_key`, `session_token`, `tables`, `variables`; did you mean `path`?
    ");
    insta::assert_snapshot!(Folder::new().check("crawl --config gone.toml"), @"
    exit 2
    --- stderr
    error: the configuration `gone.toml` cannot be read
      caused by: No such file or directory (os error 2)
    ");
}

#[test]
fn sinks() {
    insta::assert_snapshot!(Folder::new().check("crawl --simulate --sink parket:out"), @"
    exit 2
    --- stderr
    error: `--sink parket:out` cannot be used
      caused by: unknown sink `parket`; the sinks are SINKS; did you mean `parquet`?
    ");
    insta::assert_snapshot!(Folder::new().check("crawl --simulate --sink csv:out?layot=latest"), @"
    exit 2
    --- stderr
    error: `--sink csv:out` cannot be used
      caused by: cannot configure sink `csv`
      caused by: unknown option `layot`; the options are `access_key_id`, `account`, `account_key`, `allow_http`, `bom`, `ca_cert`, `columns`, `dates`, `delimiter`, `encryption`, `endpoint`, `formula_prefix`, `join`, `keep`, `kms_key_id`, `layout`, `meta`, `newlines`, `partial`, `path`, `region`, `sas_token`, `secret_access_key`, `service_account_key`, `session_token`, `tables`, `variables`; did you mean `layout`?
    ");
    insta::assert_snapshot!(Folder::new().check("crawl --simulate --sink csv:out?layout=newest"), @"
    exit 2
    --- stderr
    error: `--sink csv:out` cannot be used
      caused by: cannot configure sink `csv`
      caused by: option `layout` is `newest`, but must be one of `snapshots`, `latest`
    ");
    let folder = Folder::new().file("out", "a file where a folder has to be");
    insta::assert_snapshot!(folder.check("crawl --simulate --sink csv:out"), @"
    exit 2
    --- stderr
    error: sink `csv:out` cannot be opened
      caused by: cannot open sink `csv`
      caused by: cannot create the folder `out`
      caused by: File exists (os error 17)
    ");
}

#[test]
fn an_unknown_source() {
    let folder = Folder::new().file(
        "fortilake.toml",
        "[[source]]\nname = \"acme\"\ntype = \"forticloud\"\n",
    );
    insta::assert_snapshot!(folder.check("crawl --source amce"), @"
    exit 2
    --- stderr
    error: there is no source `amce`

    hint: did you mean `acme`?
    ");
}

#[test]
fn wrong_credentials() {
    let simulator = Simulator::start(SMALL);
    let folder = Folder::beside(&simulator).with("FORTICLOUD_PASSWORD", "hunter2");
    let text = folder.check("crawl --sink csv:out");
    insta::assert_snapshot!(text, @"
    exit 2
    --- stderr
    error: source `forticloud` cannot be read
      caused by: `units/list` was not sent, because the sign-in failed
      caused by: the API user or its password is wrong: the user comes from the variable `FORTICLOUD_USERNAME`, the password from the variable `FORTICLOUD_PASSWORD` (`organization`, HTTP 401: Unexpected error has happened)

    hint: check the user and its password or key; in FortiCloud, downloading the credentials file again resets the password
    ");
    assert!(
        folder.tables("out").is_empty(),
        "{:?}",
        folder.tables("out")
    );
}

#[test]
fn a_host_that_refuses_connections() {
    // The listener is closed again at once, so nothing listens on its port.
    let address = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let folder = Folder::new()
        .with("FORTICLOUD_USERNAME", "u")
        .with("FORTICLOUD_PASSWORD", "hunter2")
        .with("FORTICLOUD_AUTH_URL", &format!("http://{address}/token/"))
        .with("FORTICLOUD_API_URL", &format!("http://{address}"));
    let text = folder.check("crawl --sink csv:out");
    assert!(text.starts_with("exit 1\n--- stderr\nerror: "), "{text}");
    assert!(text.contains("127.0.0.1"), "{text}");
    assert!(folder.tables("out").is_empty());
}

#[test]
fn a_password_stays_off_plain_http() {
    let folder = Folder::new()
        .with("FORTICLOUD_USERNAME", "u")
        .with("FORTICLOUD_PASSWORD", "hunter2")
        .with("FORTICLOUD_AUTH_URL", "http://fortinet.example/token/");
    let text = folder.check("crawl --sink csv:out");
    insta::assert_snapshot!(text, @"
    exit 2
    --- stderr
    error: `auth_url` of source `forticloud` cannot be used
      caused by: `http://fortinet.example/token/` is not encrypted, and plain http is only allowed for loopback addresses
    ");
}

#[test]
fn a_plan_refuses_what_a_crawl_would_refuse() {
    let source = "[[source]]\nname = \"acme\"\ntype = \"forticloud\"\nusername = \"u\"\n";
    let told = |keys: &str| {
        let folder = Folder::new().file("fortilake.toml", &format!("{source}{keys}"));
        let folder = folder.with("P", "hunter2");
        let plan = folder.check("plan");
        assert_eq!(plan.lines().next(), Some("exit 2"), "{plan}");
        assert!(folder.check("config check").starts_with("exit 2"), "{keys}");
        plan
    };
    let text = told("password = { env = \"P\" }\napi_url = \"http://portal.example\"\n");
    assert!(
        text.contains("`api_url` of source `acme`") && text.contains("not encrypted"),
        "{text}"
    );
    let text = told("password = { env = \"P\", file = \"p\" }\n");
    assert!(
        text.contains("line 5: expected { env = … }, { file = … } or { command"),
        "{text}"
    );
    let text = told(
        "password = { env = \"P\" }\n[[sink]]\ntype = \"parquet\"\npath = \"out\"\nkeep = { lst = 3 }\n",
    );
    assert!(
        text.contains("line 9: [[sink]] 1 (parquet) cannot be used")
            && text
                .contains("option `keep` has the unknown key `lst`; the keys are `days`, `last`"),
        "{text}"
    );
}

#[test]
fn sections_of_a_list_have_two_brackets() {
    insta::assert_snapshot!(configured("keep = 2\n[source]\nname = \"acme\"\ntype = \"forticloud\"\n"), @r"
    exit 2
    --- stderr
    error: the configuration `fortilake.toml` cannot be used
      caused by: line 2: `source` must be a list
                 2 | [source]
                   |  ^^^^^^

    hint: write `[[source]]` instead of `[source]`
    ");
    let sink = "[[source]]\nname = \"acme\"\ntype = \"forticloud\"\n[sink]\ntype = \"csv\"\npath = \"out\"\n";
    assert!(configured(sink).contains("hint: write `[[sink]]` instead of `[sink]`"));
}

#[test]
fn unusable_responses() {
    for action in [
        "{ kind = \"html\" }",
        "{ kind = \"flood\", bytes = 1000000000 }",
        "{ kind = \"reset\" }",
    ] {
        let simulator = Simulator::start(&format!(
            "{SMALL}[[fault]]\npath = \"units/list\"\naction = {action}\n"
        ));
        let folder = Folder::beside(&simulator);
        let text = folder.check("crawl --sink csv:out");
        assert!(
            text.starts_with("exit 1\n--- stderr\nerror: "),
            "{action}: {text}"
        );
        assert!(folder.tables("out").is_empty(), "{action}");
    }
}

#[test]
fn a_summary_that_cannot_be_written_is_reported_before_the_crawl() {
    let folder = Folder::new().file("old.json", "the summary before");
    insta::assert_snapshot!(folder.check("crawl --simulate --sink csv:out --summary gone/summary.json"), @"
    exit 2
    --- stderr
    error: the summary `gone/summary.json` cannot be written
      caused by: No such file or directory (os error 2)
    ");
    assert!(!folder.join("out").exists());
    // The summary of an earlier run does not stay in place when a later run pauses.
    for name in ["old.json", "new.json"] {
        let line = format!("crawl --simulate --max-calls 1 --sink csv:out --summary {name}");
        let text = folder.check(&line);
        assert!(text.starts_with("exit 75"), "{text}");
    }
    for name in ["old.json", "new.json"] {
        let summary: serde_json::Value = serde_json::from_str(&folder.read(name)).unwrap();
        assert_eq!(summary["exit_code"], 75);
    }
}

#[test]
fn two_sinks_in_one_place() {
    for (one, other) in [
        ("csv:out", "csv:./out/"),
        ("csv:out?layout=latest", "csv:out"),
        ("csv:out", "csv:out?formula_prefix=false"),
        ("csv:out", "ndjson:out"),
        ("parquet:out", "csv:out?layout=snapshots"),
    ] {
        let folder = Folder::new();
        let text = folder.check(&format!("crawl --simulate --sink {one} --sink {other}"));
        assert!(
            text.starts_with("exit 2") && text.contains("same place"),
            "{one} {other}: {text}"
        );
        assert!(!folder.join("out").exists());
    }
    let sink = "[[sink]]\ntype = \"parquet\"\npath = \"out\"\n";
    insta::assert_snapshot!(configured(&format!("[[source]]\nname = \"a\"\ntype = \"forticloud\"\n{sink}{sink}")), @"
    exit 2
    --- stderr
    error: sinks `[[sink]] 1 (parquet)` and `[[sink]] 2 (parquet)` publish to the same place

    hint: publish one of them to another place, or remove it
    ");
}

#[test]
fn a_dot_env_file_that_is_ambiguous_or_malformed() {
    let folder = Folder::new().file(".env", "A=1\n# don't $mind\nFORTICLOUD_PASSWORD=pa$$word\n");
    insta::assert_snapshot!(folder.check("crawl"), @"
    exit 2
    --- stderr
    error: line 3 of `.env` has a `$`, which could refer to another variable

    hint: put the value in single quotes if it contains a literal `$`
    ");
    // A simulation does not read `.env`.
    assert!(folder.check("crawl --simulate").starts_with("exit 0"));
    let folder = Folder::new().file(".env", "FORTICLOUD_PASSWORD=hunter2 and more\n");
    let text = folder.check("crawl");
    assert!(
        text.starts_with("exit 2") && text.contains("`.env`") && !text.contains("hunter2"),
        "{text}"
    );
    let folder = Folder::new().file(
        ".env",
        "A=1\n# a comment\n\nFORTICLOUD_PASSWORD=hunter2 and more\n",
    );
    let text = folder.check("crawl");
    assert!(
        text.contains("error: line 4 of `.env` cannot be parsed"),
        "{text}"
    );
}

#[test]
fn a_dot_env_file_in_a_parent_folder_is_ignored() {
    let folder = Folder::new().file(".env", "FORTICLOUD_USERNAME=u\nFORTICLOUD_PASSWORD=p\n");
    std::fs::create_dir(folder.join("below")).unwrap();
    let output = folder
        .command("crawl")
        .current_dir(folder.join("below"))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("`FORTICLOUD_USERNAME` is not set"), "{text}");
}

#[test]
fn misplaced_values_are_not_repeated_in_messages() {
    let source = "[[source]]\nname = \"acme\"\ntype = \"forticloud\"\n";
    insta::assert_snapshot!(configured(&format!("{source}concurrency = \"hunter2\"\n")), @"
    exit 2
    --- stderr
    error: the configuration `fortilake.toml` cannot be used
      caused by: line 4: invalid value, expected a whole number
                 4 | concurrency = …
                   |               ^
    ");
    for keys in [
        "concurrency = \"hunter2\"",
        "insecure_tls = \"hunter2\"",
        "statuses = \"hunter2\"",
        "hunter2 = \"u\"",
        "hunter2 = hunter2",
        "hunter2==",
        "quota = \"hunter2\"",
        "quota = { hunter2 = 7 }",
        "username = { hunter2 = \"u\" }",
        "timeout = { hunter2 = \"u\" }",
        "username = \"u\"\npassword = { env = \"P\" }\nauth_url = \"ftp://u:hunter2@h/\"",
        "username = \"u\"\npassword = { env = \"P\" }\napi_url = \"u:hunter2@h\"",
    ] {
        let folder = Folder::new()
            .file("fortilake.toml", &format!("{source}{keys}\n"))
            .with("P", "p");
        let text = folder.check("crawl");
        assert!(text.starts_with("exit 2"), "{keys}: {text}");
        assert!(!text.contains("hunter2"), "{keys}: {text}");
    }
    let text = configured("[[source]]\nname = \"acme\"\ntype = \"hunter2\"\n");
    assert!(
        text.starts_with("exit 2") && !text.contains("hunter2"),
        "{text}"
    );
}

#[test]
fn a_fault_that_fits_no_call() {
    let fault = "[[fault]]\npath = \"products/lst\"\naction = { kind = \"reset\" }\n";
    let folder = Folder::new().file("scenario.toml", fault);
    insta::assert_snapshot!(folder.check("simulate --scenario scenario.toml"), @"
    exit 2
    --- stderr
    error: the scenario `scenario.toml` cannot be used
      caused by: fault 1: no endpoint has a path that ends with `products/lst`; did you mean `products/list`?
    ");
}
