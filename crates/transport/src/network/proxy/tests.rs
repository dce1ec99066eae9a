use super::check_environment;

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
    let cgi = [("HTTPS_PROXY", "ftp://proxy"), ("REQUEST_METHOD", "GET")];
    assert_eq!(check(&cgi), Ok(()));
}
