//! Ctrl-C, SIGTERM and SIGHUP: the first one stops gracefully, a second Ctrl-C immediately.

use std::time::Duration;

use tokio::{
    sync::{oneshot, watch},
    task::JoinHandle,
    time,
};

use crate::console::Console;

/// How long a process may take to stop after SIGTERM or SIGHUP, unless the configuration says
/// otherwise.
///
/// Service managers and containers kill a process about ten seconds after they have asked it to
/// stop.
pub(crate) const STOP_TIMEOUT: Duration = Duration::from_secs(8);

/// Repeated signals within this time count as one: `timeout`, for example, sends its signal to the
/// process and then to the process group.
const SAME_SIGNAL: Duration = Duration::from_secs(1);

/// Listens to signals in the background, from [`begin`](Self::begin) until [`end`](Self::end).
pub(crate) struct SignalHandler {
    /// Turns true at the first signal.
    pub(crate) stop: watch::Receiver<bool>,
    task: JoinHandle<()>,
}

/// Why a run is ended without waiting for what is in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ForcedStop {
    /// A second signal.
    SecondSignal,
    /// The run did not stop in time after a signal.
    Timeout,
}

impl SignalHandler {
    /// Starts listening. The first signal sets `stop`. A second one completes the [`StopNow`], and
    /// so does the end of `timeout`, if the first one was not Ctrl-C: there is a person who can
    /// press it again.
    ///
    /// This must happen before locks are taken or files are written. A signal before it kills the
    /// process in the system's default way, without any cleaning up.
    pub(crate) fn begin(console: Console, timeout: Duration) -> (Self, StopNow) {
        let (sender, stop) = watch::channel(false);
        let (force, forced) = oneshot::channel();
        let mut signals = Signals::new();
        let task = tokio::spawn(async move {
            let first = signals.next().await;
            console.note(match first {
                Signal::Interrupt => "finishing calls in flight; press Ctrl-C again to quit now\n",
                Signal::Other => "finishing calls in flight\n",
            });
            // The receiver is gone if the crawl ended at this very moment.
            let _ = sender.send(true);
            let received = time::Instant::now();
            let again = async {
                while signals.next().await == Signal::Other && received.elapsed() < SAME_SIGNAL {}
            };
            let reason = match first {
                Signal::Interrupt => {
                    again.await;
                    ForcedStop::SecondSignal
                }
                Signal::Other => match time::timeout(timeout, again).await {
                    Ok(()) => ForcedStop::SecondSignal,
                    Err(_) => ForcedStop::Timeout,
                },
            };
            let _ = force.send(reason);
        });
        (Self { stop, task }, StopNow(forced))
    }

    /// Stops listening. Signals are ignored from then on, because only a moment's work is left.
    pub(crate) fn end(self) {
        self.task.abort();
    }
}

/// Completes when a run has to end at once.
pub(crate) struct StopNow(oneshot::Receiver<ForcedStop>);

impl StopNow {
    /// Waits for the reason to end at once, forever if the handler has ended.
    pub(crate) async fn wait(self) -> ForcedStop {
        match self.0.await {
            Ok(reason) => reason,
            // The handler was ended, so no further signal counts.
            Err(_) => std::future::pending().await,
        }
    }
}

/// Which signal came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// SIGTERM or SIGHUP.
    Other,
}

/// The signals that stop a run. A signal without a handler keeps the system's default effect.
#[cfg(unix)]
struct Signals {
    interrupt: Option<tokio::signal::unix::Signal>,
    terminate: Option<tokio::signal::unix::Signal>,
    hangup: Option<tokio::signal::unix::Signal>,
    /// Kept so that a write beyond the limit of file sizes is an error instead of the silent end of
    /// the process.
    _file_size: Option<tokio::signal::unix::Signal>,
}

/// SIGXFSZ has this number on Linux and on macOS; no library that we use names it.
#[cfg(unix)]
const FILE_SIZE: i32 = 25;

#[cfg(unix)]
impl Signals {
    fn new() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let ignored = ignored();
        // A signal that is ignored at the start stays ignored: `nohup` and shells rely on that.
        let listen = |kind: SignalKind| {
            let is_ignored = ignored & (1 << (kind.as_raw_value() - 1)) != 0;
            (!is_ignored).then(|| signal(kind).ok()).flatten()
        };
        Self {
            interrupt: listen(SignalKind::interrupt()),
            terminate: listen(SignalKind::terminate()),
            hangup: listen(SignalKind::hangup()),
            _file_size: listen(SignalKind::from_raw(FILE_SIZE)),
        }
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            () = received(&mut self.interrupt) => Signal::Interrupt,
            () = received(&mut self.terminate) => Signal::Other,
            () = received(&mut self.hangup) => Signal::Other,
        }
    }
}

/// The signals that this process ignores, as a bit mask. Only Linux tells without unsafe code; on
/// other systems none counts as ignored.
#[cfg(unix)]
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.unwrap_or(0)
}

#[cfg(unix)]
async fn received(signal: &mut Option<tokio::signal::unix::Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

/// Ctrl-C. Without a handler it keeps the system's default effect.
#[cfg(windows)]
struct Signals(Option<tokio::signal::windows::CtrlC>);

#[cfg(windows)]
impl Signals {
    fn new() -> Self {
        Self(tokio::signal::windows::ctrl_c().ok())
    }

    async fn next(&mut self) -> Signal {
        match &mut self.0 {
            Some(signal) => drop(signal.recv().await),
            None => std::future::pending().await,
        }
        Signal::Interrupt
    }
}
