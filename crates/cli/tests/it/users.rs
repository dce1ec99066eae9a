//! A source with several API users.

use crate::util::{Folder, SMALL, Simulator, text_of};

/// Each user may make this many calls in the time of a test. A crawl of the tenant needs more.
const LIMITS: &str = "calls = [{ max = 10, per = \"1h\" }]\n";

const SECOND: &str = "[[source.user]]\nusername = \"second\"\npassword = \"PASSWORD\"\n";

/// A simulator with two users, and a folder whose configuration ends with `more`.
fn folder(more: &str) -> (Simulator, Folder) {
    let users = "[credentials]\nmore_users = [\"second\"]\n";
    let simulator = Simulator::start(&format!("{SMALL}{users}[quota]\n{LIMITS}"));
    let value = |name: &str| {
        let mut variables = simulator.variables.iter();
        let found = variables.find(|(known, _)| known == name);
        found.unwrap().1.clone()
    };
    let configuration = format!(
        "[[source]]\nname = \"acme\"\ntype = \"forticloud\"\n\
         username = {{ env = \"FORTICLOUD_USERNAME\" }}\n\
         password = {{ env = \"FORTICLOUD_PASSWORD\" }}\n\
         auth_url = \"{}\"\napi_url = \"{}\"\n{}\n[source.quota]\n{LIMITS}",
        value("FORTICLOUD_AUTH_URL"),
        value("FORTICLOUD_API_URL"),
        more.replace("\"PASSWORD\"", "{ env = \"FORTICLOUD_PASSWORD\" }"),
    );
    let folder = Folder::beside(&simulator).file("fortilake.toml", &configuration);
    (simulator, folder)
}

#[test]
fn two_users_read_what_one_may_not() {
    let (_simulator, alone) = folder("");
    let paused = alone.run("crawl --sink csv:out");
    assert_eq!(paused.status.code(), Some(75), "{}", text_of(paused.stderr));
    let (_simulator, together) = folder(SECOND);
    let done = together.run("crawl --sink csv:out --metrics-file metrics.prom");
    assert_eq!(done.status.code(), Some(0), "{}", text_of(done.stderr));
    assert_eq!(together.read("out/products.csv").lines().count(), 41);
    // The figures are those of the source, not of one user.
    let plan = together.check("plan");
    assert!(
        plan.contains(" of 20 calls used in the last hour"),
        "{plan}"
    );
    let metrics = together.read("metrics.prom");
    let samples = metrics
        .lines()
        .filter(|line| line.starts_with("fortilake_limit_calls_left{"));
    assert_eq!(samples.count(), 1, "{metrics}");
}

#[test]
fn check_signs_in_as_each_user() {
    let (_simulator, folder) = folder(SECOND);
    let said = folder.check("check");
    assert!(
        said.contains("acme\n") && said.contains("acme (user 2)\n"),
        "{said}"
    );
    let nobody = SECOND.replace("second", "nobody");
    let (_simulator, folder) = self::folder(&nobody);
    let output = folder.run("check");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn users_that_make_no_sense_are_refused_before_the_first_call() {
    let twice = SECOND.replace("\"second\"", "{ env = \"FORTICLOUD_USERNAME\" }");
    let (_simulator, folder) = folder(&twice);
    let output = folder.run("crawl --sink csv:out");
    assert_eq!(output.status.code(), Some(2));
    let said = text_of(output.stderr);
    assert!(said.contains("has the same API user twice"), "{said}");
    let other = "[[source]]\nname = \"p\"\ntype = \"fortiportal\"\napi_url = \"https://p.example\"\n\
                 username = \"u\"\npassword = { env = \"P\" }\n\
                 [[source.user]]\nusername = \"v\"\npassword = { env = \"P\" }\n";
    let folder = Folder::new().with("P", "x").file("fortilake.toml", other);
    let output = folder.run("plan");
    assert_eq!(output.status.code(), Some(2));
    let said = text_of(output.stderr);
    assert!(said.contains("`user` of source `p`"), "{said}");
}

#[test]
fn users_with_the_same_budget_share_its_limits() {
    let budget = "\n[source.quota]\nbudget = \"acme\"\n";
    let (_simulator, folder) = folder(&format!("{SECOND}{budget}"));
    // The section `[source.quota]` is written by `folder` as well, so its limits are added here.
    let text = folder
        .read("fortilake.toml")
        .replacen("[source.quota]\ncalls", "calls", 1);
    let folder = folder.file("fortilake.toml", &text);
    let output = folder.run("crawl --sink csv:out");
    assert_eq!(output.status.code(), Some(75), "{}", text_of(output.stderr));
    let plan = folder.check("plan");
    assert!(
        plan.contains(" of 10 calls used in the last hour"),
        "{plan}"
    );
}
