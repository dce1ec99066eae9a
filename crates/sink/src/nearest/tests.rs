//! Which mistyped names get a suggestion.

use super::*;

#[test]
fn slips_are_mended_and_other_words_are_not() {
    let options = ["path", "layout", "row_group_bytes"];
    for (given, wanted) in [
        ("layot", Some("layout")),
        ("Layout", Some("layout")),
        ("alyout", Some("layout")),
        ("row-group-bytes", Some("row_group_bytes")),
        ("row_group_byte", Some("row_group_bytes")),
        ("compression", None),
        ("", None),
    ] {
        assert_eq!(nearest(given, options), wanted, "{given}");
    }
}
