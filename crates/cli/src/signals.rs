//! Ctrl-C, SIGTERM and SIGHUP: the first asks, the second insists.

use tokio::{
    sync::{oneshot, watch},
    task::JoinHandle,
};

use crate::console::Console;

/// A watch for signals; they are listened to from its beginning on without a gap.
pub(crate) struct Watch {
    /// Turns true at the first signal.
    pub(crate) stop: watch::Receiver<bool>,
    task: JoinHandle<()>,
}

impl Watch {
    /// From here on the first signal asks for an end, and the second one insists.
    ///
    /// It begins before anything is held or written, so that no signal finds the system's way.
    pub(crate) fn begin(console: Console) -> (Self, Insistence) {
        let (sender, stop) = watch::channel(false);
        let (insist, insistence) = oneshot::channel();
        let mut signals = Signals::new();
        let task = tokio::spawn(async move {
            signals.next().await;
            console.note("stopping; once more to stop at once\n");
            // The crawl may have ended in this very moment.
            let _ = sender.send(true);
            signals.next().await;
            let _ = insist.send(());
        });
        (Self { stop, task }, Insistence(insistence))
    }

    /// Stops listening. Signals are ignored from then on, because only a moment's work is left.
    pub(crate) fn end(self) {
        self.task.abort();
    }
}

/// The second signal.
pub(crate) struct Insistence(oneshot::Receiver<()>);

impl Insistence {
    /// Waits for it, forever if need be.
    pub(crate) async fn wait(self) {
        if self.0.await.is_err() {
            // Nobody listens any more.
            std::future::pending::<()>().await;
        }
    }
}

/// The signals that ask for an end; those that cannot be listened to still work the system's way.
#[cfg(unix)]
struct Signals {
    interrupt: Option<tokio::signal::unix::Signal>,
    terminate: Option<tokio::signal::unix::Signal>,
    hangup: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    fn new() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        Self {
            interrupt: signal(SignalKind::interrupt()).ok(),
            terminate: signal(SignalKind::terminate()).ok(),
            hangup: signal(SignalKind::hangup()).ok(),
        }
    }

    async fn next(&mut self) {
        tokio::select! {
            () = received(&mut self.interrupt) => {}
            () = received(&mut self.terminate) => {}
            () = received(&mut self.hangup) => {}
        }
    }
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

    async fn next(&mut self) {
        match &mut self.0 {
            Some(signal) => drop(signal.recv().await),
            None => std::future::pending().await,
        }
    }
}
