//! The questions that `config init` asks if a person runs it without flags.

use std::io::{self, BufRead, IsTerminal as _};

use anyhow::{Context as _, anyhow};
use fortilake_crawler::System;

use super::{NAME, SINK, system};
use crate::{
    args::ConfigInitArgs,
    console::Console,
    exit::{CommandError, Result},
};

/// Asks for the values that flags did not set, if there are no such flags and a person can answer.
pub(super) fn complete(args: ConfigInitArgs, console: Console) -> Result<ConfigInitArgs> {
    let flags = [
        args.system.is_some(),
        args.name.is_some(),
        args.credentials.is_some(),
        args.api_url.is_some(),
        args.sink.is_some(),
        !args.include.is_empty(),
    ];
    if flags.contains(&true) || !console.interactive || !io::stdin().is_terminal() {
        return Ok(args);
    }
    console.ask("Press Enter to accept the value in brackets.\n");
    let dialog = Dialog {
        answers: io::stdin().lock(),
        ask: |question: &str| console.ask(question),
    };
    dialog.complete(args)
}

/// Asks questions, and reads the answers line by line.
struct Dialog<R, A> {
    answers: R,
    ask: A,
}

impl<R: BufRead, A: FnMut(&str)> Dialog<R, A> {
    fn complete(mut self, mut args: ConfigInitArgs) -> Result<ConfigInitArgs> {
        let known: Vec<_> = System::all().map(System::name).collect();
        let types = format!("System to read ({})", known.join(", "));
        let chosen = loop {
            let answer = self.answer(&types, Some(System::default().name()))?;
            match system(&answer) {
                Ok(chosen) => break chosen,
                Err(failure) => (self.ask)(&format!("{:#}\n", failure.error)),
            }
        };
        args.system = Some(chosen.name().to_owned());
        if chosen == System::default() {
            let question = "Credentials file of an API user, as downloaded from FortiCloud";
            let file = self.answer(question, Some(""))?;
            args.credentials = (!file.is_empty()).then(|| file.into());
        } else {
            let question = "Address of the system, such as https://portal.example";
            args.api_url = Some(self.answer(question, None)?);
        }
        args.name = Some(self.answer("Name of the source, for the column `_source`", Some(NAME))?);
        let question = "Sink to publish to, such as parquet:out, csv:out or xlsx:fleet.xlsx";
        args.sink = Some(self.answer(question, Some(SINK))?);
        Ok(args)
    }

    /// The answer to a question; an empty line stands for `default`. Without a default, it asks again.
    fn answer(&mut self, question: &str, default: Option<&str>) -> Result<String> {
        loop {
            (self.ask)(&match default {
                Some("") => format!("{question} [none]: "),
                Some(default) => format!("{question} [{default}]: "),
                None => format!("{question}: "),
            });
            let mut line = String::new();
            let read = self.answers.read_line(&mut line);
            let read = read
                .context("the answer cannot be read")
                .map_err(CommandError::not_started)?;
            if read == 0 {
                let error = anyhow!("the input ended before the last question");
                return Err(CommandError::not_started(error)
                    .hint("answer all questions, or pass flags such as `--name`"));
            }
            match (line.trim(), default) {
                ("", Some(default)) => return Ok(default.to_owned()),
                ("", None) => {}
                (answer, _) => return Ok(answer.to_owned()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args() -> ConfigInitArgs {
        ConfigInitArgs {
            file: "fortilake.toml".into(),
            system: None,
            name: None,
            credentials: None,
            api_url: None,
            include: Vec::new(),
            sink: None,
            force: false,
        }
    }

    /// The arguments and the questions that these lines lead to.
    fn answered(lines: &str) -> (Result<ConfigInitArgs>, String) {
        let mut asked = String::new();
        let dialog = Dialog {
            answers: lines.as_bytes(),
            ask: |question: &str| asked.push_str(question),
        };
        let args = dialog.complete(args());
        (args, asked)
    }

    #[test]
    fn empty_lines_accept_the_defaults() {
        let (args, asked) = answered("\n\n\n\n");
        let args = args.unwrap_or_else(|failure| panic!("{:#}", failure.error));
        assert_eq!(args.system.as_deref(), Some("forticloud"));
        assert_eq!(args.credentials, None);
        assert_eq!(args.name.as_deref(), Some("main"));
        assert_eq!(args.sink.as_deref(), Some("parquet:out"));
        assert!(
            asked.contains("[none]: ") && asked.contains("[parquet:out]: "),
            "{asked}"
        );
    }

    #[test]
    fn a_wrong_system_and_a_missing_address_are_asked_for_again() {
        let (args, asked) =
            answered("fortiportl\nfortiportal\n\n https://p.example \nedge\ncsv:out\n");
        let args = args.unwrap_or_else(|failure| panic!("{:#}", failure.error));
        assert!(asked.contains("unknown system `fortiportl`"), "{asked}");
        assert_eq!(args.system.as_deref(), Some("fortiportal"));
        assert_eq!(args.api_url.as_deref(), Some("https://p.example"));
        assert_eq!(args.name.as_deref(), Some("edge"));
        assert_eq!(args.sink.as_deref(), Some("csv:out"));
    }

    #[test]
    fn input_that_ends_early_is_an_error() {
        let (args, _) = answered("forticloud\n");
        assert!(args.is_err());
    }
}
