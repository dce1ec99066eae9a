//! Receivers that verify the raw body without decompressing it, as the specification's own libraries do.

use super::*;

#[tokio::test]
async fn deliveries_verify_with_default_settings() {
    let receiver = Receiver::that_verifies();
    let sender = Sender::to(&receiver).with("batch_rows", 3);
    sender.deliver(&[batch("products", 0, 10)]).await.unwrap();
    assert_eq!(receiver.accepted().len(), 5);
    assert_eq!(receiver.messages().len(), 5, "nothing was refused");
}

#[tokio::test]
async fn a_compressed_message_that_is_refused_is_sent_uncompressed() {
    for compression in ["gzip", "zstd"] {
        let receiver = Receiver::that_verifies();
        let sender = Sender::to(&receiver)
            .with("batch_rows", 3)
            .with("concurrency", 1)
            .with("compression", compression);
        sender.deliver(&[batch("products", 0, 10)]).await.unwrap();
        assert_eq!(receiver.accepted().len(), 5);
        assert_eq!(receiver.messages().len(), 6, "only one message is refused");
        assert!(sender.letters().is_empty());
    }
}

#[tokio::test]
async fn a_dead_letter_contains_an_excerpt_of_the_response() {
    let text = "no tenant for\u{1b}[31m Bearer of-the-user \r\n";
    let receiver = Receiver::new([Reply::Body(422, text)]);
    let headers = json!({ "authorization": "Bearer of-the-user" });
    let sender = Sender::to(&receiver).with("headers", headers);
    sender
        .deliver(&[batch("products", 0, 1)])
        .await
        .unwrap_err();
    let letters = sender.letters();
    assert_eq!(letters[0].2["answer"], "no tenant for [31m [secret]");
    assert_eq!(
        letters[0].2["cause"],
        "the receiver returned 422 Unprocessable Entity"
    );
}
