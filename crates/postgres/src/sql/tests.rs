//! Tests of quoting.

use super::*;

#[test]
fn quotes_are_doubled() {
    assert_eq!(name("order"), "\"order\"");
    assert_eq!(name("a\"; DROP"), "\"a\"\"; DROP\"");
    assert_eq!(literal("it's\0 a \\"), "'it''s a \\'");
    assert_eq!(list("s.", ["a", "b"]), "s.\"a\", s.\"b\"");
    assert_eq!(list("", []), "");
}
