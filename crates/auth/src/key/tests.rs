//! Tests of keys.

use super::*;
use crate::{
    real_time,
    testing::{PASSWORD, credentials},
};

#[test]
fn basic_authentication_sends_user_and_key() {
    let key = Key::basic(&credentials(), &real_time()).unwrap();
    let token = key.token().unwrap();
    let header = token.header();
    // `EXAMPLE-USER-0001:0123456789ABCDEF@hunter2`
    assert_eq!(
        header,
        "Basic RVhBTVBMRS1VU0VSLTAwMDE6MDEyMzQ1Njc4OUFCQ0RFRkBodW50ZXIy"
    );
    assert!(header.is_sensitive());
    assert_eq!(token.expose(), PASSWORD);
}

#[test]
fn a_key_of_fortiportal_is_a_token() {
    let key = Key::portal(&credentials(), &real_time()).unwrap();
    let header = key.token().unwrap().header();
    assert_eq!(header, "Token 0123456789ABCDEF@hunter2");
    assert!(header.is_sensitive());
}

#[test]
fn a_key_never_grows_old() {
    let clock: Clock = Arc::new(|| 0);
    let key = Key::portal(&credentials(), &clock).unwrap();
    assert!(!key.token().unwrap().is_old());
}

#[test]
fn a_refused_key_is_not_sent_again() {
    let key = Key::basic(&credentials(), &real_time()).unwrap();
    let error = key.refused();
    assert_eq!(error.kind(), Kind::Credentials);
    assert_eq!(
        error.to_string(),
        "the FortiAuthenticator user or its API key is wrong: the user comes from variable \
         `FORTICLOUD_USERNAME`, the \
         key from file `/run/password`; the user's login password is not an API key"
    );
    assert_eq!(key.token().unwrap_err().to_string(), error.to_string());

    let key = Key::portal(&credentials(), &real_time()).unwrap();
    assert_eq!(
        key.refused().to_string(),
        "FortiPortal refuses the API key from file `/run/password`: it is wrong, deleted or \
         expired"
    );
}

#[test]
fn what_cannot_be_sent_is_said_before() {
    let with_password = |password: &str| Credentials {
        password: password.into(),
        ..credentials()
    };
    let error = Key::portal(&with_password("a\nb"), &real_time()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the API key from file `/run/password` contains characters that an HTTP header cannot hold"
    );
    let colon = Credentials {
        username: "a:b".to_owned(),
        ..credentials()
    };
    let error = Key::basic(&colon, &real_time()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the user from variable `FORTICLOUD_USERNAME` contains a colon, which basic \
         authentication does not allow"
    );
}

#[test]
fn nothing_prints_a_key() {
    let key = Key::basic(&credentials(), &real_time()).unwrap();
    let printed = format!("{key:?} {:?} {:?}", key.token().unwrap(), key.refused());
    for secret in ["hunter2", "RVhBTVBMRS"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}
