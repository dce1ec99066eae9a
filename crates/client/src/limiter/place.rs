//! A call's place in the ledger, which is settled even if the caller is dropped.
//!
//! Asking a ledger takes time, and the caller may be dropped meanwhile. If it were dropped while the
//! ledger grants a call, the ticket would be lost, and the place would stay taken until the process
//! ends. The same holds for a caller that is dropped before its call is answered, because `drop`
//! can't wait for a ledger. Therefore each reservation and each settlement runs in a task of its
//! own, which is never canceled. The price is one more task per call, which is small beside an HTTP
//! request.

use std::{sync::Arc, time::Duration};

use tokio::runtime::Handle;

use super::ObstacleKind;
use crate::{
    Error, Reason, Result,
    ledger::{CallOutcome, ErrorReason, Ledger, Limits, Reservation, Spent, Ticket},
    queue::UserQueue,
};

/// The place of one call. A place that is dropped is settled in the background.
pub(super) struct LedgerPlace {
    ledger: Arc<dyn Ledger>,
    /// Woken when the place has been settled.
    queue: Arc<UserQueue>,
    /// `None` once it is settled.
    ticket: Option<Ticket>,
    /// How the call is settled if the place is dropped.
    if_dropped: CallOutcome,
}

impl LedgerPlace {
    /// Reserves a place. If there is none, the inner error says why, and for how long.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped, no place stays taken.
    pub(super) async fn reserve(
        ledger: &Arc<dyn Ledger>,
        queue: &Arc<UserQueue>,
        user: &str,
        limits: &Limits,
    ) -> Result<Result<Self, (Duration, ObstacleKind)>> {
        let (ledger, queue) = (Arc::clone(ledger), Arc::clone(queue));
        let (user, limits) = (user.to_owned(), limits.clone());
        let reserving = tokio::spawn(async move {
            Ok(match ledger.reserve(&user, &limits).await? {
                Reservation::Granted(ticket) => Ok(Self {
                    ledger,
                    queue,
                    ticket: Some(ticket),
                    if_dropped: CallOutcome::Unsent,
                }),
                Reservation::After(wait) => Err((wait, ObstacleKind::Window)),
                Reservation::AfterAnswer(wait) => Err((wait, ObstacleKind::Answer)),
                Reservation::Spent { wait, why } => {
                    let reason = match why {
                        Spent::Errors => Reason::Errors,
                        Spent::Closed => Reason::Closed,
                    };
                    Err((wait, ObstacleKind::Pause(reason)))
                }
            })
        });
        reserving.await.unwrap_or_else(|error| {
            // The ledger panicked, or the runtime is shutting down.
            Err(Error::ledger(error))
        })
    }

    /// Notes that the call is about to be sent. From now on, a dropped place counts as an error,
    /// because the outcome of its call is unknown.
    pub(super) fn send(&mut self) {
        self.if_dropped = CallOutcome::Error;
    }

    /// Settles the call.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped, the call is settled nevertheless.
    pub(super) async fn settle(mut self, outcome: CallOutcome, reason: Option<ErrorReason>) {
        if let Some(ticket) = self.ticket.take() {
            let settling = tokio::spawn(self.settling(ticket, outcome, reason));
            // An error means that the ledger panicked. The place stays taken, as below.
            drop(settling.await);
        }
    }

    /// Returns the work of the task that settles the call.
    fn settling(
        &self,
        ticket: Ticket,
        outcome: CallOutcome,
        reason: Option<ErrorReason>,
    ) -> impl Future<Output = ()> + use<> {
        let (ledger, queue) = (Arc::clone(&self.ledger), Arc::clone(&self.queue));
        async move {
            let settled = ledger.settle(ticket, outcome, reason.as_ref()).await;
            if let Err(error) = settled {
                // The place stays taken, which is the safe side. The next call will report the same
                // error.
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "call not settled in the ledger");
            }
            queue.wake();
        }
    }
}

impl Drop for LedgerPlace {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket.take() else {
            return;
        };
        // Without a runtime, the process is ending. Its call then counts like the calls of a process
        // that has died.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(self.settling(ticket, self.if_dropped, None));
        }
    }
}
