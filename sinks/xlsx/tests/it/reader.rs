//! Reads workbooks for the tests.
//!
//! It shares no code with the sink. Readers of others are used in `cargo xtask interop`, because they cannot tell a null
//! from an empty text.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use zip::ZipArchive;

/// A cell: its format and its content.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    Text(String),
    Boolean(bool),
    Number(String),
    /// A date, in milliseconds since 1970.
    Date(i64),
}

/// The rows of a sheet, with the header. What is missing in a row is `None`.
pub(crate) type Rows = Vec<Vec<Option<Cell>>>;

/// A part of the workbook as text; `None` if there is no such part.
pub(crate) fn part(path: &Path, name: &str) -> Option<String> {
    let mut archive = ZipArchive::new(File::open(path).ok()?).unwrap();
    let mut text = String::new();
    archive
        .by_name(name)
        .ok()?
        .read_to_string(&mut text)
        .unwrap();
    Some(text)
}

/// The sheets by name.
pub(crate) fn sheets(path: &Path) -> BTreeMap<String, Rows> {
    let workbook = part(path, "xl/workbook.xml").unwrap();
    let names = workbook.split("<sheet name=\"").skip(1);
    let names = names.map(|rest| rest.split('"').next().unwrap());
    let sheet = |(number, name): (usize, &str)| {
        let xml = part(path, &format!("xl/worksheets/sheet{number}.xml")).unwrap();
        (name.to_owned(), rows(&xml))
    };
    (1..).zip(names).map(sheet).collect()
}

fn rows(xml: &str) -> Rows {
    let (_, data) = xml.split_once("<sheetData>").unwrap();
    let (data, _) = data.split_once("</sheetData>").unwrap();
    let rows = data.split("<row ").skip(1).enumerate();
    let rows = rows.map(|(index, row)| {
        assert!(
            row.starts_with(&format!("r=\"{}\"", index + 1)),
            "rows have no gaps"
        );
        let mut cells = Vec::new();
        for cell in row.split("<c ").skip(1) {
            let place = attribute(cell, "r").unwrap();
            let letters = place.trim_end_matches(|char: char| char.is_ascii_digit());
            let column = letters
                .bytes()
                .fold(0, |sum, byte| sum * 26 + usize::from(byte - b'A') + 1);
            cells.resize(column - 1, None);
            cells.push(Some(content(cell)));
        }
        cells
    });
    rows.collect()
}

fn content(cell: &str) -> Cell {
    let value = |tag: &str| {
        let (_, rest) = cell.split_once(&format!("<{tag}"))?;
        let (_, rest) = rest.split_once('>')?;
        Some(unescape(rest.split_once(&format!("</{tag}>"))?.0))
    };
    match (attribute(cell, "t"), attribute(cell, "s")) {
        (Some("inlineStr"), _) => Cell::Text(value("t").unwrap()),
        (Some("b"), _) => Cell::Boolean(value("v").unwrap() == "1"),
        (None, Some("2")) => {
            assert_eq!(value("v"), None);
            Cell::Text(String::new())
        }
        (None, Some("3" | "4")) => {
            let days: f64 = value("v").unwrap().parse().unwrap();
            #[expect(clippy::cast_possible_truncation, reason = "the days of our calendar")]
            let milliseconds = ((days - 25_569.0) * 86_400_000.0).round() as i64;
            Cell::Date(milliseconds)
        }
        (None, None) => Cell::Number(value("v").unwrap()),
        other => panic!("unexpected cell {other:?}"),
    }
}

fn attribute<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (tag, _) = xml.split_once('>')?;
    let (_, rest) = tag.split_once(&format!("{name}=\""))?;
    rest.split('"').next()
}

/// What Excel reads: first the escapes of XML, then its own.
fn unescape(text: &str) -> String {
    let text = text
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&");
    let mut read = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("_x") {
        read.push_str(&rest[..at]);
        let code = rest
            .get(at + 2..at + 6)
            .filter(|_| rest[at + 6..].starts_with('_'));
        let char = code.and_then(|code| char::from_u32(u32::from_str_radix(code, 16).ok()?));
        if let Some(char) = char {
            read.push(char);
            rest = &rest[at + 7..];
        } else {
            read.push('_');
            rest = &rest[at + 1..];
        }
    }
    read + rest
}
