//! What a receiver gets if nothing fails.

use std::collections::BTreeSet;
use std::sync::Barrier;

use fortilake_sink::Delivery;

use super::*;

#[tokio::test]
async fn a_crawl_is_rows_and_a_summary() {
    let receiver = Receiver::new([]);
    let sender = Sender::to(&receiver).with("batch_rows", 4);
    let batches = [batch("products", 0, 10), batch("accounts", 0, 2)];
    let receipt = sender.deliver(&batches).await.unwrap();

    let messages = receiver.messages();
    assert!(
        messages
            .iter()
            .all(|received| received.is_signed_with(SECRET))
    );
    let summary = messages.last().unwrap();
    assert_eq!(summary.name(), summary_id());
    let ids: BTreeSet<_> = messages.iter().map(receiver::Received::id).collect();
    assert_eq!(
        ids.len(),
        messages.len(),
        "no two messages have the same id"
    );
    assert!(
        ids.iter()
            .all(|id| id.starts_with(&format!("msg_{CRAWL}-")))
    );
    assert_eq!(summary.json()["data"]["complete"], true);
    assert_eq!(
        summary.json()["data"]["tables"],
        json!([
            { "table": "accounts", "rows": 2, "messages": 1 },
            { "table": "empty", "rows": 0, "messages": 0 },
            { "table": "products", "rows": 10, "messages": 3 },
        ])
    );
    let mut ids = receiver.accepted();
    ids.sort();
    let wanted = [
        id("accounts", 0, 0),
        id("products", 0, 0),
        id("products", 0, 1),
        id("products", 0, 2),
    ];
    assert_eq!(ids[..4], wanted);
    assert_eq!(ids.len(), 5);

    let last = messages
        .iter()
        .find(|received| received.name() == id("products", 0, 2))
        .unwrap();
    let rows = json!([{ "id": 8, "text": "ü\n8" }, { "id": 9, "text": "ü\n9" }]);
    assert_eq!(last.json()["data"]["rows"], rows);

    assert_eq!(receipt.location, receiver.url("/hook"));
    assert_eq!((receipt.rows, receipt.files), (12, 5));
    let bytes: usize = messages.iter().map(|received| received.raw.len()).sum();
    assert_eq!(receipt.bytes, bytes as u64);
    assert!(sender.letters().is_empty());
}

#[tokio::test]
async fn two_secrets_sign_during_a_rotation() {
    let receiver = Receiver::new([]);
    let sender = Sender::to(&receiver);
    let sender = sender.with("secrets", json!([NEXT_SECRET, SECRET]));
    sender.deliver(&[batch("products", 0, 1)]).await.unwrap();
    for received in receiver.messages() {
        assert!(received.is_signed_with(SECRET) && received.is_signed_with(NEXT_SECRET));
    }
}

#[tokio::test]
async fn every_compression_has_the_same_body_and_signature() {
    for (compression, encoding) in [
        ("gzip", Some("gzip")),
        ("zstd", Some("zstd")),
        ("none", None),
    ] {
        let receiver = Receiver::new([]);
        let sender = Sender::to(&receiver).with("compression", compression);
        sender.deliver(&[batch("products", 0, 100)]).await.unwrap();
        let first = &receiver.messages()[0];
        assert_eq!(
            first.headers.get("content-encoding").map(String::as_str),
            encoding
        );
        assert_eq!(first.raw.len() < first.body.len(), encoding.is_some());
        assert_eq!(first.json()["data"]["rows"].as_array().unwrap().len(), 100);
        assert!(first.is_signed_with(SECRET));
    }
}

#[tokio::test]
async fn cloudevents_are_signed_as_well() {
    let receiver = Receiver::new([]);
    let sender = Sender::to(&receiver).with("envelope", "cloudevents");
    sender.deliver(&[batch("products", 0, 1)]).await.unwrap();
    for received in receiver.messages() {
        assert_eq!(
            received.headers["content-type"],
            "application/cloudevents+json"
        );
        assert!(received.is_signed_with(SECRET));
        assert_eq!(received.json()["specversion"], "1.0");
        assert_eq!(received.json()["id"], received.id());
    }
}

#[tokio::test]
async fn only_the_summary_is_sent_on_request() {
    let receiver = Receiver::new([]);
    let sender = Sender::to(&receiver).with("events", "summary");
    let receipt = sender.deliver(&[batch("products", 0, 10)]).await.unwrap();
    assert_eq!(receiver.accepted(), [summary_id()]);
    let tables = &receiver.messages()[0].json()["data"]["tables"];
    assert_eq!(
        tables[2],
        json!({ "table": "products", "rows": 10, "messages": 0 })
    );
    assert_eq!((receipt.rows, receipt.files), (0, 1));
}

#[tokio::test]
async fn a_table_keeps_its_order_through_failures() {
    let busy = Reply::With(503, "retry-after: 0".to_owned());
    let receiver = Receiver::new(vec![busy; 9]);
    let sender = Sender::to(&receiver)
        .with("batch_rows", 1)
        .with("attempts", 20);
    let batches = [
        batch("products", 0, 5),
        batch("accounts", 0, 3),
        batch("products", 1, 5),
    ];
    sender.deliver(&batches).await.unwrap();
    let accepted = receiver.accepted();
    let of_table = |name: &str| -> Vec<String> {
        let ids = accepted.iter().filter(|id| id.starts_with(name));
        ids.cloned().collect()
    };
    let products =
        (0..2).flat_map(|sequence| (0..5).map(move |piece| id("products", sequence, piece)));
    assert_eq!(of_table("products"), products.collect::<Vec<_>>());
    assert_eq!(
        of_table("accounts"),
        (0..3)
            .map(|piece| id("accounts", 0, piece))
            .collect::<Vec<_>>()
    );
    assert_eq!(accepted.last(), Some(&summary_id()));
}

#[tokio::test]
async fn tables_are_sent_in_parallel_and_on_request_all_messages() {
    // The receiver responds to a message only once a second one has arrived.
    let meet = || {
        let barrier = Arc::new(Barrier::new(2));
        [Reply::Meet(Arc::clone(&barrier)), Reply::Meet(barrier)]
    };
    let receiver = Receiver::new(meet());
    let batches = [batch("products", 0, 1), batch("accounts", 0, 1)];
    Sender::to(&receiver).deliver(&batches).await.unwrap();
    assert_eq!(receiver.accepted().len(), 3);

    let receiver = Receiver::new(meet().into_iter().chain(meet()));
    let sender = Sender::to(&receiver)
        .with("order", "parallel")
        .with("concurrency", 2)
        .with("batch_rows", 1);
    sender.deliver(&[batch("products", 0, 4)]).await.unwrap();
    assert_eq!(receiver.accepted().len(), 5);
    assert_eq!(
        receiver.most_under_way(),
        2,
        "no more than `concurrency` at once"
    );
}

#[tokio::test]
async fn configured_headers_are_sent() {
    let receiver = Receiver::new([]);
    let sender = Sender::to(&receiver);
    let headers = json!({ "Authorization": "Bearer of-the-user", "x-text": "text" });
    sender.with("headers", headers).deliver(&[]).await.unwrap();
    let headers = &receiver.messages()[0].headers;
    assert_eq!(headers["authorization"], "Bearer of-the-user");
    assert_eq!(headers["x-text"], "text");
    assert!(headers["user-agent"].starts_with("fortilake/"));
}

#[tokio::test]
async fn a_probe_sends_nothing_and_finds_errors() {
    let descriptor = registry::find("webhook").unwrap();
    let receiver = Receiver::new([]);
    let probe = async |sender: Sender| (descriptor.probe)(Options(sender.options)).await;
    probe(Sender::to(&receiver)).await.unwrap();
    assert!(receiver.messages().is_empty());
    let error = probe(Sender::to(&receiver).with("url", "https://receiver.invalid/hook"));
    let text = told(&error.await.unwrap_err());
    assert!(
        text.starts_with("cannot resolve the host `receiver.invalid`"),
        "{text}"
    );
    let error = probe(Sender::to(&receiver).with("url", "receiver"));
    assert!(told(&error.await.unwrap_err()).starts_with("option `url`"));
    let delivery = (descriptor.delivery)(&Options::default()).unwrap();
    assert_eq!(delivery, Delivery::AtLeastOnce);
}
