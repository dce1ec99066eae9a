//! Crawls whose tokens another tool of the same API user keeps invalidating.

use std::time::Duration;

use fortilake_client::Reason;
use fortilake_crawler::{Incomplete, Kind};
use fortilake_simulator::Scenario;

use crate::{
    resume::{Kept, same, worst_hour},
    util::{Lab, crawl, scenario, settings},
};

fn small(faults: &str) -> Scenario {
    let text = format!("page_size = 7\nlatency = \"200ms\"\n{faults}");
    scenario(&text, 4, 12, 120)
}

#[tokio::test(start_paused = true)]
async fn tokens_that_another_tool_invalidates_every_nine_calls() {
    let expected = crawl(small("")).await;
    let fault = "[[fault]]\nevery = 9\naction = { kind = \"revoke-tokens\" }\n";
    let lab = Lab::new(small(fault));
    let kept = Kept::new();
    for run in 1.. {
        let journal = kept.take_up();
        let crawled = lab
            .run(settings(), Incomplete::Publish, journal, |_| {})
            .await;
        assert!(worst_hour(&lab) <= 8, "{} errors", worst_hour(&lab));
        match &crawled.report {
            Ok(report) => {
                assert!(report.complete, "{:?}", report.failed);
                same(&crawled, &expected);
                break;
            }
            Err(error) => {
                assert_eq!(error.kind(), Kind::Paused, "{error}");
                assert_eq!(
                    error.pause().map(|pause| pause.reason),
                    Some(Reason::Errors)
                );
                let text = format!("{:?}", messages(error));
                assert!(text.contains("token"), "{text}");
            }
        }
        assert!(run < 10, "the crawl did not end in 10 runs");
        tokio::time::sleep(Duration::from_mins(61)).await;
    }
}

/// With all calls in flight at once, each new token would be revoked before most of them are answered.
#[tokio::test(start_paused = true)]
async fn without_an_error_limit_such_a_crawl_is_complete_in_one_run() {
    for seed in 0..12 {
        let fault = format!(
            "seed = {seed}\nlatency_spread = \"900ms\"\n\
             [[fault]]\nevery = 9\naction = {{ kind = \"revoke-tokens\" }}\n"
        );
        let crawled = crawl(small(&fault)).await;
        let report = crawled.report();
        assert!(report.complete, "seed {seed}: {:?}", report.failed);
    }
}

/// The messages of an error and its causes.
fn messages(error: &dyn std::error::Error) -> Vec<String> {
    let first = Some(error);
    let chain = std::iter::successors(first, |error| error.source());
    chain.map(ToString::to_string).collect()
}
