//! Ctrl-C and SIGTERM: the first asks, the second insists.

use tokio::{sync::watch, task::JoinHandle};

use crate::{console::Console, exit::Code};

/// Sends `true` to `stop` at the first signal and ends the process at the second.
pub(crate) fn watch(stop: watch::Sender<bool>, console: Console) -> JoinHandle<()> {
    tokio::spawn(async move {
        signal().await;
        console.note("stopping; once more to stop at once\n");
        // The crawl may have ended in this very moment.
        let _ = stop.send(true);
        signal().await;
        #[expect(clippy::exit, reason = "whoever asks twice wants it now")]
        std::process::exit(Code::Interrupted as i32);
    })
}

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return interrupt().await;
    };
    tokio::select! {
        () = interrupt() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(not(unix))]
async fn signal() {
    interrupt().await;
}

async fn interrupt() {
    if tokio::signal::ctrl_c().await.is_err() {
        // Without a handler the system's own way to interrupt still works.
        std::future::pending::<()>().await;
    }
}
