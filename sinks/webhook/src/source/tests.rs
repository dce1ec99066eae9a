//! Where values are looked up.

use std::error::Error as _;

use secrecy::ExposeSecret as _;

use super::*;

fn command(words: &[&str]) -> Secret {
    Secret::Command {
        command: words.iter().copied().map(str::to_owned).collect(),
    }
}

/// The error and its source.
fn told(result: Result<SecretString>) -> String {
    let error = result.expect_err("the value cannot be had");
    assert_eq!(error.kind(), Kind::Config);
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

#[test]
fn values_are_looked_up_without_the_line_break_at_their_end() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("value");
    fs::write(&file, " value \r\n").unwrap();
    let of_file = Text::File { file: file.clone() }.resolve("x").unwrap();
    assert_eq!(of_file.expose_secret(), " value ");
    let of_secret = Secret::File { file }.resolve("x").unwrap();
    assert_eq!(of_secret.expose_secret(), " value ");

    // Cargo sets it for every test.
    let env = "CARGO_PKG_NAME".to_owned();
    let of_env = Secret::Env { env }.resolve("x").unwrap();
    assert_eq!(of_env.expose_secret(), "fortilake-sink-webhook");
    let plain = Text::Plain("text".to_owned()).resolve("x").unwrap();
    assert_eq!(plain.expose_secret(), "text");
}

#[cfg(unix)]
#[test]
fn a_command_prints_the_value() {
    let value = command(&["printf", "a b\n"]).resolve("x").unwrap();
    assert_eq!(value.expose_secret(), "a b");
    let text = told(command(&["sh", "-c", "printf secret; exit 3"]).resolve("secrets"));
    assert!(
        text.contains("command `sh` ended with exit status: 3"),
        "{text}"
    );
    assert!(
        !text.contains("secret;"),
        "arguments may be secrets: {text}"
    );
}

#[test]
fn what_cannot_be_had_is_told_with_the_option_and_the_place() {
    let env = "FORTILAKE_TEST_THAT_NOBODY_SETS".to_owned();
    let text = told(Text::Env { env }.resolve("url"));
    assert!(
        text.starts_with("cannot read option `url`: the variable `FORTILAKE_"),
        "{text}"
    );
    let file = PathBuf::from("/nowhere/at/all");
    let text = told(Secret::File { file }.resolve("secrets"));
    assert!(text.contains("cannot read `/nowhere/at/all`"), "{text}");
    let text = told(command(&[]).resolve("secrets"));
    assert!(text.contains("the command is empty"), "{text}");
    let text = told(Text::Plain("\n".to_owned()).resolve("headers.x"));
    assert_eq!(text, "option `headers.x` is empty");
}
