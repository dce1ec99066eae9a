//! Tests of limits, both ours and the server's.

use fortilake_auth::until;
use tokio::time;

use super::*;
use crate::{
    Reason,
    ledger::{CallOutcome, ErrorReason, Ledger, LedgerUsage, Limits, Reservation, Ticket},
};

/// Returns how long calls are paused, and why.
fn pause(client: &Client, error: &Error) -> (Duration, Reason) {
    assert_eq!(error.kind(), Kind::Paused);
    let pause = error.pause().unwrap();
    let now = (client.limited.limiter.clock)();
    (until(now, pause.resume_at), pause.reason)
}

#[tokio::test(start_paused = true)]
async fn throttled_calls_wait_as_they_are_told() {
    let server = Server::new([Reply::Throttled("7"), Reply::products(1)]);
    let start = Instant::now();
    list(&server.client()).await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_secs(7));

    for status in ["-10", "-12"] {
        let body = format!(r#"{{"status":{status},"error":"Exceeded"}}"#);
        let server = Server::new([Reply::Owned(body), Reply::products(1)]);
        let start = Instant::now();
        list(&server.client()).await.unwrap();
        assert_eq!(start.elapsed(), Duration::from_mins(1), "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_throttled_call_holds_back_all_others() {
    let server = Server::new([
        Reply::Throttled("30"),
        Reply::products(1),
        Reply::products(1),
    ]);
    let client = server.client();
    let start = Instant::now();
    let later = async {
        time::sleep(Duration::from_secs(1)).await;
        list(&client).await
    };
    let (first, second) = tokio::join!(list(&client), later);
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(start.elapsed(), Duration::from_secs(30));
    assert_eq!(server.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn throttling_without_end_is_a_pause() {
    let server = Server::new([
        Reply::Throttled("20"),
        Reply::Throttled("20"),
        Reply::Throttled("20"),
    ]);
    let client = server.client();
    let error = list(&client).await.unwrap_err();
    assert_eq!(
        pause(&client, &error),
        (Duration::from_secs(20), Reason::Closed)
    );
    assert_eq!(
        chain(&error),
        "`products/list` for accountId 710112 has to wait: the API reports too many calls (HTTP 429, 3 tries)"
    );
}

#[tokio::test(start_paused = true)]
async fn a_long_wait_is_a_pause_at_once() {
    let server = Server::new([Reply::Throttled("1800")]);
    let start = Instant::now();
    let client = server.client();
    let error = list(&client).await.unwrap_err();
    assert_eq!(pause(&client, &error).0, Duration::from_mins(30));
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn the_limits_of_an_hour_stop_every_call() {
    for (status, reason) in [("-11", Reason::Closed), ("-30", Reason::ErrorLimit)] {
        let limit = Reply::Owned(format!(r#"{{"status":{status},"message":"Too much."}}"#));
        let server = Server::new([limit, Reply::products(1)]);
        let client = server.client();
        let hour = Duration::from_hours(1);
        let error = list(&client).await.unwrap_err();
        assert_eq!(pause(&client, &error), (hour, reason));

        time::advance(Duration::from_mins(20)).await;
        let error = list(&client).await.unwrap_err();
        assert_eq!(
            pause(&client, &error),
            (Duration::from_mins(40), Reason::Closed)
        );
        assert_eq!(server.calls(), 1, "nothing is sent in a pause");

        time::advance(Duration::from_mins(40)).await;
        assert!(list(&client).await.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn limits_met_while_signing_in_count_as_well() {
    let server = Server::new([Reply::products(1)]).sign_ins([Reply::Throttled("5")]);
    let start = Instant::now();
    list(&server.client()).await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_secs(5));

    let server = Server::new([]).sign_ins([Reply::Json(400, r#"{"status":-30}"#)]);
    let client = server.client();
    let error = list(&client).await.unwrap_err();
    assert_eq!(
        pause(&client, &error),
        (Duration::from_hours(1), Reason::ErrorLimit)
    );
}

#[tokio::test(start_paused = true)]
async fn sign_ins_and_repetitions_count_as_calls() {
    let answers = [Reply::products(1), Reply::Reset, Reply::products(1)];
    let server = Server::new(answers);
    let mut config = server::config();
    config.calls = vec![Window {
        max: 3,
        per: Duration::from_mins(1),
    }];
    let client = Client::new(config, server.transport(), Jitter::seeded(1)).unwrap();
    let start = Instant::now();
    list(&client).await.unwrap();
    list(&client).await.unwrap();
    assert!(
        start.elapsed() >= Duration::from_mins(1),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(client.usage().await.unwrap().calls, 4);
}

#[tokio::test(start_paused = true)]
async fn a_pause_for_errors_names_the_last_of_them() {
    let denied = (0..8).map(|_| Reply::denied());
    let server = Server::new(denied);
    let client = server.client();
    for _ in 0..8 {
        assert_eq!(list(&client).await.unwrap_err().kind(), Kind::Refused);
        time::sleep(Duration::from_mins(1)).await;
    }
    let error = list(&client).await.unwrap_err();
    assert_eq!(pause(&client, &error).1, Reason::Errors);
    let one = "HTTP 400 from `products/list` for accountId 710112: Access denied. No permission";
    assert_eq!(
        chain(&error),
        format!(
            "`products/list` for accountId 710112 has to wait: the error budget is used up: last \
             errors: {one} (1 min ago); {one} (2 min ago); {one} (3 min ago); {one} (4 min ago); \
             4 more"
        )
    );
}

#[tokio::test(start_paused = true)]
async fn a_try_is_one_call_and_no_reason_to_pause() {
    let server = Server::new((0..5).map(|_| Reply::Json(503, "boom")));
    let client = server.client();
    let arguments = json!({ "accountId": 710_112 });
    let arguments = arguments.as_object().cloned().unwrap();
    let mut before = Tries::default();
    for tries in 1..=5 {
        let error = client.try_fetch(&LIST, &arguments, before).await;
        let error = error.unwrap_err();
        before = error.tries();
        assert_eq!(error.kind(), Kind::Transient);
        let counted = error.to_string().contains(&format!("{tries} tries"));
        assert_eq!(counted, tries > 1, "{error}");
    }
    assert_eq!(server.calls(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_try_holds_back_others_and_is_reported() {
    let server = Server::new([
        Reply::Throttled("20"),
        Reply::products(1),
        Reply::Throttled("1800"),
    ]);
    let client = server.client();
    let arguments = json!({ "accountId": 710_112 });
    let arguments = arguments.as_object().cloned().unwrap();
    let start = Instant::now();
    let error = client.try_fetch(&LIST, &arguments, Tries::default()).await;
    let error = error.unwrap_err();
    assert!(error.is_throttled());
    assert_eq!(error.kind(), Kind::Transient);
    assert_eq!(error.retry_after(), Duration::from_secs(20));
    assert_eq!(
        chain(&error),
        "`products/list` for accountId 710112 was throttled: the response is the text \"Slow down\" (HTTP 429)"
    );
    assert_eq!(start.elapsed(), Duration::ZERO);
    list(&client).await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_secs(20));
    let error = client.try_fetch(&LIST, &arguments, error.tries()).await;
    assert_eq!(
        chain(&error.unwrap_err()),
        "`products/list` for accountId 710112 was throttled: the response is the text \"Slow down\" (HTTP 429, 2 tries)"
    );
    let error = list(&client).await.unwrap_err();
    assert_eq!(pause(&client, &error).1, Reason::Closed);
}

/// A ledger whose file cannot be written.
struct FullLedger;

#[async_trait::async_trait]
impl Ledger for FullLedger {
    async fn reserve(&self, _: &str, _: &Limits) -> Result<Reservation> {
        Err(Error::ledger("the disk is full"))
    }

    async fn settle(&self, _: Ticket, _: CallOutcome, _: Option<&ErrorReason>) -> Result<()> {
        Err(Error::ledger("the disk is full"))
    }

    async fn close(&self, _: &str, _: Duration) -> Result<()> {
        Err(Error::ledger("the disk is full"))
    }

    async fn usage(&self, _: &str, _: &Limits) -> Result<LedgerUsage> {
        Err(Error::ledger("the disk is full"))
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_cannot_be_counted_is_not_sent_and_says_why() {
    static INFO: Endpoint = Endpoint::new(
        "info",
        "Assets",
        "POST",
        "/info",
        None,
        Access::Read,
        "",
        &PARAMETERS,
        None,
    )
    .of_system("forticloud", Dialect::Body);
    let server = Server::new([]);
    let mut config = server::config();
    config.ledger = Arc::new(FullLedger);
    let client = Client::new(config, server.transport(), Jitter::seeded(1)).unwrap();
    let error = fetch(&client, &INFO).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Ledger);
    assert!(chain(&error).ends_with(": the disk is full"), "{error}");
    assert_eq!(server.seen().len(), 0);
}
