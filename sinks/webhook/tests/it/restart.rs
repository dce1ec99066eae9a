//! Crawls whose delivery takes more than one process.

use std::collections::BTreeSet;

use super::*;

#[tokio::test]
async fn after_a_crash_nothing_is_missing_and_nothing_comes_twice() {
    let batches = [
        batch("products", 0, 4),
        batch("accounts", 0, 2),
        batch("products", 1, 4),
    ];
    for (order, concurrency) in [("table", 1), ("parallel", 4)] {
        for delivered in 0..8 {
            // The receiver accepts this many messages and then stops responding.
            let receiver = Receiver::new(vec![Reply::Status(200); delivered]);
            receiver.always(Some(Reply::Hang));
            let sender = Sender::to(&receiver)
                .with("batch_rows", 2)
                .with("order", order)
                .with("concurrency", concurrency);
            let crashed = async {
                let mut sink = sender.open().await.unwrap();
                for batch in &batches {
                    sink.write(batch).await.unwrap();
                }
                sink.finish(&outcome(&batches)).await
            };
            // How many messages hang then: at most `concurrency` of the 5 messages with rows, or else the summary.
            let hanging = 5_usize.saturating_sub(delivered).min(concurrency).max(1);
            let taken = async {
                while receiver.messages().len() < delivered + hanging
                    || remembered(&sender).await < delivered
                {
                    tokio::task::yield_now().await;
                }
            };
            // `select!` drops the future that has not ended. So the sink is dropped in the middle of a request, which
            // is as close to a killed process as one process can get.
            tokio::select! {
                result = crashed => assert!(result.is_ok() && delivered > 5),
                () = taken => {}
            }
            receiver.always(None);
            let receipt = sender.deliver(&batches).await.unwrap();
            assert_eq!(receipt.rows, 10);

            let accepted = receiver.accepted();
            let distinct: BTreeSet<_> = accepted.iter().collect();
            assert_eq!(
                distinct.len(),
                6,
                "5 messages of rows and a summary: {accepted:?}"
            );
            assert_eq!(accepted.len(), 6, "{accepted:?}");
            assert_eq!(accepted.last(), Some(&summary_id()));
        }
    }
}

/// How many messages with rows the store records as delivered. Each of them has two rows.
async fn remembered(sender: &Sender) -> usize {
    let mut rows = 0;
    for key in sender.store.keys("scope/").await.unwrap() {
        let value = sender.store.get(&key).await.unwrap().unwrap();
        let tables: BTreeMap<String, Vec<std::ops::Range<u64>>> =
            serde_json::from_slice(&value).unwrap();
        let ranges = tables.into_values().flatten();
        rows += ranges.map(|range| range.end - range.start).sum::<u64>();
    }
    usize::try_from(rows / 2).unwrap()
}

#[tokio::test]
async fn an_interrupted_crawl_keeps_the_limits_it_began_with() {
    let receiver = Receiver::new([Reply::Status(200), Reply::Status(200), Reply::Status(400)]);
    let sender = Sender::to(&receiver).with("batch_rows", 2);
    let batches = [batch("products", 0, 6)];
    sender.deliver(&batches).await.unwrap_err();
    let sender = sender
        .with("batch_rows", 100)
        .with("envelope", "cloudevents");
    let receipt = sender.deliver(&batches).await.unwrap();
    assert_eq!((receipt.rows, receipt.files), (6, 2));
    let third = receiver.messages()[3].clone();
    assert_eq!(third.name(), id("products", 0, 2));
    assert_eq!(third.raw, receiver.messages()[2].raw);
}

#[tokio::test]
async fn delivered_messages_are_sent_again_only_on_request() {
    let receiver = Receiver::new([]);
    let sender = Sender::to(&receiver);
    let batches = [batch("products", 0, 3)];
    sender.deliver(&batches).await.unwrap();
    let receipt = sender.deliver(&batches).await.unwrap();
    assert_eq!((receipt.rows, receipt.files), (3, 0));
    assert_eq!(receiver.messages().len(), 2);

    sender.with("resend", true).deliver(&batches).await.unwrap();
    let messages = receiver.messages();
    assert_eq!(messages.len(), 4);
    assert_eq!(messages[0].raw, messages[2].raw);
    assert_eq!(messages[1].raw, messages[3].raw);
}

#[tokio::test]
async fn another_destination_gets_everything() {
    let receiver = Receiver::new([]);
    let sender = Sender::to(&receiver);
    let batches = [batch("products", 0, 3)];
    sender.deliver(&batches).await.unwrap();
    let url = receiver.url("/hook?tenant=2");
    let receipt = sender.with("url", url).deliver(&batches).await.unwrap();
    assert_eq!(receipt.files, 2);
}

#[tokio::test]
async fn a_delivered_crawl_leaves_one_key_behind() {
    let receiver = Receiver::new([]);
    let sender = Sender::to(&receiver).with("batch_rows", 1);
    let batches = [batch("products", 0, 9), batch("accounts", 0, 9)];
    sender.deliver(&batches).await.unwrap();
    assert_eq!(sender.keys().await.len(), 1);
}
