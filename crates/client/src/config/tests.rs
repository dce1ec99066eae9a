//! Tests of what is derived from a configuration.

use super::*;

fn config() -> Config {
    Config::new(Credentials {
        username: "EXAMPLE-USER-0001".to_owned(),
        username_origin: "the test".to_owned(),
        password: "hunter2".into(),
        password_origin: "the test".to_owned(),
    })
}

fn with_share(share: f64) -> Config {
    Config { share, ..config() }
}

/// Returns how many calls in each window and how many errors a share allows.
fn part(share: f64) -> (Vec<u32>, u32) {
    let limits = with_share(share).limits();
    let calls = limits.calls.iter().map(|window| window.max).collect();
    (calls, limits.errors.unwrap().max)
}

#[test]
fn a_share_is_taken_of_every_limit() {
    assert_eq!(part(1.0), (vec![100, 1000], 10));
    assert_eq!(part(0.5), (vec![50, 500], 5));
    assert_eq!(part(0.29), (vec![29, 290], 3));
    assert_eq!(part(0.333), (vec![33, 333], 3));
    // Even the smallest share allows something.
    assert_eq!(part(0.000_1), (vec![1, 1], 3));
}

#[test]
fn a_share_is_a_part() {
    for share in [0.0, -0.5, 1.5, f64::NAN, f64::INFINITY] {
        assert!(with_share(share).check().is_err(), "{share}");
    }
    assert!(with_share(1.0).check().is_ok());
}

#[test]
fn a_reserve_leaves_something() {
    let mut config = config();
    let limit = config.errors.unwrap();
    config.errors = Some(ErrorLimit {
        reserve: 10,
        ..limit
    });
    assert!(config.check().is_err());
}

#[test]
fn the_id_of_a_user_tells_nothing_and_depends_on_the_server() {
    let user = config().user();
    assert_eq!(user.len(), 64);
    assert!(!user.contains("EXAMPLE"));
    let elsewhere = Config {
        auth_url: "https://auth.example/".parse().unwrap(),
        ..config()
    };
    assert_ne!(elsewhere.user(), user);
    let mut path = config();
    path.auth_url.set_path("/other");
    assert_eq!(path.user(), user);
}

#[test]
fn users_with_the_same_budget_are_counted_together() {
    let with = |user: &str, budget: &str, url: &str| {
        let mut config = config();
        user.clone_into(&mut config.credentials.username);
        config.budget = Some(budget.to_owned());
        config.auth_url = url.parse().unwrap();
        config
    };
    let one = with("one", "acme", "https://auth.example/");
    let two = with("two", " ACME", "https://auth.example/");
    assert_eq!(one.ledger_key(), two.ledger_key());
    assert_ne!(one.user(), two.user());
    // A user whose name is the budget's, and the same budget at another server, are others.
    let named = with("acme", "x", "https://auth.example/");
    assert_ne!(one.ledger_key(), named.user());
    let elsewhere = with("one", "acme", "https://other.example/");
    assert_ne!(one.ledger_key(), elsewhere.ledger_key());
    assert_eq!(config().ledger_key(), config().user());
}

#[test]
fn printing_a_configuration_tells_no_user_and_no_password() {
    let printed = format!("{:?}", config());
    assert!(
        !printed.contains("hunter2") && !printed.contains("EXAMPLE"),
        "{printed}"
    );
}

#[test]
fn a_window_of_centuries_is_refused() {
    let mut config = config();
    config.calls[0].per = Duration::from_secs(u64::MAX / 1_000_000);
    assert!(config.check().is_err());
}

#[test]
fn appliances_have_no_limits_that_anybody_knows() {
    let url: Url = "https://portal.example:8443/below/".parse().unwrap();
    let credentials = config().credentials;
    let portal = Config::portal(url.clone(), credentials.clone());
    assert_eq!(
        portal.auth_url.as_str(),
        "https://portal.example:8443/below/fpc/api/auth/tokenlogin/"
    );
    let key = Config::portal_key(url.clone(), "hunter2".into(), "the test".to_owned());
    let authenticator = Config::authenticator(url.clone(), credentials);
    for config in [&portal, &key, &authenticator] {
        assert!(config.check().is_ok());
        assert_eq!(config.api_url, url);
        assert_eq!((config.calls.len(), config.errors), (0, None));
        let printed = format!("{config:?}");
        assert!(!printed.contains("hunter2"), "{printed}");
    }
    // A key has no user. The appliances may be one host behind one address, so their ids must
    // differ.
    assert_ne!(portal.user(), key.user());
}

#[test]
fn a_token_has_a_life_that_can_be_asked_for() {
    let url: Url = "https://portal.example".parse().unwrap();
    for (life, fits) in [
        (Duration::from_secs(59), false),
        (Duration::from_mins(1), true),
        (Duration::from_hours(30 * 24), true),
        (Duration::from_hours(31 * 24), false),
    ] {
        let config = Config {
            sign_in: SignIn::Portal { life },
            ..Config::portal(url.clone(), config().credentials)
        };
        assert_eq!(config.check().is_ok(), fits, "{life:?}");
    }
}

#[test]
fn a_user_is_the_same_however_it_is_spelled() {
    let spelled = |user: &str, url: &str| {
        let mut config = config();
        user.clone_into(&mut config.credentials.username);
        config.auth_url = url.parse().unwrap();
        config.user()
    };
    let user = spelled("example-user", "https://auth.example/token/");
    for (name, url) in [
        ("EXAMPLE-User", "https://auth.example/token/"),
        (" example-user\t", "https://AUTH.example/other/"),
        ("example-user", "https://auth.example:443/"),
        ("example-user", "https://auth.example./token/"),
    ] {
        assert_eq!(spelled(name, url), user, "{name} at {url}");
    }
    let others = [
        ("example-user2", "https://auth.example/"),
        ("example-user", "https://auth.example:8443/"),
        ("example-user", "https://other.example/"),
    ];
    for (name, url) in others {
        assert_ne!(spelled(name, url), user, "{name} at {url}");
    }
}
