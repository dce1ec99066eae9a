//! All output to standard output and standard error goes through here, except log lines.

use std::io::{self, IsTerminal, Write};

use fortilake_sink::standard_output_is_closed;

/// Writes data to standard output and everything else to standard error.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Console {
    /// Whether standard error is a terminal.
    pub(crate) interactive: bool,
}

impl Console {
    /// A console for this process's streams.
    pub(crate) fn new() -> Self {
        Self {
            interactive: io::stderr().is_terminal(),
        }
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
            return Err(io::Error::other("standard output is closed"));
        }
        let mut stdout = io::stdout().lock();
        match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(()),
        }
    }

    /// Writes a message to standard error. A failure is ignored, as it could not be reported.
    #[expect(
        clippy::unused_self,
        reason = "only code that was given the console may print"
    )]
    pub(crate) fn note(self, text: &str) {
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }
}
