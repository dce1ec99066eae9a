//! A running program: watched until it ends, and killed if nobody watches any more.

use std::io;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::time::{sleep, timeout};
use tracing::debug;

#[cfg(test)]
mod tests;

/// How much of what a program wrote is kept, in bytes.
const KEPT: usize = 4096;

/// How long we wait for a pipe to end after the program has.
///
/// What a program leaves running in the background may hold its pipes open for ever.
const PIPE_GRACE: Duration = Duration::from_secs(1);

/// A program that runs, and all that it has started.
pub(crate) struct Process {
    child: Child,
    output: Pipe<ChildStdout>,
    errors: Pipe<ChildStderr>,
}

/// How a program ended.
pub(crate) struct Ended {
    /// Its status, or nothing if its time was over.
    pub(crate) status: Option<ExitStatus>,
    /// The end of what it wrote to standard error.
    errors: Vec<u8>,
}

impl Process {
    /// Starts `command`, whose standard input the caller has set.
    pub(crate) fn start(mut command: Command) -> io::Result<Self> {
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Whatever else happens, the runtime waits for what was killed, so that no zombie stays.
            .kill_on_drop(true);
        // A group of its own can be killed as a whole, and an interrupt at the terminal is for us alone:
        // the first one lets the sinks finish.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn()?;
        Ok(Self {
            output: Pipe::new("stdout", child.stdout.take()),
            errors: Pipe::new("stderr", child.stderr.take()),
            child,
        })
    }

    /// Waits for the end, and brings it about after `limit`.
    pub(crate) async fn wait(&mut self, table: &str, limit: Duration) -> io::Result<Ended> {
        let status = self.watch(table, limit).await?;
        if status.is_none() {
            self.kill();
            self.child.wait().await?;
        }
        // Who ended well is not asked for a reason.
        if !status.is_some_and(|status| status.success()) {
            self.read_rest(table).await;
        }
        Ok(Ended {
            status,
            errors: std::mem::take(&mut self.errors.tail),
        })
    }

    /// The status of the program when it has ended, or nothing after `limit`.
    async fn watch(&mut self, table: &str, limit: Duration) -> io::Result<Option<ExitStatus>> {
        let mut over = pin!(sleep(limit));
        loop {
            tokio::select! {
                status = self.child.wait() => return status.map(Some),
                () = self.output.read(table), if self.output.is_open() => {}
                () = self.errors.read(table), if self.errors.is_open() => {}
                () = &mut over => return Ok(None),
            }
        }
    }

    /// Reads what a program that has ended had still to say.
    async fn read_rest(&mut self, table: &str) {
        let rest = async {
            while self.errors.is_open() {
                self.errors.read(table).await;
            }
        };
        if timeout(PIPE_GRACE, rest).await.is_err() {
            debug!(table, "the program ended and left its standard error open");
        }
    }

    /// Kills the program and all that it has started; nothing happens once its end was seen.
    fn kill(&mut self) {
        // Until the end was seen the system gives the number to nobody else.
        #[cfg(unix)]
        if let Some(number) = self.child.id()
            && let Some(group) = i32::try_from(number)
                .ok()
                .and_then(rustix::process::Pid::from_raw)
        {
            // It fails if all of the group have ended by themselves.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        #[cfg(not(unix))]
        let _ = self.child.start_kill();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Ended {
    /// What it wrote last to standard error, if that is anything.
    pub(crate) fn last_lines(&self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.errors);
        // The first line is cut if what it wrote was more than we keep.
        let text = match text.split_once('\n') {
            Some((_, rest)) if self.errors.len() == KEPT => rest,
            _ => &text,
        };
        // A terminal would obey control characters; what they stood in is text of unknown origin.
        let is_shown = |char: &char| matches!(char, '\n' | '\t') || !char.is_control();
        let text: String = text.chars().filter(is_shown).collect();
        let text = text.trim_end();
        (!text.is_empty()).then(|| text.to_owned())
    }
}

/// One of the pipes that a program writes to, and the end of what it wrote.
struct Pipe<P> {
    name: &'static str,
    reader: Option<P>,
    tail: Vec<u8>,
}

impl<P: AsyncRead + Unpin> Pipe<P> {
    fn new(name: &'static str, reader: Option<P>) -> Self {
        Self {
            name,
            reader,
            tail: Vec::new(),
        }
    }

    fn is_open(&self) -> bool {
        self.reader.is_some()
    }

    /// Waits for more, or for the end.
    async fn read(&mut self, table: &str) {
        let Some(reader) = &mut self.reader else {
            return;
        };
        let mut chunk = [0; KEPT];
        match reader.read(&mut chunk).await {
            Ok(count @ 1..) => {
                let chunk = &chunk[..count];
                let text = String::from_utf8_lossy(chunk);
                debug!(table, pipe = self.name, %text, "the program wrote");
                self.tail.extend_from_slice(chunk);
                let surplus = self.tail.len().saturating_sub(KEPT);
                self.tail.drain(..surplus);
            }
            // What a program wrote is for information alone, so an error is an end like any other.
            Ok(0) | Err(_) => self.reader = None,
        }
    }
}
