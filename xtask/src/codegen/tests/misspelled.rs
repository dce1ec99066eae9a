//! Tests that every misspelled name in `tables.toml` is an error that suggests the correct one.

use std::{fs, ops::Range, path::Path};

use anyhow::Result;

use crate::codegen::{
    generate,
    load::{self, Parsed},
    uses::{self, Used},
};

/// Returns the places of all words in the file that are names: of settings, and in their values.
fn names(text: &str) -> Vec<Range<usize>> {
    let mut names = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let mut at = start;
        if !line.starts_with('#') {
            // Every second part is within quotes. No text in the file contains a quote itself.
            for (number, part) in line.split('"').enumerate() {
                let before = text[start..at].trim_end_matches('"');
                let is_prose = ["summary = ", "doc = "]
                    .iter()
                    .any(|key| before.ends_with(key));
                if number % 2 == 0 || !is_prose {
                    names.extend(words(part).map(|word| at + word.start..at + word.end));
                }
                at += part.len() + 1;
            }
        }
        start += line.len();
    }
    names
}

fn words(text: &str) -> impl Iterator<Item = Range<usize>> {
    let parts = text.split(|char: char| !char.is_ascii_alphanumeric() && char != '_');
    let ranges = parts.map(|part| {
        let start = part.as_ptr() as usize - text.as_ptr() as usize;
        start..start + part.len()
    });
    ranges.filter(|range| !range.is_empty())
}

/// Misspells a name by one letter in one of several ways.
fn misspelled(name: &str, way: usize) -> Option<String> {
    let mut letters: Vec<char> = name.chars().collect();
    let middle = letters.len() / 2;
    let other = |letter| if letter == 'q' { 'z' } else { 'q' };
    match way {
        0 => *letters.last_mut()? = other(*letters.last()?),
        1 => letters[0] = other(letters[0]),
        2 => letters[middle] = other(letters[middle]),
        3 => letters.insert(middle, other(letters[middle])),
        4 => _ = letters.remove(middle),
        _ => letters.swap(middle, middle.checked_sub(1)?),
    }
    let wrong: String = letters.into_iter().collect();
    (wrong != name && !wrong.is_empty()).then_some(wrong)
}

const WAYS: usize = 6;

/// The descriptions and everything else that `tables.toml` is checked against, read once.
struct Checker {
    parsed: Parsed,
    used: Used,
}

impl Checker {
    fn new(root: &Path) -> Self {
        let texts = load::texts(&root.join("fixtures/apireference")).unwrap();
        Self {
            parsed: texts.parsed().unwrap(),
            used: uses::of(&root.join("crates")).unwrap(),
        }
    }

    /// Does what `cargo xtask codegen` does before it prints code.
    fn check(&self, tables: &str) -> Result<()> {
        let config = load::config(tables)?;
        uses::check(&config, &self.used)?;
        let folder = self.parsed.clone().prepared(Some(config))?;
        generate::apis(&folder).map(drop)
    }
}

/// Misspells the names that `is_tried` selects by their number and the way to misspell them.
fn try_names(is_tried: impl Fn(usize, usize) -> bool) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = fs::read_to_string(root.join("fixtures/apireference/tables.toml")).unwrap();
    let checker = Checker::new(&root);
    checker.check(&text).unwrap();
    let names = names(&text);
    assert!(names.len() > 1000, "{}", names.len());
    let mut unnoticed = Vec::new();
    for (number, place) in names.iter().enumerate() {
        for way in (0..WAYS).filter(|way| is_tried(number, *way)) {
            let right = &text[place.clone()];
            let Some(wrong) = misspelled(right, way) else {
                continue;
            };
            let changed = format!("{}{wrong}{}", &text[..place.start], &text[place.end..]);
            let line = 1 + text[..place.start].matches('\n').count();
            let found = match checker.check(&changed) {
                Ok(()) => "accepted".to_owned(),
                Err(error) if suggests(&format!("{error:#}"), right) => continue,
                Err(error) => format!("{error:#}"),
            };
            unnoticed.push(format!("line {line}: `{wrong}` for `{right}`: {found}"));
        }
    }
    assert!(unnoticed.is_empty(), "{}", unnoticed.join("\n"));
}

/// Whether an error names this word, apart from the line that it quotes.
fn suggests(error: &str, word: &str) -> bool {
    let lines = error.lines().filter(|line| !line.contains(" | "));
    let mut found = lines.flat_map(|line| words(line).map(|range| &line[range]));
    found.any(|found| found == word)
}

#[test]
fn a_misspelled_name_is_an_error_with_the_right_one() {
    // A sixth of the names, each in one way.
    try_names(|number, way| number % WAYS == 0 && number / WAYS % WAYS == way);
}

#[test]
#[ignore = "takes ten minutes; run it by hand after a change of the generator"]
fn a_misspelled_name_is_an_error_with_the_right_one_in_every_way() {
    try_names(|_, _| true);
}
