//! Tests of signatures, with values from other implementations.

use super::*;

/// The test vector of the specification's own libraries.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const TIMESTAMP: i64 = 1_614_265_330;
const BODY: &[u8] = br#"{"test": 2432232314}"#;
const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

fn signer(secrets: &[&str]) -> Result<Signer> {
    let secrets = secrets.iter().map(|secret| (*secret).to_owned());
    let secrets: Vec<_> = secrets.map(Secret::from).collect();
    Signer::new(&secrets)
}

#[test]
fn a_signature_equals_that_of_other_implementations() {
    let signature = signer(&[SECRET]).unwrap().sign(ID, TIMESTAMP, BODY);
    assert_eq!(signature.as_deref(), Some(SIGNATURE));
}

#[test]
fn every_secret_signs_in_order() {
    let other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let signature = signer(&[other, SECRET])
        .unwrap()
        .sign(ID, TIMESTAMP, BODY)
        .unwrap();
    let (first, second) = signature.split_once(' ').unwrap();
    assert!(first.starts_with("v1,") && first != SIGNATURE);
    assert_eq!(second, SIGNATURE);
    assert_eq!(signer(&[]).unwrap().sign(ID, TIMESTAMP, BODY), None);
}

#[test]
fn a_malformed_secret_is_refused_without_repeating_it() {
    let check = |secret: &str, wanted: &str| {
        let error = signer(&[secret]).unwrap_err();
        assert_eq!(error.kind(), Kind::Config);
        assert_eq!(error.to_string(), format!("a signing secret {wanted}"));
        assert!(std::error::Error::source(&error).is_none());
    };
    check(
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "does not begin with `whsec_`",
    );
    check("whsec_not base64", "is not base64 after `whsec_`");
    check("whsec_c2hvcnQ=", "has 5 bytes; it must have 24 to 64");
    check("whsec_", "has 0 bytes; it must have 24 to 64");
}

#[test]
fn keys_cannot_be_printed() {
    let text = format!("{:?}", signer(&[SECRET]).unwrap());
    assert!(text.contains("REDACTED"), "{text}");
    assert!(
        !text.contains("49"),
        "the first byte of the key is 49: {text}"
    );
}
