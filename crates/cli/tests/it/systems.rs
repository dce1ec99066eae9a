//! Crawls of all three systems at once.

use serde_json::Value;

use crate::util::{Folder, Simulator, text_of};

/// More tokens than the unit sends in one response.
const SCENARIO: &str = "[organization]\nous = 3\naccounts = 3\nproducts = 60\n\
    [authenticator]\nhardware_tokens = 1500\n";

/// A folder whose configuration has one source of each system, all served by this simulator.
fn folder(simulator: &Simulator, portal_password: &str) -> Folder {
    let url = |name: &str| simulator.variable(name);
    let (api, auth) = (url("FORTICLOUD_API_URL"), url("FORTICLOUD_AUTH_URL"));
    let text = format!(
        "[[source]]\nname = \"cloud\"\ntype = \"forticloud\"\nauth_url = \"{auth}\"\napi_url = \"{api}\"\n\
         username = {{ env = \"FORTICLOUD_USERNAME\" }}\npassword = {{ env = \"FORTICLOUD_PASSWORD\" }}\n\
         include = [\"product_details\"]\ndetails_for = {{ models = [\"FortiGate*\"] }}\n\
         [[source]]\nname = \"managed\"\ntype = \"fortiportal\"\napi_url = \"{api}\"\n\
         username = \"simulated\"\npassword = {{ env = \"PORTAL_PASSWORD\" }}\n\
         [[source]]\nname = \"tokens\"\ntype = \"fortiauthenticator\"\napi_url = \"{api}\"\n\
         username = \"simulated\"\napi_key = {{ env = \"FORTICLOUD_PASSWORD\" }}\n"
    );
    Folder::beside(simulator)
        .with("PORTAL_PASSWORD", portal_password)
        .file("fortilake.toml", &text)
}

/// The values of a column.
fn column(folder: &Folder, table: &str, name: &str) -> Vec<String> {
    let text = folder.read(&format!("out/{table}.csv"));
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let headers = reader.headers().unwrap().clone();
    let at = headers.iter().position(|header| header == name).unwrap();
    let rows = reader.records();
    rows.map(|row| row.unwrap()[at].to_owned()).collect()
}

#[test]
fn three_systems_make_one_snapshot() {
    let simulator = Simulator::start(SCENARIO);
    let folder = folder(&simulator, "simulated");
    for _ in 0..2 {
        // The second run works only because the first one signed out of the portal.
        let text = folder.check("crawl --sink csv:out");
        assert!(text.starts_with("exit 0"), "{text}");
        assert!(!text.contains("warning"), "{text}");
    }
    let products = column(&folder, "products", "serial_number");
    let devices = column(&folder, "portal_vdoms", "serial_number");
    assert!(!devices.is_empty());
    assert!(devices.iter().all(|serial| products.contains(serial)));
    let sources = |table| column(&folder, table, "_source");
    assert!(
        sources("portal_vdoms")
            .iter()
            .all(|source| source == "managed")
    );
    assert_eq!(sources("ftm_licenses"), ["tokens"]);
    let tokens = column(&folder, "fortitokens", "serial");
    assert_eq!(tokens.len(), 1700);
    let scopes = column(&folder, "coverage", "endpoint");
    assert!(scopes.contains(&"authenticator/fortitokens".to_owned()));
    let unit = column(&folder, "ftm_licenses", "serial_number").remove(0);
    assert!(unit.starts_with("FAC-"), "{unit}");
    let gates = column(&folder, "products", "product_model");
    let gates = gates.iter().filter(|model| model.starts_with("FortiGate"));
    assert_eq!(
        column(&folder, "product_details", "serial_number").len(),
        gates.count()
    );
    let plan = text_of(folder.run("plan").stdout);
    assert!(plan.contains("products/details"), "{plan}");
    assert!(plan.contains("portal/device/vdom/site"), "{plan}");
}

#[test]
fn a_source_that_cannot_sign_in_does_not_affect_the_others() {
    let simulator = Simulator::start(SCENARIO);
    let folder = folder(&simulator, "wrong");
    let output = folder.run("crawl --sink csv:out --summary summary.json");
    let text = text_of(output.stderr);
    assert_eq!(output.status.code(), Some(3), "{text}");
    let summary: Value = serde_json::from_str(&folder.read("summary.json")).unwrap();
    let failed = summary["failed"].as_array().unwrap();
    assert!(
        failed.iter().all(|scope| scope["source"] == "managed"),
        "{failed:?}"
    );
    assert_eq!(column(&folder, "products", "serial_number").len(), 60);
    assert_eq!(column(&folder, "ftm_licenses", "total_ftm").len(), 1);
    assert!(column(&folder, "portal_vdoms", "serial_number").is_empty());
}

#[test]
fn every_system_is_checked() {
    let simulator = Simulator::start(SCENARIO);
    let text = folder(&simulator, "simulated").check("check");
    assert!(text.starts_with("exit 0"), "{text}");
    insta::assert_snapshot!(text.split_once("managed").unwrap().1, @"

      FortiPortal       ok      3 organizations
    tokens
      FortiAuthenticator  ok      FAC-VMTM24900001, FACVMKVM v8.0.3, build0099 (GA)
    sinks
      parquet:out       ok      can be written
    ");
    let text = folder(&simulator, "wrong").check("check");
    assert!(text.starts_with("exit 2"), "{text}");
}
