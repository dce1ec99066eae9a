//! Tests of what is rejected.

use super::*;

#[test]
fn plain_http_is_for_loopback_alone() {
    let check = |url: &str| check_encrypted(&url.parse().unwrap()).map_err(|error| error.kind());
    for allowed in [
        "https://support.example/ES",
        "http://127.0.0.1:8080/",
        "http://127.8.9.10/",
        "http://[::1]:80/",
        "http://LOCALHOST:1/",
    ] {
        assert_eq!(check(allowed), Ok(()), "{allowed}");
    }
    for refused in [
        "http://support.example/",
        "http://128.0.0.1/",
        "http://localhost.example/",
        "http://[::2]/",
        "http://127.0.0.1.example/",
    ] {
        assert_eq!(check(refused), Err(Kind::Insecure), "{refused}");
    }
    assert_eq!(check("file:///etc/passwd"), Err(Kind::Config));
}

#[test]
fn the_message_shows_no_secret() {
    let url = "http://user:hunter2@support.example/token?key=hunter2"
        .parse()
        .unwrap();
    let message = check_encrypted(&url).unwrap_err().to_string();
    assert_eq!(
        message,
        "`http://support.example/token` is not encrypted, and plain http is only allowed for \
         loopback addresses"
    );
}
