//! Uses the journal from async code.

use std::sync::Arc;

use fortilake_state::Journal;

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
