//! Tests that every misspelled name in `tables.toml` is an error that suggests the correct one.

use std::{fs, ops::Range, path::Path};

use xtask::codegen::Output;

/// Returns the places of all words in the file that are names.
fn words(text: &str) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let (mut start, mut section) = (0, "");
    for line in text.split_inclusive('\n') {
        let code = line.trim_start();
        if code.starts_with('[') {
            section = code.trim_end();
        }
        // Texts for people, and the names of types, which only the code that uses them can check.
        let skipped = ["#", "summary", "[types."];
        if !skipped.iter().any(|skipped| code.starts_with(skipped)) {
            words.extend(strings(line).into_iter().flat_map(|string| {
                let offset = start + string.start;
                split(&line[string])
                    .into_iter()
                    .map(move |word| offset + word.start..offset + word.end)
            }));
            words.extend(
                keys(line, section)
                    .into_iter()
                    .map(|key| start + key.start..start + key.end),
            );
        }
        start += line.len();
    }
    words
}

/// Returns the quoted strings of a line, except documentation.
fn strings(line: &str) -> Vec<Range<usize>> {
    let quotes: Vec<usize> = line.match_indices('"').map(|(at, _)| at).collect();
    let pairs = quotes.chunks_exact(2).map(|pair| pair[0] + 1..pair[1]);
    pairs
        .filter(|string| {
            !line[..string.start]
                .trim_end_matches('"')
                .ends_with("doc = ")
        })
        .collect()
}

/// Returns the keys of a line that are names: in tables of names, inline or as a section.
fn keys(line: &str, section: &str) -> Vec<Range<usize>> {
    let inline = line.find('{').is_some();
    let listed = ["rename", "aliases", "asked", "enclosing"];
    let mut keys = Vec::new();
    if inline && listed.iter().any(|name| line.starts_with(name)) {
        let body = line.find('{').unwrap();
        for (at, _) in line.match_indices(" = \"").filter(|(at, _)| *at > body) {
            let before = line[..at].rfind([' ', '{', '"']).unwrap() + 1;
            keys.push(before..at);
        }
    }
    let listed = ["[words]", "[table.rename]", "[table.given]"];
    let key = line.split(" = ").next().unwrap_or_default();
    if listed.contains(&section) && !key.starts_with(['#', '[', '"']) && key.len() < line.len() {
        keys.push(0..key.len());
    }
    keys.retain(|key| !key.is_empty());
    keys
}

fn split(text: &str) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let mut start = None;
    for (at, char) in text.char_indices().chain([(text.len(), ' ')]) {
        let inside = char.is_ascii_alphanumeric() || char == '_';
        match (inside, start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                words.push(from..at);
                start = None;
            }
            _ => {}
        }
    }
    words
}

/// The test is divided into parts that run in parallel, because every name needs a run of the
/// generator.
const SHARES: usize = 4;

#[test]
fn every_misspelled_name_is_an_error_with_the_right_one_1() {
    share(0);
}

#[test]
fn every_misspelled_name_is_an_error_with_the_right_one_2() {
    share(1);
}

#[test]
fn every_misspelled_name_is_an_error_with_the_right_one_3() {
    share(2);
}

#[test]
fn every_misspelled_name_is_an_error_with_the_right_one_4() {
    share(3);
}

fn share(number: usize) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/apireference");
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(&from).unwrap() {
        let file = entry.unwrap();
        fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
    }
    let text = fs::read_to_string(from.join("tables.toml")).unwrap();
    let words = words(&text);
    assert!(words.len() > 500, "{}", words.len());
    let mut unnoticed = Vec::new();
    for word in words.into_iter().skip(number).step_by(SHARES) {
        let right = &text[word.clone()];
        let last = if right.ends_with('q') { 'z' } else { 'q' };
        let wrong = format!("{}{last}", &right[..right.len() - 1]);
        let misspelled = format!("{}{wrong}{}", &text[..word.start], &text[word.end..]);
        fs::write(folder.path().join("tables.toml"), misspelled).unwrap();
        let line = 1 + text[..word.start].matches('\n').count();
        match Output::generate(folder.path()) {
            Ok(_) => unnoticed.push(format!("line {line}: `{wrong}` for `{right}` is taken")),
            Err(error) => {
                let error = format!("{error:#}");
                if !error.contains(right) {
                    unnoticed.push(format!("line {line}: `{wrong}` for `{right}`: {error}"));
                }
            }
        }
    }
    assert!(unnoticed.is_empty(), "{}", unnoticed.join("\n"));
}
