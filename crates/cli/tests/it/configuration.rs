//! `config`, `completions`, `man`, and what `crawls` says.

use serde_json::Value;

use crate::util::{Folder, SMALL, Simulator, text_of};

#[test]
fn a_configuration_is_written_and_checked() {
    let folder = Folder::new();
    insta::assert_snapshot!(folder.check("config init"), @r"
    exit 0
    --- stderr
    wrote `fortilake.toml`, and `fortilake.schema.json` for editors; set `FORTICLOUD_USERNAME` and `FORTICLOUD_PASSWORD`, then run `fortilake check`
    ");
    insta::assert_snapshot!(folder.read("fortilake.toml"), @r#"
    #:schema ./fortilake.schema.json
    # `fortilake config check` checks this file, and `fortilake check` tries the credentials.
    # Don't write passwords in this file. Refer to a variable, a file or the output of a command.

    [[source]]
    name = "main"
    type = "forticloud"
    username = { env = "FORTICLOUD_USERNAME" }
    password = { env = "FORTICLOUD_PASSWORD" }

    [[sink]]
    type = "parquet"
    path = "out"
    "#);
    insta::assert_snapshot!(folder.check("config check"), @r"
    exit 0
    --- stderr
    `fortilake.toml` is valid: 1 source, 1 sink; run `fortilake check` to test the credentials
    ");
    let again = folder.check("config init");
    assert!(
        again.starts_with("exit 2") && again.contains("--force"),
        "{again}"
    );
    let other = "config init --force --type fortiauthenticator --api-url https://unit.example --sink csv:out";
    assert!(folder.check(other).starts_with("exit 0"));
    let text = folder.read("fortilake.toml");
    assert!(
        text.contains("api_key = { env = \"FORTIAUTHENTICATOR_API_KEY\" }"),
        "{text}"
    );
}

#[test]
fn the_downloaded_credentials_name_the_user_and_the_portals() {
    let credentials = "apiId:E8766032-7319\npassword:hunter2!1Aa\n\
        clientId for Asset Management:assetmanagement\nclientId for IAM:iam\n";
    let folder = Folder::new()
        .file("download.txt", credentials)
        .file("download.zip", "PK\x03\x04");
    insta::assert_snapshot!(folder.check("config init --credentials download.txt"), @r"
    exit 0
    --- stderr
    warning: the API user has no access to `organization`, so only the user's own account can be read; add this portal to its permission profile
    wrote `fortilake.toml`, and `fortilake.schema.json` for editors; set `FORTICLOUD_PASSWORD`, then run `fortilake check`
    ");
    let text = folder.read("fortilake.toml");
    assert!(
        text.contains(
            "username = \"E8766032-7319\"\npassword = { env = \"FORTICLOUD_PASSWORD\" }\n"
        ),
        "{text}"
    );
    assert!(!text.contains("hunter2"));
    insta::assert_snapshot!(folder.check("config init --force --credentials download.zip"), @r"
    exit 2
    --- stderr
    error: the credentials file `download.zip` is an archive

    hint: unpack it with the password that you chose for the download
    ");
    let other = folder.check("config init --force --credentials download.txt --type fortiportal");
    assert!(
        other.contains("`--credentials` takes a file from FortiCloud"),
        "{other}"
    );
}

#[test]
fn what_is_written_can_be_crawled() {
    let simulator = Simulator::start(SMALL);
    let folder = Folder::beside(&simulator);
    assert!(
        folder
            .check("config init --include folders --sink csv:out")
            .starts_with("exit 0")
    );
    // The simulator is not where FortiCloud is.
    let text = folder.read("fortilake.toml");
    let addresses = ["api_url", "auth_url"].map(|key| {
        let variable = format!("FORTICLOUD_{}", key.to_uppercase());
        format!("{key} = \"{}\"\n", simulator.variable(&variable))
    });
    let text = text.replace("[[sink]]", &format!("{}\n[[sink]]", addresses.concat()));
    let folder = folder.file("fortilake.toml", &text);
    let crawled = folder.check("crawl");
    assert!(crawled.starts_with("exit 0"), "{crawled}");
    assert!(folder.join("out/folders.csv").exists());
}

#[test]
fn mistakes_are_found_without_secrets_or_a_connection() {
    let source = "[[source]]\nname = \"a\"\ntype = \"forticloud\"\nusername = { env = \"U\" }\n";
    let password = "password = { env = \"P\" }\n";
    for (text, expected) in [
        (source.to_owned(), "has no `password`"),
        (
            format!("{source}{password}timeout = \"soon\"\n"),
            "`timeout` of source `a` is `soon`",
        ),
        (
            format!("{source}{password}include = [\"all\"]\n"),
            "`include` of source `a` is `all`",
        ),
        (
            format!("{source}{password}api_url = \"portal\"\n"),
            "api_url",
        ),
        (
            format!("{source}{password}[source.quota]\ncalls = [{{ max = 1, per = \"x\" }}]\n"),
            "quota.calls.per",
        ),
        (
            format!(
                "{source}{password}[[sink]]\ntype = \"csv\"\npath = \"o\"\n[[sink]]\ntype = \"csv\"\npath = \"o\"\n"
            ),
            "publish to the same place",
        ),
        (
            format!("{source}{password}").replace("forticloud", "fortiportal"),
            "has no `api_url`",
        ),
    ] {
        let folder = Folder::new().file("c.toml", &text);
        let found = folder.check("config check c.toml");
        assert!(
            found.starts_with("exit 2") && found.contains(expected),
            "{text}\n{found}"
        );
    }
    let missing = Folder::new().check("config check");
    assert!(
        missing.contains("`fortilake config init` writes one"),
        "{missing}"
    );
}

#[test]
fn every_command_has_a_manual_page_and_completions() {
    let folder = Folder::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = text_of(folder.run(&format!("completions {shell}")).stdout);
        assert!(
            script.contains("snapshots") && script.contains("accept-shrink"),
            "{shell}"
        );
    }
    let help = text_of(folder.run("--help").stdout);
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names = commands.map_while(|line| line.split_whitespace().next());
    let mut pages = 0;
    for name in names.filter(|name| *name != "help") {
        let page = folder.run(&format!("man {name}"));
        assert_eq!(page.status.code(), Some(0), "{name}");
        assert!(
            text_of(page.stdout).contains(&format!("fortilake\\-{name}")),
            "{name}"
        );
        pages += 1;
    }
    assert!(pages > 20, "{pages}");
    let unknown = folder.check("man crwl");
    assert!(
        unknown.starts_with("exit 2") && unknown.contains("did you mean `crawl`?"),
        "{unknown}"
    );
}

#[test]
fn crawls_are_listed_as_text_and_as_json() {
    let simulator = Simulator::start(SMALL);
    let folder = Folder::beside(&simulator);
    let empty = folder.check("crawls");
    assert!(
        empty.starts_with("exit 0") && empty.contains("has no crawls"),
        "{empty}"
    );
    assert_eq!(text_of(folder.run("crawls --json").stdout), "[]\n");
    assert!(folder.check("crawl --sink csv:out").starts_with("exit 0"));
    let note = text_of(folder.run("crawls").stderr);
    assert!(
        note.contains("state.sqlite` has 1 crawl since ") && note.trim_end().ends_with('B'),
        "{note}"
    );
    let json = text_of(folder.run("crawls list --json").stdout);
    let listed: Value = serde_json::from_str(&json).unwrap();
    let crawl = &listed[0];
    assert_eq!(
        (&crawl["status"], &crawl["sinks"][0]["state"]),
        (&"published".into(), &"published".into())
    );
    assert_eq!(crawl["summary"]["complete"], true);
    let id = crawl["id"].as_str().unwrap();
    let json = text_of(folder.run(&format!("crawls show {id} --json")).stdout);
    assert_eq!(&serde_json::from_str::<Value>(&json).unwrap(), crawl);
    // The state may be named before and after the subcommand.
    for line in ["crawls --state other list", "crawls list --state other"] {
        assert!(folder.check(line).contains("has no crawls"), "{line}");
    }
}
