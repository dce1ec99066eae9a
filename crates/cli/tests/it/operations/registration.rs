//! Registering a file of units.

use std::{
    collections::HashMap,
    fmt::Write as _,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{ACCOUNT, SCENARIO, calls, folder};
use crate::util::{Folder, send, tenant::Tenant, text_of};

/// How long a process may take to reach the point where the test kills it.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_mins(1);

/// The bad units: row numbers, counted from 1, and the lines of the file.
const BAD: [(usize, &str); 4] = [
    (3, "FP231FTK25000001,,"),
    (17, "XX17,,"),
    (18, "FGT60FTK25900018,no contract,"),
    (36, "FGT60FTK25900036,,SHORT"),
];

/// 37 units, four of them bad.
fn units() -> String {
    let mut text = "serialNumber,contractNumber,cloudKey\n".to_owned();
    for row in 1..=37 {
        let bad = BAD.iter().find(|(bad, _)| *bad == row);
        match bad {
            Some((_, line)) => text.push_str(line),
            None => {
                let _ = write!(text, "FGT60FTK259{row:05},,");
            }
        }
        text.push('\n');
    }
    text
}

fn register(more: &str) -> String {
    format!("product register --file units.csv --account {ACCOUNT} --yes {more}")
}

/// The serial numbers of each call that registers.
fn sent(tenant: &Tenant) -> Vec<Vec<String>> {
    let serial = |unit: &Value| unit["serialNumber"].as_str().unwrap().to_owned();
    let calls = calls(tenant, "products/register").into_iter();
    calls
        .map(|call| {
            let units = call.arguments["registrationUnits"].as_array().unwrap();
            units.iter().map(serial).collect()
        })
        .collect()
}

fn is_bad(serial: &str) -> bool {
    let mut bad = BAD.iter();
    bad.any(|(_, line)| line.starts_with(&format!("{serial},")))
}

/// The outcomes of the rows that were printed, in their order.
fn outcomes(table: &str) -> Vec<String> {
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let rows = reader.records();
    rows.map(|row| row.unwrap()[3].to_owned()).collect()
}

#[test]
fn good_units_are_registered_and_bad_ones_explained() {
    let tenant = Tenant::start(SCENARIO);
    let folder = folder(&tenant).file("units.csv", &units());
    let output = folder.run(&register(""));
    assert_eq!(output.status.code(), Some(3));
    let table = text_of(output.stdout);
    let outcomes = outcomes(&table);
    assert_eq!(outcomes.len(), 37);
    let registered = outcomes.iter().filter(|outcome| *outcome == "registered");
    assert_eq!(registered.count(), 33);
    let refused: Vec<&str> = table
        .lines()
        .filter(|line| line.contains("refused"))
        .collect();
    insta::assert_snapshot!(refused.join("\n"), @"
    3,FP231FTK25000001,,refused,,Product-> FortiCloud Key is Required.
    17,XX17,,refused,,Product-> Invalid serial number.
    18,FGT60FTK25900018,no contract,refused,,Product-> Invalid contract number.
    36,FGT60FTK25900036,,refused,,its FortiCloud key must have 8 characters
    ");
    insta::assert_snapshot!(text_of(output.stderr), @"
    acme: will register 36 of 37 units in account 710101, at most 5 per call
      1 refused; the result says why
    33 registered, 4 refused
    ");
    let sent = sent(&tenant);
    for batch in &sent {
        assert!(batch.len() <= 10);
        assert!(batch.iter().filter(|serial| is_bad(serial)).count() <= 5);
    }
    assert_eq!(sent.concat().len(), 36);

    // A second run sends only the refused units again, because they may have been corrected.
    let output = folder.run(&register("--format json"));
    assert_eq!(output.status.code(), Some(3));
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(rows.len(), 37);
    assert_eq!(
        (&rows[0]["outcome"], &rows[2]["outcome"]),
        (&"registered".into(), &"refused".into())
    );
    let again = self::sent(&tenant).concat();
    assert!(again[36..].iter().all(|serial| is_bad(serial)), "{again:?}");
    assert_eq!(again.len(), 39);
}

#[test]
fn a_run_that_was_killed_sends_nothing_twice() {
    let scenario = format!("latency = \"30ms\"\n{SCENARIO}");
    let tenant = Tenant::start(&scenario);
    let folder = folder(&tenant).file("units.csv", &units());
    // Each run dies while its second call is in flight, as long as there are so many.
    let mut killed = 0;
    while let Some(output) = run_until(&tenant, &folder, sent(&tenant).len() + 2) {
        assert_eq!(output, None, "a killed run has no exit code");
        killed += 1;
    }
    assert!(killed >= 3, "{killed} runs were killed");

    let output = folder.run(&register(""));
    let outcomes = outcomes(&text_of(output.stdout));
    let registered = outcomes.iter().filter(|outcome| *outcome == "registered");
    assert_eq!(registered.count(), 33);
    // A bad unit whose response was lost is not found later, and it is not sent again to find out
    // why: the run cannot tell it from a good unit that is registered late.
    let bad = outcomes.iter().filter(|outcome| *outcome != "registered");
    assert_eq!(bad.count(), 4);
    let mut times: HashMap<String, usize> = HashMap::new();
    for serial in sent(&tenant).concat() {
        *times.entry(serial).or_default() += 1;
    }
    let twice = |(serial, times): (&String, &usize)| {
        (*times > 1 && !is_bad(serial)).then(|| serial.clone())
    };
    let twice: Vec<String> = times.iter().filter_map(twice).collect();
    assert_eq!(twice, Vec::<String>::new());
    assert_eq!(times.len(), 36);
    // The units that were in flight when a run was killed were looked up.
    assert!(!calls(&tenant, "products/details").is_empty());
}

/// Runs until there were `count` calls in total, and then kills the run and returns its exit code;
/// `None` if it ended before.
#[expect(clippy::option_option, reason = "a killed run has no exit code")]
fn run_until(tenant: &Tenant, folder: &Folder, count: usize) -> Option<Option<i32>> {
    let mut run = folder.command(&register(""));
    let mut run = run
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let began = Instant::now();
    while sent(tenant).len() < count {
        if run.try_wait().unwrap().is_some() {
            return None;
        }
        assert!(began.elapsed() < SHUTDOWN_TIMEOUT);
        thread::sleep(Duration::from_millis(1));
    }
    send("-KILL", &run);
    Some(run.wait().unwrap().code())
}

#[test]
fn an_interrupted_run_reports_how_far_it_got() {
    let tenant = Tenant::start(&format!("latency = \"500ms\"\n{SCENARIO}"));
    let folder = folder(&tenant).file("units.csv", &units());
    let mut run = folder.stoppable(&register(""));
    let run = run
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let began = Instant::now();
    while sent(&tenant).len() < 2 {
        assert!(began.elapsed() < SHUTDOWN_TIMEOUT);
        thread::sleep(Duration::from_millis(1));
    }
    insta::assert_snapshot!(folder.check(&register("")), @"
    exit 75
    --- stderr
    error: another registration is using the same state folder

    hint: wait until it has finished, then run the same command again
    ");
    send("-INT", &run);
    let output = run.wait_with_output().unwrap();
    let said = text_of(output.stderr);
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(
        said.contains("hint: run the same command again to continue"),
        "{said}"
    );
    // The interrupted run waited for its call in flight, so no outcome is unknown.
    let outcomes = outcomes(&text_of(output.stdout));
    assert!(!outcomes.contains(&"unknown".to_owned()));
    let before = sent(&tenant).concat();
    let known = outcomes.iter().filter(|outcome| *outcome != "not_sent");
    assert_eq!(
        known.count(),
        before.len() + 1,
        "one is refused without a call"
    );
    assert_eq!(folder.run(&register("")).status.code(), Some(3));
    let after = sent(&tenant).concat();
    assert!(
        after[before.len()..]
            .iter()
            .all(|serial| !before.contains(serial))
    );
}

#[test]
fn a_registration_stops_before_it_uses_up_the_error_limit() {
    let tenant = Tenant::start(SCENARIO);
    let address = tenant.address();
    let bad: Vec<String> = (1..=12).map(|number| format!("XX{number}")).collect();
    // Without a configuration file, the documented limits apply.
    let folder = Folder::new()
        .with("FORTICLOUD_USERNAME", "simulated")
        .with("FORTICLOUD_PASSWORD", "simulated")
        .with("FORTICLOUD_API_URL", &format!("http://{address}"))
        .with(
            "FORTICLOUD_AUTH_URL",
            &format!("http://{address}/api/v1/oauth/token/"),
        )
        .file("units.csv", &format!("serialNumber\n{}", bad.join("\n")));
    let output = folder.run(&register("--batch 1"));
    let said = text_of(output.stderr);
    assert_eq!(output.status.code(), Some(75), "{said}");
    assert!(said.contains("the error budget is used up"), "{said}");
    assert!(
        said.contains("hint: the API allows calls again at"),
        "{said}"
    );
    assert!(
        said.contains("run the same command again to continue"),
        "{said}"
    );
    assert_eq!(sent(&tenant).len(), 8);
    let outcomes = outcomes(&text_of(output.stdout));
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| *outcome == "not_sent")
            .count(),
        4
    );
}

#[test]
fn units_without_a_response_are_resent_only_on_request() {
    let fault = "[[fault]]\npath = \"products/register\"\nnth = 1\naction = { kind = \"reset\" }\n";
    let tenant = Tenant::start(&format!("{SCENARIO}{fault}"));
    let folder = folder(&tenant).file("units.csv", "serialNumber\nFGT60FTK25900001\n");
    assert_eq!(folder.run(&register("")).status.code(), Some(1));

    let output = folder.run(&register(""));
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(outcomes(&text_of(output.stdout)), ["unknown"]);
    let said = text_of(output.stderr);
    assert!(said.contains("`--resend-unknown`"), "{said}");
    assert_eq!(sent(&tenant).len(), 1);

    let output = folder.run(&register("--resend-unknown=0s"));
    assert_eq!(outcomes(&text_of(output.stdout)), ["registered"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(sent(&tenant).len(), 2);
}

#[test]
fn nothing_is_sent_without_confirmation() {
    let tenant = Tenant::start(SCENARIO);
    let folder = folder(&tenant).file(
        "units.toml",
        "[[unit]]\nserial_number = \"FGT60FTK25900001\"\n",
    );
    insta::assert_snapshot!(folder.check("product register --file units.toml --account 710101"), @"
    exit 2
    --- stderr
    acme: will register 1 of 1 unit in account 710101, at most 5 per call
    error: confirmation required, but stdin is not a terminal

    hint: pass `--yes` to skip the confirmation
    ");
    assert_eq!(tenant.calls(), 0);
    insta::assert_snapshot!(folder.check("product register --file units.csv"), @"
    exit 2
    --- stderr
    error: the units in `units.csv` cannot be read
      caused by: No such file or directory (os error 2)
    ");
}

#[test]
fn one_unit_is_described_by_flags() {
    let tenant = Tenant::start(SCENARIO);
    let folder = folder(&tenant).with("KEY", "ABCD2345");
    insta::assert_snapshot!(folder.check(
        "product register FP231FTK25000001 --account 710101 --description edge --cloud-key-env KEY --country DE --phone 12 --yes"
    ), @"
    exit 3
    --- stdout
    row,serial_number,contract_number,outcome,product_model,message
    1,FP231FTK25000001,,refused,,\"the address has a phone number that is not in the format `+CC number`, as in +1 555-0123\"
    --- stderr
    0 registered, 1 refused
    ");
    insta::assert_snapshot!(folder.check(
        "product register FP231FTK25000001 --account 710101 --description edge --cloud-key-env KEY --country DE --city Kiel --yes"
    ), @"
    exit 0
    --- stdout
    row,serial_number,contract_number,outcome,product_model,message
    1,FP231FTK25000001,,registered,FortiAP 231F,
    --- stderr
    acme: will register 1 of 1 unit in account 710101, at most 5 per call
    1 registered
    ");
    insta::assert_snapshot!(folder.check(
        "product register FP231FTK25000001 --account 710101 --description edge --cloud-key-env KEY --country DE --city Kiel --yes"
    ), @"
    exit 0
    --- stdout
    row,serial_number,contract_number,outcome,product_model,message
    1,FP231FTK25000001,,registered,FortiAP 231F,
    --- stderr
    1 registered
    1 of them was registered by an earlier run and not sent again; `--fresh` ignores earlier runs
    ");
    let call = calls(&tenant, "products/register").remove(0);
    assert_eq!(call.arguments["locations"][0]["city"], "Kiel");
    assert_eq!(
        call.arguments["registrationUnits"][0]["description"],
        "edge"
    );
}

#[test]
fn a_refused_user_is_told_and_no_unit_counts_as_sent() {
    let refusal =
        "[[fault]]\npath = \"products/register\"\ntimes = 2\naction = { kind = \"refuse\" }\n";
    let tenant = Tenant::start(&format!("{SCENARIO}{refusal}"));
    let folder = folder(&tenant).file("units.csv", &units());
    let output = folder.run(&register(""));
    let said = text_of(output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("`products/register` for accountId 710101 was refused"),
        "{said}"
    );
    assert!(
        said.contains("hint: run the same command again to continue; no unit is sent twice"),
        "{said}"
    );
    let outcomes = outcomes(&text_of(output.stdout));
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| *outcome == "not_sent")
            .count(),
        36
    );
}
