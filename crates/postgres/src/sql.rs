//! Parts of SQL statements: names, text, and how a transaction begins.

use std::time::Duration;

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

/// The statements that begin a transaction, and end with a `;`.
///
/// Settings of the server, the database or the user must not change what statements mean, so each one that could is
/// set. All of them end with the transaction, because a pooler gives the next one another connection.
///
/// `statement` is how long a statement may run, including its wait for locks. `idle` is how long the server waits for the
/// next one: a process that is stopped in the middle of a transaction must not keep its locks.
pub fn begin(statement: Duration, idle: Duration) -> String {
    format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; \
         SET LOCAL statement_timeout = {}; \
         SET LOCAL idle_in_transaction_session_timeout = {}; \
         SET LOCAL lock_timeout = 0; \
         SET LOCAL TimeZone = 'UTC'; \
         SET LOCAL DateStyle = 'ISO'; \
         SET LOCAL standard_conforming_strings = on; \
         SET LOCAL default_tablespace = ''; \
         SET LOCAL client_min_messages = warning;",
        statement.as_millis(),
        idle.as_millis()
    )
}
