//! The conformance suite for sinks, run against a receiver.

use fortilake_sink::conformance::{self, Destination, Fault, Part, View};
use tempfile::TempDir;

use super::*;

/// A receiver and a folder for dead letters.
struct Endpoint {
    receiver: Receiver,
    folder: TempDir,
}

impl Endpoint {
    fn new() -> Self {
        Self {
            receiver: Receiver::new([]),
            folder: tempfile::tempdir().unwrap(),
        }
    }
}

#[async_trait::async_trait(?Send)]
impl Destination for Endpoint {
    fn options(&self) -> Options {
        let sender = Sender::to(&self.receiver);
        let sender = sender.with("secrets", json!([])).with("unsigned", true);
        let sender = sender
            .with("dead_letters", self.folder.path().to_str())
            .with("batch_rows", 50);
        Options(sender.options)
    }

    async fn read(&self, context: &Context) -> View {
        let mut view = View::default();
        for received in self
            .receiver
            .messages()
            .iter()
            .filter(|received| received.accepted)
        {
            let data = &received.json()["data"];
            if data["crawl_id"] != context.crawl.id {
                continue;
            }
            if received.id().ends_with("-summary") {
                view.whole = true;
                view.summary = Some(serde_json::from_value(data.clone()).unwrap());
                continue;
            }
            view.parts.push(Part {
                table: data["table"].as_str().unwrap().to_owned(),
                id: Some(received.id().to_owned()),
                rows: data["rows"].as_array().unwrap().clone(),
            });
        }
        view
    }

    async fn fail(&self, fault: Fault) -> bool {
        match fault {
            Fault::Down => self.receiver.always(Some(Reply::Close)),
            Fault::Slow => self.receiver.always(Some(Reply::Slow)),
            _ => return false,
        }
        true
    }

    async fn heal(&self) {
        self.receiver.always(None);
    }
}

#[tokio::test]
async fn the_sink_passes_the_suite() {
    conformance::check("webhook", async || Endpoint::new()).await;
}
