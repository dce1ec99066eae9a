//! A running program. It is killed when its [`Process`] is dropped.

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

/// How many of the last bytes of a program's output are kept.
const KEPT: usize = 4096;

/// How long to wait for the end of a pipe after the program has exited.
///
/// Processes that the program left running in the background can hold its pipes open forever.
const PIPE_GRACE: Duration = Duration::from_secs(1);

/// A running program, with all processes that it has started.
pub(crate) struct Process {
    child: Child,
    output: Pipe<ChildStdout>,
    errors: Pipe<ChildStderr>,
}

/// How a program ended.
pub(crate) struct Finished {
    /// Its exit status; `None` if it was killed at its timeout.
    pub(crate) status: Option<ExitStatus>,
    /// The last bytes that it wrote to standard error.
    errors: Vec<u8>,
}

impl Process {
    /// Starts `command`, whose standard input the caller has set.
    pub(crate) fn start(mut command: Command) -> io::Result<Self> {
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Also makes the runtime reap the killed process, so that no zombie stays.
            .kill_on_drop(true);
        // A process group of its own can be killed as a whole. It also keeps Ctrl-C at the terminal away from the
        // program: the first Ctrl-C only asks fortilake to finish, and the program must be able to complete its table.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn()?;
        Ok(Self {
            output: Pipe::new("stdout", child.stdout.take()),
            errors: Pipe::new("stderr", child.stderr.take()),
            child,
        })
    }

    /// Waits until the program has exited, and kills it after `limit`.
    pub(crate) async fn wait(&mut self, table: &str, limit: Duration) -> io::Result<Finished> {
        let status = self.watch(table, limit).await?;
        if status.is_none() {
            self.kill();
            self.child.wait().await?;
        }
        // The rest of standard error is only needed to explain a failure.
        if !status.is_some_and(|status| status.success()) {
            self.read_rest(table).await;
        }
        Ok(Finished {
            status,
            errors: std::mem::take(&mut self.errors.tail),
        })
    }

    /// Waits for the exit status; `None` after `limit`. Reads the pipes meanwhile, so that the program never blocks
    /// on a full one.
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

    /// Reads the rest of standard error after the program has exited.
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

    /// Kills the program and all processes that it has started. Does nothing if its exit was already seen.
    fn kill(&mut self) {
        // `id` is `None` once the exit was seen. Until then, the system does not reuse the process id, so this cannot
        // kill the wrong process.
        #[cfg(unix)]
        if let Some(number) = self.child.id()
            && let Some(group) = i32::try_from(number)
                .ok()
                .and_then(rustix::process::Pid::from_raw)
        {
            // This fails if all processes of the group have already exited.
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

impl Finished {
    /// The last lines that it wrote to standard error; `None` if it wrote nothing.
    pub(crate) fn last_lines(&self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.errors);
        // If the output was longer than what is kept, its first line may be cut off, so it is left out.
        let text = match text.split_once('\n') {
            Some((_, rest)) if self.errors.len() == KEPT => rest,
            _ => &text,
        };
        // Control characters are removed, because the text is printed and its origin is unknown.
        let is_shown = |char: &char| matches!(char, '\n' | '\t') || !char.is_control();
        let text: String = text.chars().filter(is_shown).collect();
        let text = text.trim_end();
        (!text.is_empty()).then(|| text.to_owned())
    }
}

/// One of the pipes that a program writes to, and the last bytes that it wrote.
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

    /// Waits for more output, or for the end of the pipe.
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
            // The output is only informational, so a read error is treated like the end of the pipe.
            Ok(0) | Err(_) => self.reader = None,
        }
    }
}
