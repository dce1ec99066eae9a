//! Tests of the clock.

use tokio::time;

use super::*;

#[tokio::test(start_paused = true)]
async fn real_time_is_the_systems_and_moves_with_tokios_clock() {
    let before = system_time();
    let clock = real_time();
    let start = clock();
    assert!(start >= before && start <= system_time());
    time::advance(Duration::from_hours(60)).await;
    assert_eq!(until(start, clock()), Duration::from_hours(60));
}

#[test]
fn arithmetic_stays_within_bounds() {
    assert_eq!(later(1, Duration::from_millis(2)), 2001);
    assert_eq!(later(1, Duration::MAX), Micros::MAX);
    assert_eq!(until(5, 7), Duration::from_micros(2));
    assert_eq!(until(7, 5), Duration::ZERO);
    assert_eq!(
        until(Micros::MIN, Micros::MAX),
        Duration::from_micros(i64::MAX as u64)
    );
}

#[test]
#[cfg(target_os = "linux")]
fn the_uptime_grows() {
    let before = uptime().unwrap();
    assert!(before > 0 && uptime().unwrap() >= before);
}
