//! Tests of the windows, in virtual time.

use std::time::Duration;

use tokio::time::{Instant, advance};

use super::QuotaUsage;
use crate::scenario::{CallLimit, ErrorLimit, Quota, WindowKind};

const SECOND: Duration = Duration::from_secs(1);

fn usage(max: u64, kind: WindowKind) -> QuotaUsage {
    let per = 60 * SECOND;
    let quota = Quota {
        calls: vec![CallLimit { max, per, kind }],
        errors: Some(ErrorLimit { max: 2, per }),
        ..Quota::default()
    };
    QuotaUsage::new(quota, Instant::now())
}

fn status(usage: &mut QuotaUsage) -> Result<(), (i64, Duration)> {
    let call = usage.call(Instant::now());
    call.map_err(|exceeded| (exceeded.status, exceeded.wait))
}

#[tokio::test(start_paused = true)]
async fn a_sliding_window_frees_one_call_at_a_time() {
    let mut usage = usage(2, WindowKind::Sliding);
    assert_eq!(status(&mut usage), Ok(()));
    advance(50 * SECOND).await;
    assert_eq!(status(&mut usage), Ok(()));
    assert_eq!(status(&mut usage), Err((-10, 10 * SECOND)));
    advance(10 * SECOND).await;
    assert_eq!(status(&mut usage), Ok(()));
    assert_eq!(status(&mut usage), Err((-10, 50 * SECOND)));
}

#[tokio::test(start_paused = true)]
async fn a_fixed_window_starts_anew() {
    let mut usage = usage(2, WindowKind::Fixed);
    advance(50 * SECOND).await;
    assert_eq!(status(&mut usage), Ok(()));
    assert_eq!(status(&mut usage), Ok(()));
    assert_eq!(status(&mut usage), Err((-10, 10 * SECOND)));
    advance(10 * SECOND).await;
    assert_eq!(status(&mut usage), Ok(()));
    assert_eq!(status(&mut usage), Ok(()));
    assert_eq!(status(&mut usage), Err((-10, 60 * SECOND)));
}

#[tokio::test(start_paused = true)]
async fn errors_close_everything_until_they_are_old() {
    let mut usage = usage(100, WindowKind::Sliding);
    usage.error(Instant::now());
    advance(SECOND).await;
    usage.error(Instant::now());
    assert_eq!(status(&mut usage), Err((-30, 59 * SECOND)));
    advance(59 * SECOND).await;
    assert_eq!(status(&mut usage), Ok(()));
}
