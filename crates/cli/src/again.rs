//! The flags that a command in a hint needs to work on the same sinks and the same state.

use std::{fmt::Write as _, path::Path};

use fortilake_sink::Spec;

use crate::session::shown_place;

/// The flags `--config`, `--sink` and `--state` as they were given, each with a blank before it.
pub(crate) fn flags(config: Option<&Path>, sinks: &[String], state: Option<&Path>) -> String {
    let mut text = String::new();
    if let Some(config) = config {
        let _ = write!(text, " --config {}", quoted(&config.to_string_lossy()));
    }
    for sink in sinks {
        // A URL can contain a password or a token, and so can the arguments of a program. Then only the name of the
        // sink is repeated.
        let sink = match sink.split_once(':') {
            Some((name, _)) if sink.contains("://") || is_hidden(sink) => format!("{name}:…"),
            _ => sink.clone(),
        };
        let _ = write!(text, " --sink {}", quoted(&sink));
    }
    if let Some(state) = state {
        let _ = write!(text, " --state {}", quoted(&shown_place(state)));
    }
    text
}

/// Whether a part of the sink's options must not be shown.
fn is_hidden(sink: &str) -> bool {
    let spec = Spec::parse(sink);
    spec.is_ok_and(|spec| spec.shown_options().ok().as_ref() != Some(&spec.options))
}

/// A word as a shell has to be given it.
fn quoted(word: &str) -> String {
    let is_plain = |char: char| char.is_alphanumeric() || "-_./:=,@%+".contains(char);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_repeated_for_a_shell_and_without_secrets() {
        let sinks = [
            "csv:out".to_owned(),
            "parquet:it's here?layout=latest".to_owned(),
            "webhook:https://hooks.example/t0ken".to_owned(),
            "exec:upload?args=--token=t0ken".to_owned(),
            "exec:upload".to_owned(),
        ];
        let text = flags(Some("a b.toml".as_ref()), &sinks, Some("/var/x".as_ref()));
        assert_eq!(
            text,
            " --config 'a b.toml' --sink csv:out --sink 'parquet:it'\\''s here?layout=latest' \
             --sink 'webhook:…' --sink 'exec:…' --sink exec:upload --state /var/x"
        );
        assert_eq!(flags(None, &[], None), "");
        let url = "postgres://u:s3cret@db.example.org/x?sslmode=s3cret";
        assert_eq!(
            flags(None, &[], Some(url.as_ref())),
            " --state 'postgres://…'"
        );
    }
}
