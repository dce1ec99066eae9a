//! Error messages for the configuration file, with line numbers.

use anyhow::anyhow;
use fortilake_sink::nearest;
use toml::de::{DeTable, DeValue};

use crate::exit::Failure;

/// The parser's message with its line number, and the nearest known key for an unknown one.
///
/// Values never appear in the message, because a misplaced value may be a password.
pub(super) fn unreadable(text: &str, error: &toml::de::Error) -> Failure {
    let line = line(text, error.span().map_or(0, |span| span.start));
    let message = error.message().replace('\n', "; ");
    // Serde's messages read: invalid type: string "x", expected y.
    let expected = message
        .split_once(", expected ")
        .map(|(_, expected)| expected);
    let failure = |message: &str| Failure::not_started(anyhow!("line {line}: {message}"));
    if message.starts_with("unknown ") {
        return unknown(&message, expected.unwrap_or_default(), failure);
    }
    match expected {
        Some(expected) if message.starts_with("invalid ") => {
            let expected = match expected {
                "usize" | "u32" => "a whole number",
                "f64" => "a number",
                other => other,
            };
            failure(&format!("invalid value, expected {expected}"))
        }
        _ => failure(&message),
    }
}

/// The message for an unknown key. The key is quoted only if it resembles a known one: anything
/// else may be a value in the wrong place.
fn unknown(message: &str, expected: &str, failure: impl Fn(&str) -> Failure) -> Failure {
    let quoted = |text: &'_ str| -> Vec<String> {
        text.split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect()
    };
    let known = quoted(expected);
    let name = quoted(message).into_iter().next().unwrap_or_default();
    if let Some(known) = nearest(&name, known.iter().map(String::as_str)) {
        return failure(message).hint(format!("did you mean `{known}`?"));
    }
    let what = message.split(" `").next().unwrap_or_default();
    failure(&format!("{what}, expected {expected}"))
}

/// The line of an option in the nth `[[section]]`, counted from 0; without that option, the line
/// where the section begins.
pub(super) fn line_of(
    text: &str,
    section: &str,
    position: usize,
    is_it: impl Fn(&str) -> bool,
) -> Option<usize> {
    let file = DeTable::parse(text).ok()?;
    let DeValue::Array(tables) = file.get_ref().get(section)?.get_ref() else {
        return None;
    };
    let table = tables.get(position)?;
    let DeValue::Table(options) = table.get_ref() else {
        return None;
    };
    let option = options.keys().find(|name| is_it(name.get_ref()));
    let span = option.map_or_else(|| table.span(), toml::Spanned::span);
    Some(line(text, span.start))
}

fn line(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or_default();
    before.matches('\n').count() + 1
}
