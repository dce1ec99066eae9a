//! `config show` and `config schema`.

use serde_json::Value;

use crate::util::{Folder, schema::complaints, sinks, text_of};

const FILE: &str = r#"keep = 7
guard.max_shrink = 0.5

[[source]]
name = "acme"
type = "forticloud"
username = "user-id"
password = { command = ["pass", "show", "s3cret-path"] }
[source.quota]
share = 0.5

[[sink]]
type = "webhook"
url = "https://hooks.example/t0ken"
headers = { authorization = "Bearer t0ken", accept = "text/plain" }
secrets = [{ env = "HOOK" }]
"#;

#[test]
fn every_value_is_shown_with_its_origin() {
    let folder = Folder::new().file("c.toml", FILE);
    let shown = folder.check("config show --config c.toml");
    let wanted = [
        "# state: FOLDER/state (FORTILAKE_STATE in the environment)",
        "keep = 7                                  # c.toml:1",
        "crawl.max_idle = \"12h\"                    # default",
        "guard.max_shrink = 0.5                    # c.toml:2",
        "name = \"acme\"                             # c.toml:5",
        "password = { command = [\"pass\", \"…\"] }    # c.toml:8",
        "api_url = \"https://support.fortinet.com/\"  # default",
        "timeout = \"5m\"                            # default",
        "quota.share = 0.5                         # c.toml:10",
        "url = \"…\"                                 # c.toml:14",
        "secrets = [{ env = \"HOOK\" }]              # c.toml:16",
        "envelope = \"plain\"                        # default",
    ];
    for line in wanted {
        assert!(shown.lines().any(|shown| shown == line), "{line}\n{shown}");
    }
    for secret in ["t0ken", "s3cret"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn further_users_are_shown_without_their_passwords() {
    let users = "[[source]]\nname = \"a\"\ntype = \"forticloud\"\n\
                 [[source.user]]\nusername = \"one\"\npassword = { env = \"ONE\" }\n\
                 [[source.user]]\nusername = \"two\"\npassword = { file = \"two\" }\n";
    let folder = Folder::new().with("ONE", "hunter2").file("c.toml", users);
    let shown = folder.check("config show --config c.toml");
    let line = "user = [{ password = { env = \"ONE\" }, username = \"one\" }, \
                { password = { file = \"two\" }, username = \"two\" }]";
    assert!(shown.contains(line), "{shown}");
}

#[test]
fn flags_and_variables_are_origins() {
    let folder = Folder::new()
        .with("FORTICLOUD_USERNAME", "u")
        .with("FORTICLOUD_API_URL", "https://user:pw@cloud.example/x")
        .file(".env", "FORTICLOUD_PASSWORD=hunter2\n");
    let output = folder.run("config show --sink csv:there?layout=latest --state here --json");
    let text = text_of(output.stdout);
    assert!(!text.contains("hunter2") && !text.contains("pw@"), "{text}");
    let list: Vec<Value> = serde_json::from_str(&text).unwrap();
    let entry = |key: &str| {
        let mut found = list.iter().filter(|entry| entry["key"] == key);
        found.next().unwrap_or_else(|| panic!("no {key}"))
    };
    let origin = |key: &str| entry(key)["origin"].as_str().unwrap().to_owned();
    assert_eq!(entry("state")["flag"], "--state");
    assert_eq!(
        entry("source[0].username")["variable"],
        "FORTICLOUD_USERNAME"
    );
    assert_eq!(entry("source[0].username")["set_in"], "environment");
    assert_eq!(entry("source[0].password")["set_in"], ".env");
    assert_eq!(
        entry("source[0].api_url")["value"],
        "https://cloud.example/x"
    );
    assert_eq!(origin("source[0].auth_url"), "default");
    assert_eq!(entry("sink[0].path")["flag"], "--sink");
    assert_eq!(entry("sink[0].layout")["flag"], "--sink");
    assert_eq!(origin("sink[0].formula_prefix"), "default");
}

/// What is shown is a configuration itself, and leads to the same values.
#[test]
fn what_is_shown_can_be_used() {
    let folder = Folder::new();
    folder.run("config init --include folders --sink csv:out fortilake.toml");
    let shown = text_of(folder.run("config show").stdout);
    let folder = folder.file("again.toml", &shown);
    let checked = folder.check("config check again.toml");
    assert!(checked.starts_with("exit 0"), "{checked}\n{shown}");
    let values = |file: &str| -> Vec<(Value, Value)> {
        let output = folder.run(&format!("config show --json --config {file}"));
        let list: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
        let pair = |entry: &Value| (entry["key"].clone(), entry["value"].clone());
        let mut values: Vec<_> = list.iter().map(pair).collect();
        // The file has the sink's options in another order.
        values.sort_by_key(|(key, _)| key.to_string());
        values
    };
    assert_eq!(values("again.toml"), values("fortilake.toml"));
}

fn schema() -> Value {
    serde_json::from_slice(&Folder::new().run("config schema").stdout).unwrap()
}

fn json(text: &str) -> Value {
    serde_json::to_value(text.parse::<toml::Table>().unwrap()).unwrap()
}

#[test]
fn the_schema_accepts_what_is_written() {
    let schema = schema();
    for system in ["forticloud", "fortiportal", "fortiauthenticator"] {
        for sink in [
            "parquet:out",
            "csv:out?layout=snapshots",
            "ndjson:out",
            "exec:./load",
        ] {
            let folder = Folder::new();
            let line = format!(
                "config init --type {system} --api-url https://a.example --include folders --sink {sink}"
            );
            assert!(folder.check(&line).starts_with("exit 0"), "{line}");
            let text = folder.read("fortilake.toml");
            assert_eq!(complaints(&schema, &json(&text)), [""; 0], "{text}");
            // Editors find the schema beside the file.
            assert!(
                text.starts_with("#:schema ./fortilake.schema.json\n"),
                "{text}"
            );
            let beside: Value =
                serde_json::from_str(&folder.read("fortilake.schema.json")).unwrap();
            assert_eq!(beside, schema);
        }
    }
    assert_eq!(complaints(&schema, &json(FILE)), [""; 0]);
    let names: Vec<_> = schema["properties"]["sink"]["items"]["oneOf"]
        .as_array()
        .unwrap()
        .iter()
        .map(|sink| sink["title"].as_str().unwrap())
        .collect();
    assert_eq!(names, sinks());
}

/// Mistakes that both the schema and the program refuse.
#[test]
fn the_schema_refuses_what_the_program_refuses() {
    let schema = schema();
    let source = "[[source]]\nname = \"a\"\ntype = \"forticloud\"\nusername = \"u\"\npassword = { env = \"P\" }\n";
    for (mistake, at) in [
        ("kep = 3\n", ".kep"),
        ("keep = \"three\"\n", ".keep"),
        ("guard.max_shrink = 1.5\n", ".guard.max_shrink"),
        ("publish.partial = \"maybe\"\n", ".publish.partial"),
        ("scope = \"all\"", ".source[0].scope"),
        ("search = \"all\"", ".source[0].search"),
        ("statuses = []", ".source[0].statuses"),
        ("include = [\"everything\"]", ".source[0].include[0]"),
        ("concurrency = 0", ".source[0].concurrency"),
        ("api_key = \"plain\"", ".source[0].api_key"),
        ("api_key = { evn = \"K\" }", ".source[0].api_key"),
        ("quota.share = \"half\"", ".source[0].quota.share"),
        ("[[sink]]\ntype = \"csv\"", ".sink[0]"),
        (
            "[[sink]]\ntype = \"csv\"\npath = \"o\"\nlayot = \"latest\"",
            ".sink[0]",
        ),
        ("[[sink]]\ntype = \"parket\"\npath = \"o\"", ".sink[0]"),
    ] {
        let text = match mistake.strip_suffix('\n') {
            Some(top) => format!("{top}\n{source}"),
            None => format!("{source}{mistake}\n"),
        };
        let found = complaints(&schema, &json(&text));
        assert!(
            found.iter().any(|found| found.starts_with(at)),
            "{text}{found:?}"
        );
        let checked = Folder::new()
            .file("c.toml", &text)
            .check("config check c.toml");
        assert!(checked.starts_with("exit 2"), "{text}{checked}");
    }
}
