//! `FortiFlex`: programs, configurations and entitlements, as `include` asks for.

use fortilake_crawler::{Incomplete, Settings};
use fortilake_simulator::Scenario;

use crate::{
    truth::complete,
    util::{Crawled, crawl_with, settings},
};

const LEVELS: [&str; 3] = [
    "flex/programs/list",
    "flex/configs/list",
    "flex/entitlements/list",
];

/// A small tenant with these further settings.
fn tenant(more: &str) -> Scenario {
    let size = "[organization]\nous = 2\naccounts = 3\nproducts = 20\n";
    Scenario::from_toml(&format!("{size}{more}")).unwrap()
}

async fn crawl(scenario: Scenario, include: &[&'static str]) -> Crawled {
    let settings = Settings {
        include: include.to_vec(),
        ..settings()
    };
    crawl_with(scenario, settings, Incomplete::Publish).await
}

/// How many calls each level received.
fn calls(crawled: &Crawled) -> [usize; 3] {
    LEVELS.map(|level| {
        let path = level.strip_prefix("flex/").unwrap();
        let calls = crawled.simulator.calls();
        let of_level =
            |path_called: &str| path_called.contains("fortiflex") && path_called.ends_with(path);
        calls.iter().filter(|call| of_level(&call.path)).count()
    })
}

/// The result of each level in `coverage`.
fn coverage(crawled: &Crawled) -> Vec<(String, String)> {
    let rows = crawled.tables["coverage"].iter();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    rows.filter(|row| row["endpoint"].as_str().unwrap().starts_with("flex/"))
        .map(|row| (text(&row["outcome"]), text(&row["error"])))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn every_level_is_exact() {
    for quirks in [
        "",
        "[quirks]\nquoted_integers = true\nunknown_fields = true\n",
        "[quirks]\nduplicate_rows = true\n",
        "[quirks]\ntop_arrays = \"empty\"\n",
    ] {
        let crawled = crawl(tenant(quirks), &LEVELS).await;
        complete(&crawled);
        assert_eq!(crawled.tables["flex_programs"].len(), 2);
        assert_eq!(crawled.tables["flex_configs"].len(), 6);
        assert_eq!(crawled.tables["flex_entitlements"].len(), 20);
        assert_eq!(calls(&crawled), [1, 2, 6], "{quirks}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_token_of_an_entitlement_is_nowhere() {
    let crawled = crawl(tenant(""), &LEVELS).await;
    let rows = format!("{:?}", crawled.tables);
    assert!(rows.contains("FGVMELTM26000000"), "{rows}");
    assert!(!rows.contains("FLEXTOKEN"));
}

#[tokio::test(start_paused = true)]
async fn the_levels_above_a_wanted_one_are_read_too() {
    let crawled = crawl(tenant(""), &LEVELS[1..2]).await;
    complete(&crawled);
    assert_eq!(calls(&crawled), [1, 2, 0]);
    assert!(!crawled.tables.contains_key("flex_entitlements"));
    assert_eq!(coverage(&crawled).len(), 2);
    let crawled = crawl(tenant(""), &["folders/list"]).await;
    assert_eq!(calls(&crawled), [0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn fortiflex_is_not_read_for_selected_accounts() {
    let settings = Settings {
        include: LEVELS.to_vec(),
        accounts: vec![710_101],
        ..settings()
    };
    let crawled = crawl_with(tenant(""), settings, Incomplete::Publish).await;
    assert!(crawled.report().complete);
    assert_eq!(calls(&crawled), [0, 0, 0]);
    assert!(!crawled.tables.contains_key("flex_programs"));
}

#[tokio::test(start_paused = true)]
async fn a_user_without_fortiflex_loses_nothing_else() {
    let clients = "[credentials]\nclients = [\"assetmanagement\", \"organization\", \"iam\"]\n";
    let crawled = crawl(tenant(clients), &LEVELS).await;
    assert!(!crawled.report().complete);
    let failed = crawled.report().failed.iter();
    assert_eq!(
        failed
            .map(|scope| scope.endpoint.as_str())
            .collect::<Vec<_>>(),
        LEVELS
    );
    assert_eq!(crawled.tables["products"].len(), 20);
    let skipped = &coverage(&crawled)[2].1;
    assert!(skipped.starts_with("skipped because "), "{skipped}");
}

#[tokio::test(start_paused = true)]
async fn a_level_that_lacks_a_list_fails_as_a_whole() {
    let fault = "[[fault]]\npath = \"configs/list\"\nnth = 2\naction = { kind = \"status\", status = -1, code = 101 }\n";
    let crawled = crawl(tenant(fault), &LEVELS).await;
    assert!(!crawled.report().complete);
    let results: Vec<_> = coverage(&crawled).into_iter().map(|row| row.0).collect();
    assert_eq!(results, ["complete", "failed", "failed"]);
    assert!(crawled.tables.get("flex_configs").is_none_or(Vec::is_empty));
}

#[tokio::test(start_paused = true)]
async fn rows_under_another_name_fail_their_level() {
    // An older release calls the entitlements `vms`.
    let fault = "[[fault]]\npath = \"fortiflex/v2/entitlements/list\"\naction = { kind = \"rename-member\", from = \"entitlements\", to = \"vms\" }\n";
    let crawled = crawl(tenant(fault), &LEVELS).await;
    let error = &coverage(&crawled)[2].1;
    assert!(error.contains("has `vms` where `entitlements`"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_program_without_a_serial_number_fails_its_level() {
    let fault = "[[fault]]\npath = \"programs/list\"\naction = { kind = \"replace\", find = '\"programSerialNumber\"', with = '\"serial\"' }\n";
    let crawled = crawl(tenant(fault), &LEVELS).await;
    assert_eq!(calls(&crawled)[1], 0);
    let results: Vec<_> = coverage(&crawled).into_iter().map(|row| row.0).collect();
    assert_eq!(results, ["failed", "failed", "failed"]);
}
