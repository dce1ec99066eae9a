//! Details of products: one call each, exact rows, and no repetition before they are too old.

use std::sync::Arc;

use fortilake_crawler::{DetailsFor, Incomplete, ReusablePages, Settings};
use fortilake_simulator::Scenario;
use fortilake_state::{NewCrawl, State, Status};

use crate::{
    truth::complete,
    util::{Crawled, Lab, crawl_with, settings},
};

const ENDPOINT: &str = "products/details";

fn small() -> Scenario {
    let mut scenario = Scenario::production();
    scenario.organization.ous = 3;
    scenario.organization.accounts = 4;
    scenario.organization.products = 60;
    scenario
}

fn with_details(of: DetailsFor) -> Settings {
    Settings {
        details: Some(of),
        ..settings()
    }
}

/// How many calls for details the server received.
fn asked(lab: &Lab) -> usize {
    let calls = lab.simulator.calls();
    let details = calls.iter().filter(|call| call.path.ends_with(ENDPOINT));
    details.count()
}

fn rows(crawled: &Crawled, table: &str) -> usize {
    crawled.tables.get(table).map_or(0, Vec::len)
}

#[tokio::test(start_paused = true)]
async fn every_product_has_its_details() {
    let settings = with_details(DetailsFor::default());
    let crawled = crawl_with(small(), settings, Incomplete::Publish).await;
    complete(&crawled);
    assert_eq!(rows(&crawled, "product_details"), 60);
    assert!(rows(&crawled, "product_locations") > 0);
}

#[tokio::test(start_paused = true)]
async fn some_products_can_be_picked() {
    let of = DetailsFor {
        models: vec!["FortiGate*".to_owned()],
        serials: Vec::new(),
    };
    let crawled = crawl_with(small(), with_details(of), Incomplete::Publish).await;
    assert!(crawled.report().complete);
    let details = &crawled.tables["product_details"];
    assert!(!details.is_empty() && details.len() < 60);
    let is_gate = |model: &serde_json::Value| model.as_str().unwrap().starts_with("FortiGate");
    assert!(details.iter().all(|row| is_gate(&row["product_model"])));
}

#[tokio::test(start_paused = true)]
async fn a_rejected_product_is_an_issue_and_does_not_affect_others() {
    let fault = "[[fault]]\npath = \"products/details\"\nnth = 7\naction = { kind = \"status\", status = -1, code = 101 }\n";
    let scenario = Scenario {
        organization: small().organization,
        ..Scenario::from_toml(fault).unwrap()
    };
    let settings = with_details(DetailsFor::default());
    let crawled = crawl_with(scenario, settings, Incomplete::Publish).await;
    assert!(crawled.report().complete, "{:?}", crawled.report().failed);
    assert_eq!(rows(&crawled, "product_details"), 59);
    let issue = &crawled.tables["issues"][0];
    assert_eq!(issue["table_name"], "product_details");
    assert!(
        issue["key"].as_str().unwrap().contains("serial_number"),
        "{issue:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_list_that_failed_fails_the_details_of_its_account() {
    let fault = "page_size = 5\n[[fault]]\npath = \"products/list\"\npage = 2\naction = { kind = \"refuse\" }\n";
    let scenario = Scenario {
        organization: small().organization,
        ..Scenario::from_toml(fault).unwrap()
    };
    let settings = with_details(DetailsFor::default());
    let crawled = crawl_with(scenario, settings, Incomplete::Publish).await;
    let failed = |endpoint: &str| -> Vec<_> {
        let scopes = crawled.report().failed.iter();
        let scopes = scopes.filter(|scope| scope.endpoint == endpoint);
        scopes.map(|scope| scope.account_id).collect()
    };
    let lists = failed("products/list");
    assert!(!lists.is_empty());
    assert_eq!(failed(ENDPOINT), lists);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_costs_one_error_per_account() {
    let fault = "[[fault]]\npath = \"products/details\"\naction = { kind = \"refuse\" }\n";
    let scenario = Scenario {
        organization: small().organization,
        ..Scenario::from_toml(fault).unwrap()
    };
    let lab = Lab::new(scenario);
    let journal = Arc::new(fortilake_state::MemoryJournal::default());
    let settings = with_details(DetailsFor::default());
    let crawled = lab
        .run(settings, Incomplete::Publish, journal, |_| {})
        .await;
    let report = crawled.report();
    assert!(report.failed.iter().all(|scope| scope.endpoint == ENDPOINT));
    assert_eq!(asked(&lab), report.failed.len());
    assert_eq!(rows(&crawled, "products"), 60);
}

#[tokio::test(start_paused = true)]
async fn details_of_an_earlier_crawl_are_used_until_they_are_too_old() {
    let folder = tempfile::tempdir().unwrap();
    let state = State::open(folder.path(), Arc::new(|| 1_700_000_000_000_000)).unwrap();
    let lab = Lab::new(small());
    let run = async |id: &str, since: Option<i64>| {
        let earlier = state.crawls().unwrap();
        let journal = state.begin(&NewCrawl {
            id: id.to_owned(),
            snapshot: "20231114T221320Z".to_owned(),
            fingerprint: "the test".to_owned(),
            version: "the test".to_owned(),
        });
        let journal = Arc::new(journal.unwrap());
        let settings = with_details(DetailsFor::default());
        let (_stop, mut crawl) = lab.crawl(settings, journal.clone(), |_| {});
        crawl.sources[0].older = since.map(|since| ReusablePages {
            archive: Arc::new(state.archive(&earlier).unwrap()),
            since,
        });
        let report = crawl.run().await.unwrap();
        journal.set_status(Status::Published).unwrap();
        let details = report
            .tables
            .iter()
            .find(|total| total.table == "product_details");
        (asked(&lab), details.unwrap().rows)
    };
    let observed_at = 1_700_000_000_000_000;
    assert_eq!(run("one", None).await, (60, 60));
    assert_eq!(run("two", Some(observed_at)).await, (60, 60));
    // The second crawl has copied the details, so the first one may be removed.
    state.remove("one").unwrap();
    assert_eq!(run("three", Some(observed_at)).await, (60, 60));
    assert_eq!(run("four", Some(observed_at + 1)).await, (120, 60));
}
