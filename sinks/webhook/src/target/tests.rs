//! Tests of checking URLs, and of hiding their secret parts.

use super::*;

const RULES: UrlRules = UrlRules {
    plain_text: true,
    allow_http: false,
};

#[test]
fn secret_parts_are_not_shown() {
    let check = |url: &str, shown: &str| {
        assert_eq!(WebhookUrl::parse(url, RULES).unwrap().shown, shown);
    };
    check("https://example.com", "https://example.com/");
    check("https://example.com/hook", "https://example.com/hook");
    check(
        "https://user:pass@example.com:8443/hook?token=t#f",
        "https://example.com:8443/hook",
    );
    check(
        "https://example.com/services/T0/B0/secret",
        "https://example.com/services/…",
    );
    check(
        "https://example.com/0f8fad5b-d9cb-469f-a165-70867728950e",
        "https://example.com/…",
    );
    check("https://[2001:db8::1]/x", "https://[2001:db8::1]/x");

    let secret = UrlRules {
        plain_text: false,
        ..RULES
    };
    let target = WebhookUrl::parse("https://example.com/hook", secret).unwrap();
    assert_eq!(target.shown, "https://example.com/…");
}

#[test]
fn plain_http_stays_on_this_machine() {
    for url in [
        "http://127.0.0.1:1/x",
        "http://[::1]/",
        "http://localhost/",
        "http://a.localhost/",
    ] {
        assert!(
            WebhookUrl::parse(url, RULES).unwrap().is_loopback(),
            "{url}"
        );
    }
    for url in [
        "http://10.0.0.1/",
        "http://example.com/",
        "http://localhost.example.com/",
    ] {
        let error = WebhookUrl::parse(url, RULES)
            .err()
            .expect("it leaves the machine");
        assert_eq!(error.kind(), Kind::Config);
        assert!(error.to_string().contains("set `allow_http`"), "{error}");
        let allowed = UrlRules {
            allow_http: true,
            ..RULES
        };
        assert!(WebhookUrl::parse(url, allowed).is_ok(), "{url}");
    }
}

#[test]
fn other_urls_are_refused_without_repeating_them() {
    for url in [
        "",
        "example.com/hook",
        "ftp://example.com/secret",
        "file:///secret",
        "https://",
    ] {
        let error = WebhookUrl::parse(url, RULES)
            .err()
            .expect("it is no web address");
        assert!(error.to_string().starts_with("option `url`"), "{error}");
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    }
}

#[test]
fn the_digest_covers_everything_but_user_and_fragment() {
    let digest = |url: &str| WebhookUrl::parse(url, RULES).unwrap().digest;
    let one = digest("https://example.com/a?tenant=1");
    assert_eq!(one, digest("https://user:pass@example.com/a?tenant=1"));
    assert_eq!(one, digest("https://example.com:443/a?tenant=1#top"));
    assert_ne!(one, digest("https://example.com/a?tenant=2"));
    assert_ne!(one, digest("https://example.com/b?tenant=1"));
    assert_eq!(one.len(), 2 * DIGEST_BYTES);

    let folder = WebhookUrl::parse("https://[::1]:1/", RULES)
        .unwrap()
        .folder_name();
    assert!(folder.starts_with("___1_-"), "{folder}");
}

#[test]
fn all_secret_parts_of_the_url_are_found() {
    let url = "https://us3r:p%40ss@example.com/services/T0/longtoken?token=t0k%26en";
    let secrets = WebhookUrl::parse(url, RULES).unwrap().secrets();
    for secret in ["us3r", "p%40ss", "p@ss", "longtoken", "t0k&en"] {
        assert!(secrets.iter().any(|found| found == secret), "{secret}");
    }
    assert!(!secrets.iter().any(|found| found == "services"));
}

#[test]
fn only_host_names_are_resolved() {
    let name = |url: &str| WebhookUrl::parse(url, RULES).unwrap().host_name();
    let wanted = Some(("example.com".to_owned(), 443));
    assert_eq!(name("https://example.com/hook"), wanted);
    assert_eq!(name("https://192.0.2.1/"), None);
    assert_eq!(name("https://[2001:db8::1]/"), None);
}
