//! Redelivery of dead letters.

use fortilake_sink::Kind;

use super::*;

/// A sender with the dead letters of a crawl whose messages 1 and 2 were refused.
async fn undelivered(receiver: &Receiver) -> Sender {
    receiver.then([Reply::Status(200), Reply::Status(400), Reply::Status(403)]);
    let sender = Sender::to(receiver).with("batch_rows", 1);
    let error = sender
        .deliver(&[batch("products", 0, 4)])
        .await
        .unwrap_err();
    assert!(error.to_string().starts_with("3 messages"), "{error}");
    sender
}

#[tokio::test]
async fn letters_are_sent_as_they_were_and_then_removed() {
    let receiver = Receiver::new([]);
    let sender = undelivered(&receiver).await;
    let before = receiver.messages();
    let letters = sender.letters();
    let second = &letters[0].2;
    assert_eq!(second["cause"], "the receiver returned 400 Bad Request");
    assert_eq!(second["attempts"], 1);
    assert_eq!(second["body"].as_str().unwrap().as_bytes(), before[1].body);

    let receipt = sender.redeliver().await.unwrap();
    assert_eq!((receipt.rows, receipt.files), (2, 3));
    let again = &receiver.messages()[before.len()..];
    let ids: Vec<_> = again.iter().map(receiver::Received::name).collect();
    assert_eq!(
        ids,
        [id("products", 0, 1), id("products", 0, 2), summary_id()]
    );
    assert_eq!(again[0].raw, before[1].raw);
    assert!(again.iter().all(|received| received.is_signed_with(SECRET)));
    assert!(sender.letters().is_empty());

    let receipt = sender.redeliver().await.unwrap();
    assert_eq!((receipt.rows, receipt.files, receipt.bytes), (0, 0, 0));
}

#[tokio::test]
async fn a_letter_that_is_refused_again_stays_and_holds_back_the_summary() {
    let receiver = Receiver::new([]);
    let sender = undelivered(&receiver).await;
    receiver.then([Reply::Status(404)]);
    let error = sender.redeliver().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Rejected);
    assert!(error.to_string().starts_with("1 message to"), "{error}");
    let letters = sender.letters();
    assert_eq!(sender.letter_names(), [id("products", 0, 1), summary_id()]);
    assert_eq!(letters[0].2["attempts"], 2);
    assert_eq!(letters[0].2["cause"], "the receiver returned 404 Not Found");
    assert!(!receiver.accepted().contains(&summary_id()));

    sender.redeliver().await.unwrap();
    assert_eq!(receiver.accepted().last(), Some(&summary_id()));
    assert!(sender.letters().is_empty());
}

#[tokio::test]
async fn redelivered_messages_are_not_sent_again_with_their_crawl() {
    let receiver = Receiver::new([]);
    let sender = undelivered(&receiver).await;
    sender.redeliver().await.unwrap();
    let before = receiver.messages().len();
    let receipt = sender.deliver(&[batch("products", 0, 4)]).await.unwrap();
    assert_eq!((receipt.rows, receipt.files), (4, 0));
    assert_eq!(receiver.messages().len(), before);
}

#[tokio::test]
async fn delivering_the_crawl_again_clears_its_letters() {
    let receiver = Receiver::new([]);
    let sender = undelivered(&receiver).await;
    let before = receiver.messages().len();
    let receipt = sender.deliver(&[batch("products", 0, 4)]).await.unwrap();
    assert_eq!((receipt.rows, receipt.files), (4, 3));
    assert_eq!(receiver.messages().len(), before + 3);
    assert!(sender.letters().is_empty());
}

#[tokio::test]
async fn letters_never_go_to_another_destination() {
    let receiver = Receiver::new([]);
    let sender = undelivered(&receiver).await;
    let other = Receiver::new([]);
    let sender = sender.with("url", other.url("/hook"));
    assert_eq!(sender.redeliver().await.unwrap().files, 0);
    assert!(other.messages().is_empty());
    assert_eq!(sender.letters().len(), 3);
}

#[tokio::test]
async fn a_damaged_letter_does_not_stop_the_others() {
    let receiver = Receiver::new([]);
    let sender = undelivered(&receiver).await;
    let path = sender.letters()[0].1.clone();
    std::fs::write(&path, "{}").unwrap();
    let error = sender.redeliver().await.unwrap_err();
    assert!(
        error.to_string().contains(path.to_str().unwrap()),
        "{error}"
    );
    assert_eq!(
        sender.letter_names(),
        [summary_id(), summary_id()],
        "the damaged letter has no body, so the helper takes it for a summary"
    );
}
