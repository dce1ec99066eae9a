//! What a receiver gets if nothing fails.

use std::sync::Barrier;

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
    assert_eq!(summary.id(), summary_id());
    assert_eq!(summary.json()["data"]["complete"], true);
    assert_eq!(
        summary.json()["data"]["tables"],
        json!([
            { "table": "products", "rows": 10, "messages": 3 },
            { "table": "accounts", "rows": 2, "messages": 1 },
            { "table": "empty", "rows": 0, "messages": 0 },
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
        .find(|received| received.id() == id("products", 0, 2))
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
    let next = sender.folder.path().join("next");
    std::fs::write(&next, NEXT_SECRET.to_owned() + "\n").unwrap();
    let first = sender.options["secrets"][0].clone();
    let sender = sender.with("secrets", json!([{ "file": next }, first]));
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
async fn the_summary_alone_is_sent_on_request() {
    let receiver = Receiver::new([]);
    let sender = Sender::to(&receiver).with("events", "summary");
    let receipt = sender.deliver(&[batch("products", 0, 10)]).await.unwrap();
    assert_eq!(receiver.accepted(), [summary_id()]);
    let tables = &receiver.messages()[0].json()["data"]["tables"];
    assert_eq!(
        tables[0],
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
        let ids = accepted.iter().filter(|id| id.contains(name));
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
async fn tables_go_side_by_side_and_by_choice_all_messages() {
    // Each pair of messages is answered only when both are there.
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
async fn headers_of_the_user_go_along() {
    let receiver = Receiver::new([]);
    let sender = Sender::to(&receiver);
    let token = sender.folder.path().join("token");
    std::fs::write(&token, "Bearer of-the-file\n").unwrap();
    let headers = json!({
        "Authorization": { "file": token },
        "x-package": { "env": "CARGO_PKG_NAME" },
        "x-text": "text",
    });
    sender.with("headers", headers).deliver(&[]).await.unwrap();
    let headers = &receiver.messages()[0].headers;
    assert_eq!(headers["authorization"], "Bearer of-the-file");
    assert_eq!(headers["x-package"], "fortilake-sink-webhook");
    assert_eq!(headers["x-text"], "text");
    assert!(headers["user-agent"].starts_with("fortilake/"));
}

#[tokio::test]
async fn other_rows_than_the_crawl_counted_are_no_whole_crawl() {
    let receiver = Receiver::new([]);
    let sender = Sender::to(&receiver);
    let mut sink = sender.open().await.unwrap();
    sink.write(&batch("products", 0, 2)).await.unwrap();
    let counted = outcome(&[batch("products", 0, 3)]);
    let error = sink.finish(&counted).await.unwrap_err();
    let text = "table `products` has 2 rows, and the crawl counted 3";
    assert_eq!(error.to_string(), text);
    assert!(!receiver.accepted().contains(&summary_id()));
}
