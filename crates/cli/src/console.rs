//! All output to standard output and standard error goes through here, except log lines.

use std::io::{self, IsTerminal, Write};

use fortilake_sink::standard_output_is_closed;
use serde_json::{Map, Value, json};

use crate::{
    args::LogFormat,
    exit::{self, CommandError},
};

/// Writes data to standard output and everything else to standard error.
///
/// On standard error, a line is text or, with `--log-format json`, an object of the same form as
/// that of a log line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Console {
    /// Whether standard error is a terminal that shows progress.
    pub(crate) interactive: bool,
    format: LogFormat,
    quiet: bool,
}

/// How important a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Info,
    Warn,
    Error,
}

impl Console {
    /// A console for this process's streams. With `quiet`, only warnings and errors are shown.
    pub(crate) fn new(format: LogFormat, quiet: bool) -> Self {
        Self {
            interactive: io::stderr().is_terminal() && format == LogFormat::Text && !quiet,
            format,
            quiet,
        }
    }

    /// Whether only warnings and errors are shown.
    pub(crate) fn is_quiet(self) -> bool {
        self.quiet
    }

    /// Whether data on standard output is read by a person.
    #[expect(
        clippy::unused_self,
        reason = "only code that was given the console may print"
    )]
    pub(crate) fn prints_to_terminal(self) -> bool {
        io::stdout().is_terminal()
    }

    /// Whether everything on standard error is JSON.
    pub(crate) fn is_json(self) -> bool {
        self.format == LogFormat::Json
    }

    /// Writes data to standard output.
    ///
    /// A closed pipe is not an error: a reader such as `head` closes it once it has seen enough.
    pub(crate) fn data(self, text: &str) -> io::Result<()> {
        self.bytes(text.as_bytes())
    }

    /// As [`data`](Self::data), for data that is not text.
    #[expect(
        clippy::unused_self,
        reason = "only code that was given the console may print"
    )]
    pub(crate) fn bytes(self, bytes: &[u8]) -> io::Result<()> {
        if standard_output_is_closed() {
            return Err(io::Error::other(
                "standard output is closed, or it is `/dev/null` opened for reading and writing, as by Python's \
                 `DEVNULL`, which looks the same; to discard the output, open `/dev/null` only for writing",
            ));
        }
        let mut stdout = io::stdout().lock();
        match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(()),
        }
    }

    /// Writes a message to standard error, unless the console is quiet. The text ends with a line
    /// break.
    pub(crate) fn note(self, text: &str) {
        if !self.quiet {
            self.write(Level::Info, text, Map::new());
        }
    }

    /// Writes what the user has to see before a question, even if the console is quiet.
    pub(crate) fn ask(self, text: &str) {
        self.write(Level::Info, text, Map::new());
    }

    /// Writes a warning to standard error: something is not as it should be, but the run goes on.
    pub(crate) fn warning(self, text: &str) {
        match self.format {
            LogFormat::Text => self.write(Level::Warn, &format!("warning: {text}\n"), Map::new()),
            LogFormat::Json => self.write(Level::Warn, text, Map::new()),
        }
    }

    /// Writes text that tells what is missing or wrong in a result.
    pub(crate) fn problem(self, text: &str) {
        self.write(Level::Warn, text, Map::new());
    }

    /// Writes the failure that ends the run.
    pub(crate) fn failure(self, failure: &CommandError) {
        match self.format {
            LogFormat::Text => self.write(Level::Error, &exit::render(failure), Map::new()),
            LogFormat::Json => {
                let causes = failure.error.chain().skip(1);
                let causes: Vec<_> = causes.map(ToString::to_string).collect();
                let mut fields = Map::from_iter([
                    ("causes".to_owned(), json!(causes)),
                    ("exit_code".to_owned(), json!(failure.code as u8)),
                ]);
                if let Some(hint) = &failure.hint {
                    fields.insert("hint".to_owned(), json!(hint));
                }
                self.write(Level::Error, &failure.error.to_string(), fields);
            }
        }
    }

    /// Writes a usage error, which clap has rendered already.
    pub(crate) fn usage_error(self, text: &str) {
        self.write(Level::Error, text, Map::new());
    }

    /// Writes the summary of a run: the text, or the members of `summary` in a JSON line.
    pub(crate) fn summary(self, text: &str, summary: &Value) {
        match self.format {
            LogFormat::Text => self.note(text),
            LogFormat::Json if self.quiet => {}
            LogFormat::Json => {
                let fields = summary.as_object().cloned().unwrap_or_default();
                self.write(Level::Info, "the crawl has ended", fields);
            }
        }
    }

    /// A failure to write is ignored, as it could not be reported.
    fn write(self, level: Level, text: &str, mut fields: Map<String, Value>) {
        let mut stderr = io::stderr().lock();
        if self.format == LogFormat::Text {
            let _ = stderr.write_all(text.as_bytes());
            return;
        }
        let message = text.trim();
        if message.is_empty() {
            return;
        }
        fields.insert("message".to_owned(), json!(message));
        let line = json!({
            "timestamp": jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(),
            "level": match level {
                Level::Info => "INFO",
                Level::Warn => "WARN",
                Level::Error => "ERROR",
            },
            "fields": fields,
            "target": "fortilake",
        });
        let _ = stderr.write_all(format!("{line}\n").as_bytes());
    }
}
