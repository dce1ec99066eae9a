//! Tests of running jobs at the same time.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
    mpsc,
};

use super::*;

#[tokio::test]
async fn results_come_in_order_even_if_a_later_job_ends_first() {
    let (ended, has_ended) = mpsc::channel();
    let first: Job<_> = Box::new(move || has_ended.recv().unwrap());
    let second: Job<_> = Box::new(move || {
        ended.send(1).unwrap();
        2
    });
    let mut jobs = InOrder::at_once([first, second], 2);
    assert_eq!(jobs.next().await.unwrap(), Some(1));
    assert_eq!(jobs.next().await.unwrap(), Some(2));
    assert_eq!(jobs.next().await.unwrap(), None);
}

#[tokio::test]
async fn only_a_few_jobs_are_started_ahead() {
    let started = Arc::new(AtomicUsize::new(0));
    let count = started.clone();
    let jobs = (0..100).map(move |job| {
        count.fetch_add(1, Ordering::Relaxed);
        move || job
    });
    let mut jobs = InOrder::at_once(jobs, 3);
    for job in 0..100 {
        assert_eq!(jobs.next().await.unwrap(), Some(job));
        assert!(started.load(Ordering::Relaxed) <= job + 3);
    }
    assert_eq!(jobs.next().await.unwrap(), None);
}

#[tokio::test]
async fn a_job_that_panics_is_an_error() {
    let job: Job<()> = Box::new(|| panic!("expected by the test"));
    let mut jobs = InOrder::at_once([job], 2);
    let error = jobs.next().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unforeseen);
}
