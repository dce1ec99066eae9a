//! Error messages for the configuration file, with line numbers.

use std::ops::Range;

use anyhow::anyhow;
use fortilake_sink::nearest;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    excerpt::excerpt,
    source::{FORMS_OF_SEARCH, FORMS_OF_SECRETS},
};
use crate::exit::CommandError;

/// The parser's message with its line number, and the nearest known key for an unknown one.
///
/// Values never appear in the message, because a misplaced value may be a password.
pub(super) fn unreadable(text: &str, error: &toml::de::Error) -> CommandError {
    if let Some(failure) = Lines::parse(text).and_then(|lines| lines.single_bracket()) {
        return failure;
    }
    let message = error.message().replace('\n', "; ");
    let span = error.span().unwrap_or_default();
    // What cannot be parsed may be a value without a key, so only what can be is shown.
    let parsed = ["unknown ", "invalid ", FORMS_OF_SECRETS, FORMS_OF_SEARCH];
    let is_parsed = parsed.iter().any(|start| message.starts_with(start));
    let excerpt = excerpt(text, span.clone()).filter(|_| is_parsed);
    let excerpt = excerpt.map_or_else(String::new, |excerpt| format!("\n{excerpt}"));
    let line = line(text, span.start);
    // Serde's messages read: invalid type: string "x", expected y.
    let expected = message
        .split_once(", expected ")
        .map(|(_, expected)| expected);
    let bare = |message: &str| CommandError::not_started(anyhow!("line {line}: {message}"));
    let failure = |message: &str| bare(&format!("{message}{excerpt}"));
    if message.starts_with("unknown ") {
        return unknown(&message, expected.unwrap_or_default(), failure, bare);
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

/// The message for an unknown key. The key is shown only if it resembles a known one: anything else
/// may be a value in the wrong place, and then the message is `bare`, without an excerpt.
fn unknown(
    message: &str,
    expected: &str,
    failure: impl Fn(&str) -> CommandError,
    bare: impl Fn(&str) -> CommandError,
) -> CommandError {
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
    bare(&format!("{what}, expected {expected}"))
}

/// The lines of the keys in a configuration file.
pub(crate) struct Lines<'a> {
    text: &'a str,
    file: Spanned<DeTable<'a>>,
}

impl<'a> Lines<'a> {
    /// `None` for a text that is not TOML.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let file = DeTable::parse(text).ok()?;
        Some(Self { text, file })
    }

    /// The line of the last of these keys; a number is the position in a list, counted from 0.
    pub(crate) fn of(&self, path: &[&str]) -> Option<usize> {
        Some(line(self.text, self.span(path)?.start))
    }

    /// The line of the last of these keys, and the line itself with a mark under the key, after a line break.
    ///
    /// If there is no such key, these are those of the nearest one above it: `quota = …` is above
    /// `quota.calls.per`.
    pub(super) fn mark(&self, path: &[&str]) -> Option<(usize, String)> {
        let above = (1..=path.len()).rev().map(|length| &path[..length]);
        let span = above.into_iter().find_map(|path| self.span(path))?;
        let line = line(self.text, span.start);
        let excerpt = excerpt(self.text, span);
        let excerpt = excerpt.map_or_else(String::new, |excerpt| format!("\n{excerpt}"));
        Some((line, excerpt))
    }

    /// The position of the first source with this name, as a step of a path.
    pub(super) fn source(&self, name: &str) -> Option<String> {
        let DeValue::Array(sources) = self.file.get_ref().get("source")?.get_ref() else {
            return None;
        };
        let position = sources.iter().position(|source| {
            let DeValue::Table(keys) = source.get_ref() else {
                return false;
            };
            keys.get("name").is_some_and(
                |found| matches!(found.get_ref(), DeValue::String(found) if found == name),
            )
        });
        position.map(|position| position.to_string())
    }

    /// Where the last of these keys is.
    fn span(&self, path: &[&str]) -> Option<Range<usize>> {
        let (first, rest) = path.split_first()?;
        let (key, value) = self.file.get_ref().get_key_value(*first)?;
        let (mut span, mut value) = (key.span(), value.get_ref());
        for step in rest {
            match value {
                DeValue::Table(table) => {
                    let (key, found) = table.get_key_value(*step)?;
                    (span, value) = (key.span(), found.get_ref());
                }
                DeValue::Array(values) => {
                    let found = values.get(step.parse::<usize>().ok()?)?;
                    (span, value) = (found.span(), found.get_ref());
                }
                _ => return None,
            }
        }
        Some(span)
    }

    /// The failure for a `[source]` or `[sink]`, of which a file has a list.
    fn single_bracket(&self) -> Option<CommandError> {
        ["source", "sink"].into_iter().find_map(|section| {
            let (key, value) = self.file.get_ref().get_key_value(section)?;
            matches!(value.get_ref(), DeValue::Table(_)).then(|| {
                let line = line(self.text, key.span().start);
                let excerpt = excerpt(self.text, key.span()).unwrap_or_default();
                let error = anyhow!("line {line}: `{section}` must be a list\n{excerpt}");
                CommandError::not_started(error)
                    .hint(format!("write `[[{section}]]` instead of `[{section}]`"))
            })
        })
    }

    /// The line of the first option in the nth section of this name that `is_it` accepts; without
    /// one, the line where the section begins.
    pub(crate) fn option(
        &self,
        section: &str,
        position: usize,
        is_it: impl Fn(&str) -> bool,
    ) -> Option<usize> {
        let position = position.to_string();
        let DeValue::Array(tables) = self.file.get_ref().get(section)?.get_ref() else {
            return None;
        };
        let DeValue::Table(options) = tables.get(position.parse::<usize>().ok()?)?.get_ref() else {
            return None;
        };
        let option = options.keys().find(|name| is_it(name.get_ref()));
        let path = [section, &position];
        match option {
            Some(option) => self.of(&[&path[..], &[option.get_ref().as_ref()]].concat()),
            None => self.of(&path),
        }
    }
}

fn line(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or_default();
    before.matches('\n').count() + 1
}
