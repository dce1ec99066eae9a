//! Tests of single cells.

use super::*;

const A1: CellPosition<'_> = CellPosition {
    column: "A",
    row: 1,
};

fn encoded(write: impl Fn(&mut String)) -> String {
    let mut xml = String::new();
    write(&mut xml);
    xml
}

#[test]
fn columns_have_the_letters_that_excel_shows() {
    let wanted = [
        (0, "A"),
        (25, "Z"),
        (26, "AA"),
        (51, "AZ"),
        (701, "ZZ"),
        (702, "AAA"),
        (16_383, "XFD"),
    ];
    for (column, name) in wanted {
        assert_eq!(letters(column), name);
    }
}

#[test]
fn a_formula_is_text() {
    let xml = encoded(|xml| text(xml, A1, "=1+1&<x>"));
    assert_eq!(
        xml,
        r#"<c r="A1" s="2" t="inlineStr"><is><t>=1+1&amp;&lt;x&gt;</t></is></c>"#
    );
}

#[test]
fn integers_stay_exact() {
    let of = |value: i64| encoded(|xml| integer(xml, A1, value, value.unsigned_abs()));
    assert_eq!(
        of(-999_999_999_999_999),
        r#"<c r="A1"><v>-999999999999999</v></c>"#
    );
    assert!(of(1_000_000_000_000_000).contains("inlineStr"));
}

#[test]
fn times_are_dates_where_excel_has_them() {
    let of = |microseconds| encoded(|xml| time(xml, A1, microseconds).unwrap());
    assert_eq!(of(0), r#"<c r="A1" s="3"><v>25569</v></c>"#);
    // 2026-09-01T12:00:00, as Excel shows it if the cell's format is a number.
    assert_eq!(
        of(1_788_264_000_000_000),
        r#"<c r="A1" s="3"><v>46266.5</v></c>"#
    );
    assert!(of(1_788_264_000_001_000).starts_with(r#"<c r="A1" s="4">"#));
    // The first day on which all programs agree is number 61.
    assert_eq!(of(TIMES.start), r#"<c r="A1" s="3"><v>61</v></c>"#);
    assert!(of(TIMES.start - 1_000_000).contains("1900-02-28T23:59:59<"));
    assert!(of(1).contains("1970-01-01T00:00:00.000001<"));
    assert!(of(TIMES.end - 1).contains("9999-12-31T23:59:59.999999<"));
    assert_eq!(time(&mut String::new(), A1, TIMES.end), None);
}

#[test]
fn characters_that_xml_lacks_are_written_as_excel_does() {
    let of = |text: &str| encoded(|xml| escape(xml, text));
    assert_eq!(of("a\rb\0c\u{ffff}"), "a_x000D_b_x0000_c_xFFFF_");
    assert_eq!(
        of("_x000D_ _x00_ _xgggg_ _x000"),
        "_x005F_x000D_ _x00_ _xgggg_ _x000"
    );
    assert_eq!(of("_x005F_x000D_"), "_x005F_x005F_x005F_x000D_");
}

#[test]
fn a_text_that_is_too_long_says_so() {
    assert_eq!(cut(&"ü".repeat(LONGEST)), "ü".repeat(LONGEST));
    let long = "😀".repeat(20_000);
    let short = cut(&long);
    assert!(
        short.ends_with("😀… [cut: the text has 20000 characters]"),
        "{short}"
    );
    let units = short.encode_utf16().count();
    assert!((LONGEST - 1..=LONGEST).contains(&units), "{units}");
}
