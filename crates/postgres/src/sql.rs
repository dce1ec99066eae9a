//! Names and text as parts of SQL statements.

#[cfg(test)]
mod tests;

/// A name in double quotes, so that it may be a reserved word and contain anything but U+0000.
pub fn name(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Text as a literal. U+0000, which PostgreSQL cannot store, is removed.
///
/// Statements that cannot have parameters need it. It expects `standard_conforming_strings`, which every transaction has
/// to set.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\0', "").replace('\'', "''"))
}

/// Names in double quotes, each with `prefix`, separated by commas.
pub fn list<'a>(prefix: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let names = names.into_iter();
    let names: Vec<_> = names
        .map(|column| format!("{prefix}{}", name(column)))
        .collect();
    names.join(", ")
}
