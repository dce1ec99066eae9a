//! Uses the journal from async code.

use std::{convert::Infallible, sync::Arc};

use fortilake_state::{Journal, Record, Records};
use tokio::sync::mpsc;

use crate::{Error, Result, error::Kind};

/// Runs `work` on a thread for blocking operations.
///
/// A journal reads a file, and waits for the disk when records arrive faster than it can write them.
/// On an async worker thread, that would delay the responses to other calls.
///
/// # Cancellation
///
/// If the future is dropped, `work` is done nevertheless.
pub(crate) async fn with_journal<T: Send + 'static>(
    journal: &Arc<dyn Journal>,
    work: impl FnOnce(&Arc<dyn Journal>) -> Result<T> + Send + 'static,
) -> Result<T> {
    let journal = journal.clone();
    let done = tokio::task::spawn_blocking(move || work(&journal)).await;
    done.map_err(|error| {
        Error::new(Kind::Unforeseen, "the task that uses the journal panicked").with_source(error)
    })?
}

/// Waits until the journal is durable.
pub(crate) async fn flush(journal: &Arc<dyn Journal>) -> Result<()> {
    with_journal(journal, |journal| journal.flush().map_err(Error::state)).await
}

/// A journal, and a future that ends once nothing uses that journal any more.
///
/// A task that reads the journal goes on if the crawl stops waiting for it. The caller can open the
/// crawl again only when that task has ended.
pub(crate) fn watched(journal: Arc<dyn Journal>) -> (Arc<dyn Journal>, impl Future<Output = ()>) {
    let (user, mut users) = mpsc::channel(1);
    let watched = Watched {
        journal,
        _user: user,
    };
    let unused = async move {
        // Nothing is ever sent. Receiving ends when the journal is dropped.
        users.recv().await;
    };
    (Arc::new(watched), unused)
}

struct Watched {
    journal: Arc<dyn Journal>,
    _user: mpsc::Sender<Infallible>,
}

impl Journal for Watched {
    fn append(&self, key: &str, record: Record) -> fortilake_state::Result<()> {
        self.journal.append(key, record)
    }

    fn flush(&self) -> fortilake_state::Result<()> {
        self.journal.flush()
    }

    fn read(&self, key: &str) -> fortilake_state::Result<Option<Record>> {
        self.journal.read(key)
    }

    fn records(&self) -> fortilake_state::Result<Records<'_>> {
        self.journal.records()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::poll_fn,
        pin::{Pin, pin},
        task::Poll,
    };

    use fortilake_state::MemoryJournal;
    use tokio::{sync::oneshot, task::spawn_blocking};

    use super::*;

    async fn is_pending(mut future: Pin<&mut impl Future>) -> bool {
        poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_pending())).await
    }

    #[tokio::test]
    async fn a_journal_is_unused_only_when_the_last_task_has_ended() {
        let (journal, unused) = watched(Arc::new(MemoryJournal::default()));
        let mut unused = pin!(unused);
        let (release, released) = oneshot::channel::<()>();
        let user = journal.clone();
        let task = spawn_blocking(move || {
            released.blocking_recv().unwrap();
            drop(user);
        });
        drop(journal);
        assert!(is_pending(unused.as_mut()).await);
        release.send(()).unwrap();
        unused.await;
        task.await.unwrap();
    }
}
