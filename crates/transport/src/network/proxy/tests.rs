//! Tests of proxies from the environment.

use super::{check_environment, names_port};

/// Checks the environment with these variables for a URL on `api.example`.
fn check(variables: &[(&str, &str)]) -> Result<(), String> {
    let url = "https://api.example/path".parse().unwrap();
    let variable = |name: &str| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    check_environment(&url, variable).map_err(|error| error.to_string())
}

#[test]
fn usable_proxies_pass() {
    for value in [
        "proxy:8080",
        "http://proxy:8080",
        "https://user:secret@proxy",
    ] {
        assert_eq!(check(&[("HTTPS_PROXY", value)]), Ok(()), "{value}");
    }
    // Another error explains that this kind cannot be used, with the proxy's name.
    assert_eq!(check(&[("ALL_PROXY", "socks5://proxy:1080")]), Ok(()));
}

#[test]
fn a_proxy_that_would_be_ignored_is_an_error() {
    let error = check(&[("HTTPS_PROXY", "ftp://user:secret@proxy:21")]).unwrap_err();
    assert_eq!(
        error,
        "the proxy in the environment variable `HTTPS_PROXY` cannot be used: `ftp` proxies are not supported; use an \
         http or https proxy"
    );
    let error = check(&[("all_proxy", "http://")]).unwrap_err();
    assert_eq!(
        error,
        "the proxy in the environment variable `all_proxy` cannot be used: it is not a URL such as \
         `http://proxy.example:8080`"
    );
}

#[test]
fn only_the_variable_that_applies_is_checked() {
    let both = [
        ("HTTPS_PROXY", "http://proxy"),
        ("ALL_PROXY", "ftp://proxy"),
    ];
    assert_eq!(check(&both), Ok(()));
    assert_eq!(check(&[("HTTP_PROXY", "ftp://proxy")]), Ok(()));
    let exempt = [
        ("HTTPS_PROXY", "ftp://proxy"),
        ("NO_PROXY", "other.example, .example"),
    ];
    assert_eq!(check(&exempt), Ok(()));
    let port = [
        ("HTTPS_PROXY", "ftp://proxy"),
        ("NO_PROXY", "api.example:443"),
    ];
    assert_eq!(check(&port), Ok(()));
    let cgi = [("HTTPS_PROXY", "ftp://proxy"), ("REQUEST_METHOD", "GET")];
    assert_eq!(check(&cgi), Ok(()));
}

#[test]
fn an_empty_variable_hides_the_other_spelling() {
    // The HTTP library connects directly, so the value of the hidden variable does not matter.
    let hidden = [("HTTPS_PROXY", ""), ("https_proxy", "ftp://proxy")];
    assert_eq!(check(&hidden), Ok(()));
    let hidden = [("ALL_PROXY", ""), ("all_proxy", "ftp://proxy")];
    assert_eq!(check(&hidden), Ok(()));
    // It falls back to the proxy for all requests.
    let used = [("HTTPS_PROXY", ""), ("all_proxy", "ftp://proxy")];
    let error = check(&used).unwrap_err();
    assert!(error.contains("`all_proxy` cannot be used"), "{error}");
    let exempt = [
        ("https_proxy", "ftp://proxy"),
        ("NO_PROXY", ""),
        ("no_proxy", "*"),
    ];
    let error = check(&exempt).unwrap_err();
    assert!(error.contains("`https_proxy` cannot be used"), "{error}");
}

#[test]
fn an_exception_with_a_port_is_for_that_port() {
    for (list, url, expected) in [
        ("portal.example:8443", "https://portal.example:8443/x", true),
        ("portal.example:8443", "https://portal.example/x", false),
        ("portal.example:443", "https://PORTAL.example/x", true),
        ("a, .example:8443", "https://portal.example:8443", true),
        ("ortal.example:443", "https://portal.example", false),
        ("portal.example", "https://portal.example", false),
        ("[::1]:8443", "https://[::1]:8443", true),
        ("::1:8443", "https://[::1]:8443", false),
        ("10.0.0.1:8443", "https://10.0.0.1:8443", true),
        ("", "https://portal.example", false),
    ] {
        let url = url.parse().unwrap();
        assert_eq!(names_port(list, &url), expected, "{list} {url}");
    }
}
