//! Tests of resolving host names.

use super::*;

fn host(name: Option<&str>) -> Host {
    Host {
        name: name.map(|name| (name.to_owned(), 443)),
        timeout: Duration::from_mins(1),
    }
}

#[tokio::test]
async fn a_name_that_cannot_be_resolved_is_an_error() {
    // RFC 6761 reserves `.invalid`, so no name server resolves it.
    let error = host(Some("receiver.invalid")).resolve().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    let wanted = "cannot resolve the host `receiver.invalid`";
    assert_eq!(error.to_string(), wanted);
    assert!(std::error::Error::source(&error).is_some());
}

#[tokio::test]
async fn addresses_and_local_names_pass() {
    host(None).resolve().await.unwrap();
    host(Some("localhost")).resolve().await.unwrap();
}
