//! Tests of the windows, in virtual time.

use std::time::Duration;

use tokio::time::{Instant, advance};

use super::Ledger;
use crate::scenario::{CallLimit, ErrorLimit, Quota, WindowKind};

const SECOND: Duration = Duration::from_secs(1);

fn ledger(max: u64, kind: WindowKind) -> Ledger {
    let per = 60 * SECOND;
    let quota = Quota {
        calls: vec![CallLimit { max, per, kind }],
        errors: Some(ErrorLimit { max: 2, per }),
        ..Quota::default()
    };
    Ledger::new(quota, Instant::now())
}

fn status(ledger: &mut Ledger) -> Result<(), (i64, Duration)> {
    let call = ledger.call(Instant::now());
    call.map_err(|breach| (breach.status, breach.wait))
}

#[tokio::test(start_paused = true)]
async fn a_sliding_window_frees_one_call_at_a_time() {
    let mut ledger = ledger(2, WindowKind::Sliding);
    assert_eq!(status(&mut ledger), Ok(()));
    advance(50 * SECOND).await;
    assert_eq!(status(&mut ledger), Ok(()));
    assert_eq!(status(&mut ledger), Err((-10, 10 * SECOND)));
    advance(10 * SECOND).await;
    assert_eq!(status(&mut ledger), Ok(()));
    assert_eq!(status(&mut ledger), Err((-10, 50 * SECOND)));
}

#[tokio::test(start_paused = true)]
async fn a_fixed_window_starts_anew() {
    let mut ledger = ledger(2, WindowKind::Fixed);
    advance(50 * SECOND).await;
    assert_eq!(status(&mut ledger), Ok(()));
    assert_eq!(status(&mut ledger), Ok(()));
    assert_eq!(status(&mut ledger), Err((-10, 10 * SECOND)));
    advance(10 * SECOND).await;
    assert_eq!(status(&mut ledger), Ok(()));
    assert_eq!(status(&mut ledger), Ok(()));
    assert_eq!(status(&mut ledger), Err((-10, 60 * SECOND)));
}

#[tokio::test(start_paused = true)]
async fn errors_close_everything_until_they_are_old() {
    let mut ledger = ledger(100, WindowKind::Sliding);
    ledger.error(Instant::now());
    advance(SECOND).await;
    ledger.error(Instant::now());
    assert_eq!(status(&mut ledger), Err((-30, 59 * SECOND)));
    advance(59 * SECOND).await;
    assert_eq!(status(&mut ledger), Ok(()));
}
