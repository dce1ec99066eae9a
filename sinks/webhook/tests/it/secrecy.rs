//! Secrets appear in requests and nowhere else.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use tracing_subscriber::fmt::MakeWriter;

use super::*;

/// Collects everything that is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        log.extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
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
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(log.clone())
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .finish();
    // The subscriber is set for this thread only. The runtime has a single thread, so all tasks log to it.
    let _logging = tracing::subscriber::set_default(subscriber);

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

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
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
