//! Converts the API's names to Rust names.

use std::collections::BTreeSet;

/// Names that the generated code uses itself, or the macros that it calls.
pub(super) const RESERVED: &[&str] = &[
    "Box",
    "Clone",
    "Debug",
    "Default",
    "Deserialize",
    "Err",
    "From",
    "None",
    "Ok",
    "Option",
    "PartialEq",
    "Result",
    "Self",
    "Serialize",
    "Some",
    "String",
    "Vec",
];

/// Words that the general rule would split wrongly, such as `EoR`.
#[derive(Debug, Default)]
pub(super) struct Words(Vec<(String, String)>);

impl Words {
    /// Creates the list from pairs of a word and its `snake_case` form.
    pub(super) fn new(words: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut words: Vec<_> = words.into_iter().collect();
        words.sort_by_key(|(word, _)| std::cmp::Reverse(word.len()));
        Self(words)
    }

    /// Converts a name to `snake_case`, for example `productModelEoR` to `product_model_eor`.
    pub(super) fn snake(&self, text: &str) -> String {
        let mut spaced = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let word = self.0.iter().find(|(word, _)| starts_word(rest, word));
            let after_capital = spaced.ends_with(|last: char| last.is_ascii_uppercase());
            match word {
                Some((word, replacement)) if !after_capital => {
                    spaced.push('_');
                    spaced.push_str(replacement);
                    spaced.push('_');
                    rest = &rest[word.len()..];
                }
                _ => {
                    spaced.push(first);
                    rest = &rest[first.len_utf8()..];
                }
            }
        }
        let name = split(&spaced).join("_");
        if name.is_empty() {
            "unnamed".to_owned()
        } else {
            name
        }
    }
}

/// Whether the text starts with this word and the word ends there.
fn starts_word(text: &str, word: &str) -> bool {
    text.strip_prefix(word)
        .is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_lowercase()))
}

/// Splits a name at characters that are not letters or digits, and where a capital letter starts a
/// word.
fn split(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut words = Vec::new();
    let mut word = String::new();
    for (position, &char) in chars.iter().enumerate() {
        let before = position.checked_sub(1).map(|before| chars[before]);
        let after = chars.get(position + 1);
        let starts = char.is_ascii_uppercase()
            && before.is_some_and(|before| {
                before.is_ascii_lowercase()
                    || before.is_ascii_digit()
                    || (before.is_ascii_uppercase() && after.is_some_and(char::is_ascii_lowercase))
            });
        if starts || !char.is_ascii_alphanumeric() {
            words.push(std::mem::take(&mut word));
        }
        if char.is_ascii_alphanumeric() {
            word.push(char.to_ascii_lowercase());
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

/// Converts a name to the name of a type. Each word is capitalized; capitals inside words stay.
pub(super) fn pascal(text: &str) -> String {
    let mut name = String::new();
    for word in text.split(|char: char| !char.is_ascii_alphanumeric()) {
        let shouted = word.len() > 1 && !word.contains(|char: char| char.is_ascii_lowercase());
        let mut chars = word.chars();
        name.extend(chars.next().map(|first| first.to_ascii_uppercase()));
        if shouted {
            name.extend(chars.map(|char| char.to_ascii_lowercase()));
        } else {
            name.push_str(chars.as_str());
        }
    }
    match name.chars().next() {
        None => "Unnamed".to_owned(),
        Some(first) if first.is_ascii_digit() => format!("N{name}"),
        Some(_) => name,
    }
}

/// Converts a file name, whose words are already separate, to the name of a module.
///
/// A module with the name of a crate would hide the crate from the generated code.
pub(super) fn module(api: &str) -> String {
    const CRATES: [&str; 4] = ["fortilake_models", "serde", "serde_json", "std"];
    let lower = api.to_ascii_lowercase();
    let words = lower.split(|char: char| !char.is_ascii_alphanumeric());
    let name = words
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join("_");
    if CRATES.contains(&name.as_str()) {
        return format!("api_{name}");
    }
    ident(if name.is_empty() { "unnamed" } else { &name }).replace("r#", "api_")
}

/// Converts a `snake_case` name to a valid identifier.
pub(super) fn ident(snake: &str) -> String {
    const KEYWORDS: &[&str] = &[
        "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do",
        "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in",
        "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref",
        "return", "static", "struct", "trait", "true", "try", "type", "typeof", "unsafe",
        "unsized", "use", "virtual", "where", "while", "yield",
    ];
    if KEYWORDS.contains(&snake) {
        format!("r#{snake}")
    } else if ["self", "super", "crate"].contains(&snake) {
        // These keywords can't be used as raw identifiers.
        format!("{snake}_")
    } else if snake.starts_with(|first: char| first.is_ascii_digit()) {
        format!("_{snake}")
    } else {
        snake.to_owned()
    }
}

/// Converts a `snake_case` name to the name of a table, whose constant is the name in capitals.
pub(super) fn table(snake: &str) -> String {
    if snake.starts_with(|first: char| first.is_ascii_digit()) {
        format!("t_{snake}")
    } else {
        snake.to_owned()
    }
}

/// Whether a table or a column may have this name: readers use it as a name in SQL, in paths of
/// files and in code.
pub(super) fn is_plain(name: &str) -> bool {
    let is_part = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '_';
    name.starts_with(|first: char| first.is_ascii_lowercase()) && name.chars().all(is_part)
}

/// Whether a type may have this name.
pub(super) fn is_type(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_uppercase())
        && name.chars().all(|char| char.is_ascii_alphanumeric())
        && !RESERVED.contains(&name)
}

/// Returns a name that is not taken: the given one, otherwise with the first free number appended.
pub(super) fn unique(name: &str, separator: &str, taken: &mut BTreeSet<String>) -> String {
    let mut candidate = name.to_owned();
    let mut number = 2;
    while !taken.insert(candidate.clone()) {
        candidate = format!("{name}{separator}{number}");
        number += 1;
    }
    candidate
}

/// Returns a name that differs by a single letter, which is most likely a spelling mistake.
pub(super) fn similar<'a>(
    wanted: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let mut names = names.into_iter();
    names.find(|name| strsim::damerau_levenshtein(wanted, name) == 1)
}

/// Lists the names that are most similar to one that was not found, for error messages.
pub(super) fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let mut ranked: Vec<(usize, &str)> = names
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(wanted, name), name))
        .collect();
    // Sorted by distance, then by name, so that messages are the same in every run.
    ranked.sort_unstable();
    ranked.dedup();
    let listed: Vec<String> = ranked
        .iter()
        .take(3)
        .map(|(_, name)| format!("`{name}`"))
        .collect();
    if listed.is_empty() {
        "there are none".to_owned()
    } else {
        format!("nearest: {}", listed.join(", "))
    }
}
