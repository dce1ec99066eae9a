//! The error about the value of one key of the configuration file.

use std::fmt;

use super::Lines;
use crate::exit::CommandError;

/// A value that cannot be used. It knows its key, so that the line of the key can be found in the file.
#[derive(Debug)]
pub(super) struct WrongValue {
    /// The name of the source that has the key; `None` for a key outside of the sources.
    source: Option<String>,
    /// The key, such as `timeout`, `quota.calls.per` or, outside of the sources, `crawl.max_idle`.
    key: String,
    text: String,
}

impl WrongValue {
    /// The failure with this message about the key of a source.
    pub(super) fn of_source(source: &str, key: &str, text: String) -> CommandError {
        CommandError::not_started(Self {
            source: Some(source.to_owned()),
            key: key.to_owned(),
            text,
        })
    }

    /// The failure with this message about a key of a section such as `[crawl]`.
    pub(super) fn of_section(section: &str, key: &str, text: String) -> CommandError {
        CommandError::not_started(Self {
            source: None,
            key: format!("{section}.{key}"),
            text,
        })
    }

    /// Adds the line of the key in this text to a failure, if it is about a value.
    pub(super) fn locate(failure: CommandError, text: &str) -> CommandError {
        let Some(wrong) = failure.error.downcast_ref::<Self>() else {
            return failure;
        };
        let Some(lines) = Lines::parse(text) else {
            return failure;
        };
        let source = wrong.source.as_deref().map(|name| lines.source(name));
        let mut path = match &source {
            None => Vec::new(),
            Some(None) => return failure,
            Some(Some(position)) => vec!["source", position.as_str()],
        };
        path.extend(wrong.key.split('.'));
        match lines.mark(&path) {
            Some((line, excerpt)) => CommandError {
                error: anyhow::anyhow!("line {line}: {wrong}{excerpt}"),
                ..failure
            },
            None => failure,
        }
    }
}

impl fmt::Display for WrongValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl std::error::Error for WrongValue {}
