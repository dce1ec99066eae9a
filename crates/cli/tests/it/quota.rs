//! Several processes that share one API user also share its limits.

use std::process::{Child, Stdio};

use crate::util::{Folder, SMALL, Simulator};

/// Small enough that three crawls do not fit at once.
const LIMITS: &str = "calls = [{ max = 10, per = \"1s\" }, { max = 30, per = \"3s\" }]\n";

#[test]
fn three_processes_at_once_exceed_no_limit() {
    let simulator = Simulator::start(&format!("{SMALL}[quota]\n{LIMITS}"));
    let value = |name: &str| {
        let mut variables = simulator.variables.iter();
        variables
            .find(|(known, _)| known == name)
            .unwrap()
            .1
            .clone()
    };
    let folder = Folder::beside(&simulator).file(
        "fortilake.toml",
        &format!(
            "[[source]]\nname = \"acme\"\ntype = \"forticloud\"\n\
             username = {{ env = \"FORTICLOUD_USERNAME\" }}\n\
             password = {{ env = \"FORTICLOUD_PASSWORD\" }}\n\
             auth_url = \"{}\"\napi_url = \"{}\"\n[source.quota]\n{LIMITS}",
            value("FORTICLOUD_AUTH_URL"),
            value("FORTICLOUD_API_URL"),
        ),
    );
    let crawls: Vec<Child> = (0..3)
        .map(|number| {
            let line = format!("crawl --fresh --sink csv:out{number}");
            folder.command(&line).stderr(Stdio::null()).spawn().unwrap()
        })
        .collect();
    for mut crawl in crawls {
        assert_eq!(crawl.wait().unwrap().code(), Some(0));
    }
    for number in 0..3 {
        let products = folder.read(&format!("out{number}/products.csv"));
        assert_eq!(products.lines().count(), 41);
    }
    // One call too many would have been answered with HTTP 429 and charged as an error.
    let plan = folder.check("plan");
    let used = "0 of 10 errors used in the last hour";
    assert!(plan.contains(used), "{plan}");
}
