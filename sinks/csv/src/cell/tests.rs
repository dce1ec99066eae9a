//! Cells with unusual values.

use super::*;
use crate::dialect::Delimiter;

/// Text is written as it is.
const KEEP: Dialect = Dialect {
    delimiter: Delimiter::Comma,
    newlines: crate::dialect::Newlines::Crlf,
    has_mark: false,
    dates: Dates::Iso,
    formulas: Formulas::Keep,
};

fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut line = Vec::new();
    write(&mut line);
    String::from_utf8(line).unwrap()
}

#[test]
fn text_is_quoted_where_it_must_be() {
    for (value, cell) in [
        ("", r#""""#),
        ("plain", "plain"),
        (" blank ", " blank "),
        ("a,b", r#""a,b""#),
        (r#"say "hi""#, r#""say ""hi""""#),
        (r#"""#, r#""""""#),
        ("a\nb", "\"a\nb\""),
        ("a\rb", "\"a\rb\""),
        ("nul\0", "nul\0"),
        ("漢字", "漢字"),
    ] {
        assert_eq!(written(|line| text(line, value, Dialect::default())), cell);
    }
}

#[test]
fn formulas_are_disarmed_unless_the_user_says_otherwise() {
    for (value, cell) in [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@sum", "'@sum"),
        ("\t=1", "'\t=1"),
        ("\r=1", "\"'\r=1\""),
        ("\n=1", "\"'\n=1\""),
        ("＝1", "'＝1"),
        ("＋1", "'＋1"),
        ("－1", "'－1"),
        ("＠1", "'＠1"),
        ("=a,b", r#""'=a,b""#),
        ("x;=cmd|' /C calc'!A0", "x;'=cmd|' /C calc'!A0"),
        ("x; \"=1", r#""x; ""'=1""#),
        ("a\n=1", "\"a\n'=1\""),
        (" =1", " =1"),
        ("a;b", "a;b"),
        ("1=1", "1=1"),
        ("'=1", "'=1"),
    ] {
        assert_eq!(written(|line| text(line, value, Dialect::default())), cell);
    }
    assert_eq!(written(|line| text(line, "=1", KEEP)), "=1");
    // A spreadsheet with commas would divide these texts.
    for delimiter in [Delimiter::Semicolon, Delimiter::Pipe, Delimiter::Tab] {
        let dialect = Dialect {
            delimiter,
            ..Dialect::default()
        };
        assert_eq!(written(|line| text(line, "x,=1+1", dialect)), "x,'=1+1");
    }
}

/// All texts of up to four of these characters.
fn texts() -> Vec<String> {
    const CHARACTERS: [char; 12] = [
        'a', '=', '＝', ',', ';', '|', '"', ' ', '\t', '\r', '\n', '漢',
    ];
    let mut texts = vec![String::new()];
    let mut shorter = texts.clone();
    for _ in 0..4 {
        let longer = shorter.iter().flat_map(|text| {
            let longer = move |character| format!("{text}{character}");
            CHARACTERS.into_iter().map(longer)
        });
        shorter = longer.collect();
        texts.extend_from_slice(&shorter);
    }
    texts
}

#[test]
fn a_plain_text_needs_neither_quotes_nor_a_prefix() {
    for delimiter in [
        Delimiter::Comma,
        Delimiter::Semicolon,
        Delimiter::Pipe,
        Delimiter::Tab,
    ] {
        let texts = texts();
        let plain = texts.iter().filter(|text| is_plain(text, delimiter.byte()));
        let mut count = 0;
        for text in plain {
            count += 1;
            assert_eq!(disarm(text, delimiter), text.as_str());
            let needs_quotes = ['"', '\r', '\n', char::from(delimiter.byte())];
            assert!(!text.is_empty() && !text.contains(needs_quotes), "{text:?}");
        }
        assert!(count > 100, "{delimiter:?}: {count}");
    }
}

#[test]
fn timestamps_are_as_iso_8601_has_them() {
    for (microseconds, cell) in [
        (0, "1970-01-01T00:00:00"),
        (1, "1970-01-01T00:00:00.000001"),
        (-1, "1969-12-31T23:59:59.999999"),
        (951_782_400_500_000, "2000-02-29T00:00:00.500000"),
        (253_402_300_799_999_999, "9999-12-31T23:59:59.999999"),
        (-62_135_596_800_000_000, "0001-01-01T00:00:00"),
    ] {
        let cell_of = written(|line| timestamp(line, microseconds, "", Dates::Iso).unwrap());
        assert_eq!(cell_of, cell);
    }
    assert_eq!(
        written(|line| timestamp(line, 0, "Z", Dates::Iso).unwrap()),
        "1970-01-01T00:00:00Z"
    );
    let mut line = Vec::new();
    assert_eq!(timestamp(&mut line, i64::MAX, "", Dates::Iso), None);
    assert_eq!(timestamp(&mut line, i64::MIN, "", Dates::Iso), None);
    assert_eq!(
        timestamp(&mut line, 253_402_300_800_000_000, "", Dates::Iso),
        None
    );
    assert_eq!(
        timestamp(&mut line, -99_999_999_999_999_999, "", Dates::Iso),
        None
    );
    assert!(line.is_empty());
}

#[test]
fn numbers_read_back_as_themselves() {
    for value in [0.0, -0.1, 1e300, f64::MIN_POSITIVE, 16_777_217.0] {
        let cell = written(|line| float(line, value));
        assert_eq!(cell.parse::<f64>().unwrap().to_bits(), value.to_bits());
        assert!(cell.len() < 25, "{cell}");
    }
    assert_eq!(written(|line| plain(line, i64::MIN)), i64::MIN.to_string());
    assert_eq!(written(|line| plain(line, true)), "true");
}

#[test]
fn only_the_delimiter_of_the_file_needs_quotes() {
    let with = |delimiter| Dialect { delimiter, ..KEEP };
    for (delimiter, value, cell) in [
        (Delimiter::Semicolon, "a,b|c\td", "a,b|c\td"),
        (Delimiter::Semicolon, "a;b", "\"a;b\""),
        (Delimiter::Pipe, "a|b", "\"a|b\""),
        (Delimiter::Tab, "a\tb", "\"a\tb\""),
        (Delimiter::Tab, "a,b", "a,b"),
    ] {
        assert_eq!(written(|line| text(line, value, with(delimiter))), cell);
    }
}

#[test]
fn times_for_a_spreadsheet_have_a_blank_and_milliseconds() {
    for (microseconds, cell) in [
        (0, "1970-01-01 00:00:00"),
        (1, "1970-01-01 00:00:00"),
        (951_782_400_500_000, "2000-02-29 00:00:00.500"),
        (-1, "1969-12-31 23:59:59.999"),
    ] {
        let cell_of = written(|line| timestamp(line, microseconds, "Z", Dates::Excel).unwrap());
        assert_eq!(cell_of, cell);
    }
}
