//! The file of `--metrics-file`.

#![expect(clippy::float_cmp, reason = "the numbers are whole, so they are exact")]

use std::{
    collections::BTreeMap,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use crate::util::{Folder, SMALL, Simulator};

/// The samples of a metrics file; each metric has to have a help text and a type.
fn samples(path: &Path) -> BTreeMap<String, f64> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut described = Vec::new();
    let mut samples = BTreeMap::new();
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            described.push(help.split_once(' ').unwrap().0);
            continue;
        }
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            assert_eq!(kind, format!("{} gauge", described.last().unwrap()));
            continue;
        }
        let (name, value) = line.rsplit_once(' ').unwrap();
        let metric = name.split('{').next().unwrap();
        assert_eq!(metric, *described.last().unwrap(), "{text}");
        let earlier = samples.insert(name.to_owned(), value.parse().unwrap());
        assert_eq!(earlier, None, "{line}");
    }
    samples
}

#[test]
fn a_complete_crawl_is_measured() {
    let simulator = Simulator::start(SMALL);
    let folder = Folder::beside(&simulator);
    let crawled = folder.check("crawl --sink csv:out --metrics-file m.prom");
    assert!(crawled.starts_with("exit 0"), "{crawled}");
    let found = samples(&folder.join("m.prom"));
    let value = |name: &str| {
        *found
            .get(name)
            .unwrap_or_else(|| panic!("no {name} in {found:#?}"))
    };
    assert_eq!(value("fortilake_run_exit_code"), 0.0);
    assert_eq!(value("fortilake_run_complete"), 1.0);
    assert_eq!(value("fortilake_run_published"), 1.0);
    assert_eq!(value("fortilake_run_failed_calls"), 0.0);
    assert_eq!(value("fortilake_run_scopes{result=\"failed\"}"), 0.0);
    assert_eq!(value("fortilake_run_sink_failed{sink=\"csv:out\"}"), 0.0);
    assert_eq!(value("fortilake_table_rows{table=\"products\"}"), 40.0);
    assert_eq!(
        value("fortilake_limit_errors_left{source=\"forticloud\"}"),
        8.0
    );
    let requests = value("fortilake_run_requests{source=\"forticloud\"}");
    let left = value("fortilake_limit_calls_left{source=\"forticloud\",window_seconds=\"3600\"}");
    assert!(
        requests > 0.0 && left == 1000.0 - requests,
        "{requests} {left}"
    );
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs_f64();
    let snapshot = value("fortilake_last_complete_snapshot_timestamp_seconds");
    let end = value("fortilake_run_end_timestamp_seconds");
    assert!(
        snapshot <= end && end <= now && now - snapshot < 600.0,
        "{snapshot} {end} {now}"
    );
    // Only Parquet files can be looked through for it.
    assert!(!found.contains_key("fortilake_next_renewal_timestamp_seconds"));
    let left = folder
        .files("")
        .into_iter()
        .filter(|name| name.contains(".part"));
    assert_eq!(left.count(), 0);
}

#[test]
fn a_run_that_publishes_nothing_keeps_what_is_published() {
    let simulator = Simulator::start(SMALL);
    let folder = Folder::beside(&simulator);
    folder.run("crawl --sink csv:out --metrics-file m.prom");
    let first = samples(&folder.join("m.prom"));
    let published = |samples: &BTreeMap<String, f64>| -> BTreeMap<String, f64> {
        let mut samples = samples.clone();
        samples.retain(|name, _| name.contains("table_rows") || name.contains("last_complete"));
        samples
    };
    assert!(published(&first).len() > 5);
    for (line, code) in [
        (
            "crawl --sink csv:out --metrics-file m.prom --max-calls 2",
            75.0,
        ),
        (
            "crawl --sink csv:out --metrics-file m.prom --config gone.toml",
            2.0,
        ),
        (
            "crawl --sink csv:out --metrics-file=m.prom --no-such-flag",
            2.0,
        ),
    ] {
        let output = folder.run(line);
        assert_eq!(output.status.code().map(f64::from), Some(code), "{line}");
        let now = samples(&folder.join("m.prom"));
        assert_eq!(now["fortilake_run_exit_code"], code, "{line}");
        assert_eq!(now["fortilake_run_complete"], 0.0, "{line}");
        assert_eq!(published(&now), published(&first), "{line}");
    }
    let nowhere = folder.check("crawl --simulate --metrics-file gone/m.prom");
    assert!(
        nowhere.starts_with("exit 2")
            && nowhere.contains("the metrics `gone/m.prom` cannot be written"),
        "{nowhere}"
    );
}

#[test]
fn the_end_of_the_next_coverage_is_a_metric() {
    let folder = Folder::new();
    let crawled = folder.check("crawl --simulate --sink parquet:out --metrics-file m.prom");
    assert!(crawled.starts_with("exit 0"), "{crawled}");
    let listed = folder.run("renewals --within 3660d --format json").stdout;
    let listed: Vec<serde_json::Value> = serde_json::from_slice(&listed).unwrap();
    let first = listed
        .iter()
        .find(|line| line["status"] == "ending")
        .unwrap();
    let midnight = format!("{}T00:00:00Z", first["end_date"].as_str().unwrap());
    let midnight: jiff::Timestamp = midnight.parse().unwrap();
    let found = samples(&folder.join("m.prom"))["fortilake_next_renewal_timestamp_seconds"];
    assert_eq!(found, midnight.as_duration().as_secs_f64());
}
