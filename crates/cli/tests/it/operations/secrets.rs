//! Secrets of operations appear in no log, message, table or state file.

use std::fs;

use super::{ACCOUNT, SCENARIO, calls, folder};
use crate::{
    secrets::{contains, values},
    util::tenant::Tenant,
};

const CLOUD_KEY: &str = "QZ7K2M4P";
const CODE: &str = "QWERT-ZXCVB-12345-ASDFG-POIUYT";
const FTM: &str = "QWER-TYUI-8765-ZXCV-MNBV";
const PASSWORD: &str = "correct-horse-battery-staple";

#[test]
fn operations_do_not_leak_secrets() {
    let scenario = format!(
        "[credentials]\npassword = \"{PASSWORD}\"\n[portal]\npassword = \"{PASSWORD}\"\n\
         [authenticator]\napi_key = \"{PASSWORD}\"\n[quirks]\nextended_lists = true\n{SCENARIO}"
    );
    let tenant = Tenant::start(&scenario);
    let units = format!("serialNumber,cloudKey\nFP231FTK25000001,{CLOUD_KEY}\nXX1,{CLOUD_KEY}\n");
    let folder = folder(&tenant)
        .with("PASSWORD", PASSWORD)
        .file("units.csv", &units)
        .file("code", &format!("{CODE}\n"))
        .file("ftm", FTM);
    let mut said = Vec::new();
    let mut run = |line: &str, code: i32| {
        let output = folder.run(&format!("-vvv {line}"));
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{line}: {text}");
        said.push((
            line.to_owned(),
            [output.stdout.clone(), output.stderr].concat(),
        ));
        output.stdout
    };
    run(
        &format!("product register --file units.csv --account {ACCOUNT} --yes"),
        3,
    );
    let register = format!("license register --code-file code --account {ACCOUNT} --yes");
    let made = run(&format!("{register} --format json"), 0);
    let made: serde_json::Value = serde_json::from_slice(&made).unwrap();
    let serial = made[0]["serialNumber"].as_str().unwrap();
    // The API refuses the same code the second time. The error message must not repeat it.
    run(&register, 1);
    run(&format!("license download {serial} -o license.lic"), 0);
    run(&format!("license download {serial} -o license.lic"), 2);
    run(
        &format!("license list --account {ACCOUNT} --format json"),
        0,
    );
    run(&format!("product details {serial} --format json"), 0);
    run(&format!("product details {serial}"), 0);
    run("portal login", 0);
    run("call portal/account/organizations", 0);
    run("ftm activate --license-file ftm --yes", 0);
    run("ftm activate --license-file code --yes", 2);

    let license = folder.read("license.lic");
    assert!(license.contains("BEGIN"), "{license}");
    let body = license.lines().nth(1).unwrap().to_owned();
    let state = folder.join("state/state.sqlite");
    let values = values(&state);
    let tokens = values
        .iter()
        .filter(|(column, _)| column == "tokens.access_token");
    let tokens: Vec<Vec<u8>> = tokens.map(|(_, token)| token.clone()).collect();
    assert_eq!(tokens.len(), 2, "one of each system that gives tokens");
    let secrets = [CLOUD_KEY, CODE, FTM, PASSWORD, &body].map(|secret| secret.as_bytes().to_vec());
    for (line, text) in &said {
        for secret in secrets.iter().chain(&tokens) {
            let secret_is_told = contains(text, secret);
            assert!(!secret_is_told, "{line}: {}", String::from_utf8_lossy(text));
        }
        assert!(!contains(text, b"registrationCode"), "{line}");
    }
    assert!(
        said.iter().any(|(_, text)| contains(text, b"DEBUG")),
        "the log is on"
    );
    for (column, value) in &values {
        assert!(
            !secrets.iter().any(|secret| contains(value, secret)),
            "{column}"
        );
        let token = tokens.iter().any(|token| contains(value, token));
        assert!(!token || column == "tokens.access_token", "{column}");
    }
    for name in folder.files("state") {
        let bytes = fs::read(folder.join(&name)).unwrap();
        assert!(
            !secrets.iter().any(|secret| contains(&bytes, secret)),
            "{name}"
        );
    }
    // All secrets really were sent, so the checks above had something to find.
    assert_eq!(calls(&tenant, "products/register").len(), 1);
    assert_eq!(calls(&tenant, "licenses/register").len(), 2);
    assert_eq!(calls(&tenant, "fortitokenmobilelicenses").len(), 1);
}

#[cfg(unix)]
#[test]
fn a_license_file_is_readable_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let tenant = Tenant::start(SCENARIO);
    let folder = folder(&tenant)
        .file("code", CODE)
        .file("old.lic", "precious");
    let line = format!("license register --code-file code --account {ACCOUNT} --yes --format json");
    let answer: serde_json::Value = serde_json::from_slice(&folder.run(&line).stdout).unwrap();
    let serial = answer[0]["serialNumber"].as_str().unwrap();
    let download = |output: &str| {
        let text = folder.check(&format!("license download {serial} -o {output}"));
        text.replace(serial, "SERIAL")
    };
    insta::assert_snapshot!(download("new.lic"), @"
    exit 0
    --- stderr
    saved the license of SERIAL in `new.lic`
    ");
    let mode = fs::metadata(folder.join("new.lic"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    insta::assert_snapshot!(download("old.lic"), @"
    exit 2
    --- stderr
    error: `old.lic` already exists

    hint: pass `--force` to overwrite it
    ");
    assert_eq!(folder.read("old.lic"), "precious");
    assert!(download("old.lic --force").starts_with("exit 0"));
    assert_eq!(folder.read("old.lic"), folder.read("new.lic"));
    let text = folder.check("license download S124FPTK25900812 -o none.lic");
    assert!(text.starts_with("exit 1"), "{text}");
    let parts = folder
        .files("")
        .into_iter()
        .filter(|name| name.contains(".part"));
    assert_eq!(parts.count(), 0);
    assert!(!folder.join("none.lic").exists());
}
