//! Sources with several API users: each has limits of its own.

use std::{sync::Arc, time::Duration};

use fortilake_client::{Client, Config, Reason, Window};
use fortilake_crawler::{Incomplete, Kind};
use fortilake_simulator::Scenario;
use fortilake_state::MemoryJournal;
use tokio::time::Instant;

use crate::util::{Crawled, Lab, crawl_with, products_only, scenario};

/// A tenant with two users, that allows a fifth of the vendor's calls in an hour.
const TENANT: &str = r#"
page_size = 50
latency = "200ms"
[credentials]
more_users = ["second"]
[quota]
calls = [{ max = 100, per = "1m" }, { max = 200, per = "1h" }]
errors = { max = 10, per = "1h" }
"#;

fn tenant(accounts: u64) -> Scenario {
    scenario(TENANT, 3, accounts, accounts)
}

/// Crawls with the first user and these further ones, and returns how long it took.
async fn crawl_as(
    lab: &Lab,
    more: impl IntoIterator<Item = Client>,
    change: impl FnOnce(&mut Config),
) -> (Crawled, Duration) {
    let journal = Arc::new(MemoryJournal::default());
    let (_stop, mut crawl) = lab.crawl(products_only(), journal, change);
    let clients = &mut crawl.sources[0].clients;
    clients.extend(more.into_iter().map(Arc::new));
    let began = Instant::now();
    let crawled = lab.collect(crawl).await;
    (crawled, began.elapsed())
}

fn wait_for_windows(config: &mut Config) {
    config.errors = None;
    config.calls[1].max = 200;
}

/// At most this many calls in this many hours.
fn at_most(max: u32, hours: u64) -> impl FnOnce(&mut Config) {
    move |config| {
        config.calls = vec![Window {
            max,
            per: Duration::from_secs(3600 * hours),
        }];
    }
}

#[track_caller]
fn nothing_was_refused(lab: &Lab) {
    let calls = lab.simulator.calls();
    assert!(calls.iter().all(|call| call.http_status == Some(200)));
}

#[tokio::test(start_paused = true)]
async fn two_users_take_half_the_time_of_one() {
    let accounts = 320;
    let one = Lab::new(tenant(accounts));
    let (crawled, alone) = crawl_as(&one, [], wait_for_windows).await;
    nothing_was_refused(&one);
    let two = Lab::new(tenant(accounts));
    let second = two.client_of("second", wait_for_windows);
    let (together, half) = crawl_as(&two, [second], wait_for_windows).await;
    nothing_was_refused(&two);
    assert_eq!(together.tables, crawled.tables);
    // 640 calls: three windows of an hour have to pass for one user, and one for two users.
    let hours = |time: Duration| time.as_secs() / 3600;
    assert_eq!((hours(alone), hours(half)), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn if_one_user_has_to_pause_the_other_goes_on() {
    let lab = Lab::new(tenant(100));
    let second = lab.client_of("second", |_| {});
    let (crawled, _) = crawl_as(&lab, [second], at_most(30, 1)).await;
    assert!(crawled.report().complete);
    nothing_was_refused(&lab);
    let whole = crawl_with(tenant(100), products_only(), Incomplete::Publish);
    assert_eq!(crawled.tables, whole.await.tables);
}

#[tokio::test(start_paused = true)]
async fn the_crawl_pauses_until_the_first_user_may_call_again() {
    let lab = Lab::new(tenant(100));
    let second = lab.client_of("second", at_most(30, 1));
    let now = second.now();
    let (crawled, _) = crawl_as(&lab, [second], at_most(30, 5)).await;
    let error = crawled.report.unwrap_err();
    assert_eq!(error.kind(), Kind::Paused);
    let pause = error.pause().unwrap();
    assert_eq!(pause.reason, Reason::Calls);
    let wait = Duration::from_micros((pause.resume_at - now).try_into().unwrap());
    assert!(wait < Duration::from_hours(2), "{wait:?}");
    assert_eq!(lab.simulator.calls().len(), 60);
}

#[tokio::test(start_paused = true)]
async fn a_second_user_who_cannot_sign_in_ends_the_crawl() {
    let lab = Lab::new(tenant(100));
    let nobody = lab.client_of("nobody", |_| {});
    let (crawled, _) = crawl_as(&lab, [nobody], |_| {}).await;
    assert_eq!(crawled.report.unwrap_err().kind(), Kind::Credentials);
}
