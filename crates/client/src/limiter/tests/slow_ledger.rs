//! Tests with a ledger that takes its time, like one in a busy file or behind a network.

use async_trait::async_trait;

use super::*;
use crate::ledger::{Reservation, Ticket};

/// A ledger whose answers to `reserve` and `settle` arrive this much after they took effect.
struct SlowLedger(MemoryLedger, Duration);

#[async_trait]
impl Ledger for SlowLedger {
    async fn reserve(&self, user: &str, limits: &Limits) -> Result<Reservation> {
        let answer = self.0.reserve(user, limits).await;
        time::sleep(self.1).await;
        answer
    }

    async fn settle(
        &self,
        ticket: Ticket,
        outcome: CallOutcome,
        reason: Option<&ErrorReason>,
    ) -> Result<()> {
        time::sleep(self.1).await;
        self.0.settle(ticket, outcome, reason).await
    }

    async fn close(&self, user: &str, wait: Duration) -> Result<()> {
        self.0.close(user, wait).await
    }

    async fn usage(&self, user: &str, limits: &Limits) -> Result<LedgerUsage> {
        self.0.usage(user, limits).await
    }
}

/// A limiter whose ledger answers after a second.
fn slow(limits: Limits) -> CallLimiter {
    let limiter = gate_with(limits, Rules::default(), real_time());
    CallLimiter {
        ledger: Arc::new(SlowLedger(MemoryLedger::new(), seconds(1))),
        ..Arc::into_inner(limiter).unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_during_a_reservation_leaves_no_place_taken() {
    let limiter = slow(limits(&[(1, 60)]));
    let half = Duration::from_millis(500);
    assert!(time::timeout(half, limiter.admit()).await.is_err());
    assert_eq!(limiter.usage().await.unwrap().in_flight, 1);
    time::sleep(seconds(2)).await;
    let usage = limiter.usage().await.unwrap();
    assert_eq!((usage.in_flight, usage.calls), (0, vec![0]));
    assert_eq!(limiter.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_call_is_settled_even_if_its_caller_does_not_wait_for_that() {
    let limiter = slow(with_errors(10, 2));
    let permit = limiter.admit().await.unwrap();
    let settling = permit.settle(Class::Transient, None, reason());
    let half = Duration::from_millis(500);
    assert!(time::timeout(half, settling).await.is_err());
    time::sleep(seconds(1)).await;
    let usage = limiter.usage().await.unwrap();
    assert_eq!((usage.in_flight, usage.errors), (0, 1));
    assert_eq!(usage.last_errors[0].reason, reason());
}

#[tokio::test(start_paused = true)]
async fn a_stop_during_a_reservation_stops_the_call() {
    let limiter = slow(limits(&[(1, 60)]));
    let stop = async {
        time::sleep(Duration::from_millis(500)).await;
        limiter.stop();
    };
    let (admitted, ()) = tokio::join!(limiter.admit(), stop);
    assert_eq!(paused(admitted).reason, Reason::Stopped);
    time::sleep(seconds(2)).await;
    assert_eq!(limiter.usage().await.unwrap().calls, [0]);
}

#[tokio::test(start_paused = true)]
async fn the_next_call_asks_once_the_answer_before_is_recorded() {
    let limiter = slow(with_errors(3, 2));
    let first = limiter.admit().await.unwrap();
    let start = Instant::now();
    let settling = async {
        time::sleep(seconds(2)).await;
        succeed(first).await;
    };
    let (second, ()) = tokio::join!(limiter.admit(), settling);
    drop(second.unwrap());
    // It asked at 0 s, and again when the answer was recorded after 3 s. Each question takes 1 s.
    assert_eq!(start.elapsed(), seconds(4));
}
