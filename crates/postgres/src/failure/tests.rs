//! Tests of the kinds of errors. What the server says is tested with a server.

use super::*;

#[test]
fn a_code_says_what_the_caller_can_do() {
    for (code, wanted) in [
        ("53100", Kind::Full),
        ("53400", Kind::Full),
        ("53300", Kind::Unavailable),
        ("57P01", Kind::Unavailable),
        ("57014", Kind::Unavailable),
        ("40P01", Kind::Unavailable),
        ("08006", Kind::Unavailable),
        ("25006", Kind::Unavailable),
        ("25P03", Kind::Unavailable),
        ("42501", Kind::Config),
        ("28P01", Kind::Config),
        ("22P05", Kind::Rejected),
        ("23502", Kind::Rejected),
        ("54000", Kind::Rejected),
        ("XX000", Kind::Internal),
    ] {
        assert_eq!(kind(&SqlState::from_code(code)), wanted, "{code}");
    }
}
