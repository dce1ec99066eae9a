//! Receivers that fail in different ways.

use fortilake_sink::Kind;

use super::*;

#[tokio::test]
async fn every_attempt_sends_the_same_bytes() {
    let wait = "retry-after: 0".to_owned();
    let receiver = Receiver::new([
        Reply::Status(500),
        Reply::Close,
        Reply::With(429, wait.clone()),
        Reply::With(503, wait),
    ]);
    let sender = Sender::to(&receiver).with("attempts", 5);
    sender.deliver(&[batch("products", 0, 50)]).await.unwrap();
    let messages = receiver.messages();
    let tries: Vec<_> = messages
        .iter()
        .filter(|received| received.name() == id("products", 0, 0))
        .collect();
    assert_eq!(tries.len(), 5);
    assert!(tries.iter().all(|received| received.raw == tries[0].raw));
    assert!(tries.iter().all(|received| received.is_signed_with(SECRET)));
    assert_eq!(receiver.accepted(), [id("products", 0, 0), summary_id()]);
}

#[tokio::test]
async fn a_receiver_that_never_responds_is_given_up() {
    let receiver = Receiver::new([]);
    receiver.always(Some(Reply::Hang));
    let sender = Sender::to(&receiver)
        .with("timeout", "20ms")
        .with("attempts", 2);
    let error = sender
        .deliver(&[batch("products", 0, 1)])
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    assert!(
        told(&error).ends_with("no response within the timeout"),
        "{}",
        told(&error)
    );
    assert_eq!(sender.letters()[0].2["attempts"], 2);
}

#[tokio::test]
async fn an_unreachable_receiver_is_reported_without_its_secrets() {
    let receiver = Receiver::new([]);
    let port = receiver.url("").rsplit_once(':').unwrap().1.to_owned();
    // The receiver listens on 127.0.0.1 only, so nothing listens on this port of 127.0.0.2.
    let url = format!("http://127.0.0.2:{port}/hook?token=t0ken");
    let sender = Sender::to(&receiver).with("url", url);
    let error = sender
        .deliver(&[batch("products", 0, 1)])
        .await
        .unwrap_err();
    assert!(error.is_transient());
    let text = told(&error);
    assert!(text.contains("cannot connect: "), "{text}");
    assert!(
        text.contains("`http://127.0.0.2") && !text.contains("t0ken"),
        "{text}"
    );
    assert_eq!(sender.letters().len(), 2);
}

#[tokio::test]
async fn a_refused_message_becomes_a_dead_letter_and_the_others_are_sent() {
    let receiver = Receiver::new([Reply::Status(200), Reply::Status(422)]);
    let sender = Sender::to(&receiver).with("batch_rows", 1);
    let error = sender
        .deliver(&[batch("products", 0, 4)])
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Rejected);
    let text = told(&error);
    assert!(
        text.starts_with("2 messages to `http://127.0.0.1"),
        "{text}"
    );
    assert!(text.contains("dead/127.0.0.1-"), "{text}");
    assert!(
        text.ends_with("the receiver returned 422 Unprocessable Entity"),
        "{text}"
    );
    let accepted = [
        id("products", 0, 0),
        id("products", 0, 2),
        id("products", 0, 3),
    ];
    assert_eq!(receiver.accepted(), accepted);
    assert_eq!(
        receiver.messages().len(),
        4,
        "the summary is held back, because it would say that all rows are there"
    );
    let names = [id("products", 0, 1), summary_id()];
    assert_eq!(sender.letter_names(), names);
}

#[tokio::test]
async fn a_conflict_counts_as_delivered() {
    let receiver = Receiver::new([]);
    receiver.always(Some(Reply::Status(409)));
    let sender = Sender::to(&receiver);
    sender.deliver(&[batch("products", 0, 1)]).await.unwrap();
    assert_eq!(receiver.messages().len(), 2);
}

#[tokio::test]
async fn a_receiver_that_is_gone_gets_nothing_more() {
    let receiver = Receiver::new([Reply::Status(200), Reply::Status(410)]);
    let sender = Sender::to(&receiver)
        .with("batch_rows", 1)
        .with("concurrency", 1);
    let mut sink = sender.open().await.unwrap();
    let error = sink.write(&batch("products", 0, 9)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Rejected);
    assert!(told(&error).ends_with("(410 Gone)"), "{}", told(&error));
    let error = sink.finish(&outcome(&[])).await.unwrap_err();
    assert_eq!(
        error.kind(),
        Kind::Internal,
        "a sink that has failed cannot be finished"
    );
    assert_eq!(receiver.messages().len(), 2);
    assert_eq!(sender.letter_names(), [id("products", 0, 1)]);
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = Receiver::new([]);
    for status in [301, 302, 303, 307, 308] {
        let location = format!("location: {}", elsewhere.url("/hook"));
        let receiver = Receiver::new([Reply::With(status, location)]);
        let sender = Sender::to(&receiver);
        let error = sender
            .deliver(&[batch("products", 0, 1)])
            .await
            .unwrap_err();
        assert_eq!(error.kind(), Kind::Rejected);
        assert!(
            told(&error).ends_with("redirects are not followed"),
            "{}",
            told(&error)
        );
    }
    assert!(elsewhere.messages().is_empty());
}

#[tokio::test]
async fn an_abort_sends_nothing_more() {
    let receiver = Receiver::new([]);
    receiver.always(Some(Reply::Hang));
    let sender = Sender::to(&receiver)
        .with("batch_rows", 1)
        .with("concurrency", 4);
    let mut sink = sender.open().await.unwrap();
    sink.write(&batch("products", 0, 4)).await.unwrap();
    // One message is in flight, and the others of its table wait for it.
    while receiver.messages().is_empty() {
        tokio::task::yield_now().await;
    }
    sink.abort().await.unwrap();
    receiver.always(None);
    assert!(receiver.accepted().is_empty());
    assert!(sender.letters().is_empty());
    sender.deliver(&[batch("products", 0, 4)]).await.unwrap();
    assert_eq!(receiver.accepted().len(), 5);
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_fails_the_sink() {
    let receiver = Receiver::new([]);
    receiver.always(Some(Reply::Status(400)));
    let sender = Sender::to(&receiver);
    let file = sender.folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let sender = sender.with("dead_letters", file.to_str());
    let error = sender
        .deliver(&[batch("products", 0, 1)])
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Config);
    assert!(
        error.to_string().starts_with("cannot create the folder"),
        "{error}"
    );
}
