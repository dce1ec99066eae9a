//! All output to standard output and standard error goes through here, except log lines.

use std::io::{self, IsTerminal, Write};

/// Standard output for data, standard error for everything else.
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
    /// A reader that has seen enough closes the pipe, and that is success.
    #[expect(
        clippy::unused_self,
        reason = "whoever has no console has nothing to say"
    )]
    pub(crate) fn data(self, text: &str) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        match stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush())
        {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(()),
        }
    }

    /// Writes a message to standard error. A failure is ignored, as it could not be reported.
    #[expect(
        clippy::unused_self,
        reason = "whoever has no console has nothing to say"
    )]
    pub(crate) fn note(self, text: &str) {
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }
}
