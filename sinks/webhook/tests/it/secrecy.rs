//! Secrets appear in requests and nowhere else.

use std::{cell::RefCell, io, mem};

use tracing_subscriber::filter::LevelFilter;

use super::*;

thread_local! {
    /// What this thread, and therefore this test, has logged.
    static LOG: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Writes to the log of the current thread.
struct Log;

impl io::Write for Log {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        LOG.with_borrow_mut(|log| log.extend_from_slice(text));
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The content of the sender's store.
async fn dump(sender: &Sender) -> String {
    let mut text = String::new();
    for key in sender.keys().await {
        let value = sender.store.get(&key).await.unwrap().unwrap();
        let value = String::from_utf8(value).unwrap();
        text += &[key.as_str(), " = ", value.as_str(), "\n"].concat();
    }
    text
}

#[tokio::test]
async fn secrets_are_in_no_error_log_store_or_letter() {
    // The subscriber has to be global: one of this thread alone would miss log calls that another
    // test made first, because tracing remembers that no subscriber wanted them. The runtime has
    // a single thread, so that all its tasks write to the log of this test.
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_writer(|| Log)
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();

    let receiver = Receiver::new([Reply::Status(500), Reply::Status(400), Reply::Close]);
    let address = receiver.url("/hook").replace("http://", "");
    let url = format!("http://us3r:passw0rd@{address}?token=t0ken");
    let sender = Sender::to(&receiver);
    let sender = sender.with("url", url).with(
        "headers",
        json!({ "x-first": "Bearer of-the-file", "x-second": "t3xt" }),
    );
    let error = sender
        .deliver(&[batch("products", 0, 1)])
        .await
        .unwrap_err();
    let letters = format!("{:?}", sender.letters());
    assert!(letters.contains("the receiver returned 400"), "{letters}");
    sender.redeliver().await.unwrap();

    let messages = receiver.messages();
    let first = &messages[0].headers;
    assert!(
        first["authorization"].starts_with("Basic "),
        "the user of the URL signs in"
    );
    assert_eq!(first["x-first"], "Bearer of-the-file");
    assert!(
        messages
            .iter()
            .all(|received| received.is_signed_with(SECRET))
    );

    let log = String::from_utf8(LOG.with_borrow_mut(mem::take)).unwrap();
    assert!(log.contains("kept as a dead letter"), "{log}");
    let store = dump(&sender).await;
    assert!(!store.is_empty());
    let secrets = [
        "us3r",
        "passw0rd",
        "t0ken",
        "of-the-file",
        "t3xt",
        "whsec_",
        "MfKQ9r8G",
        "v1,",
    ];
    for place in [letters, log, store, told(&error), format!("{error:?}")] {
        for secret in secrets {
            assert!(!place.contains(secret), "`{secret}` is in {place}");
        }
    }
}
