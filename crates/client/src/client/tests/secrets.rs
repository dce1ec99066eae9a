//! Tests that secrets never appear in output or logs.

use std::{cell::RefCell, io};

use tracing_subscriber::filter::LevelFilter;

use super::{server::PASSWORD, *};

thread_local! {
    /// What this thread, and therefore this test, has logged.
    static LOG: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

struct Log;

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.with_borrow_mut(|log| log.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn logged() -> String {
    String::from_utf8(LOG.take()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn no_log_and_no_error_holds_a_secret() {
    // The subscriber has to be global: one of this thread alone would miss log calls that another
    // test made first, because tracing remembers that no subscriber wanted them.
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_writer(|| Log)
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();

    let echo = Reply::Json(
        400,
        r#"{"status":-1,"error":"bad TOKEN","message":"TOKEN","token":"TOKEN"}"#,
    );
    let script = [
        Reply::products(1),
        Reply::Html(503),
        Reply::Throttled("1"),
        Reply::bad_token(),
        Reply::denied(),
        echo,
    ];
    let repeated = Reply::Json(
        400,
        r#"{"error":"invalid_client","message":"0123456789ABCDEF@hunter2"}"#,
    );
    let server = Server::new(script).sign_ins([repeated, Reply::Reset]);
    let client = server.client();
    let mut printed = vec![format!("{client:?} {:?}", server::config())];
    for _ in 0..4 {
        printed.push(match list(&client).await {
            Ok(page) => format!("{page:?}"),
            Err(error) => format!("{} {error:?}", chain(&error)),
        });
    }
    assert_eq!(server.calls(), 6);
    printed.push(logged());
    let printed = printed.concat();
    for expected in [
        "signed in",
        "call completed",
        "call failed, trying again",
        "token dropped",
    ] {
        assert!(
            printed.contains(expected),
            "{expected} is missing in {printed}"
        );
    }
    for secret in [PASSWORD, "hunter2", "EXAMPLEtoken"] {
        assert!(!printed.contains(secret), "{secret} is in {printed}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_token_is_in_no_page_wherever_the_answer_repeats_it() {
    let body =
        r#"{"status":0,"Token":"TOKEN","a":[{"licenseKeys":["x"],"note":"used TOKEN here"}]}"#;
    let server = Server::new([Reply::Json(200, body)]);
    let page = list(&server.client()).await.unwrap();
    assert_eq!(
        page.body,
        r#"{"status":0,"a":[{"note":"used [redacted] here"}]}"#
    );
}
