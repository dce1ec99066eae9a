//! Tests of the run's own limits, and of what it does when no call is allowed.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_run_makes_no_more_calls_than_it_may() {
    let rules = Rules {
        max_calls: Some(2),
        ..Rules::default()
    };
    let limiter = gate_with(limits(&[]), rules, real_time());
    limiter.admit().await.unwrap().give_back().await;
    call(&limiter).await;
    let second = limiter.admit().await.unwrap();
    assert_eq!(paused(limiter.admit().await).reason, Reason::MaxCalls);
    succeed(second).await;
    assert_eq!(paused(limiter.admit().await).reason, Reason::MaxCalls);
    assert_eq!(limiter.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn clients_of_a_run_share_its_maximum() {
    let rules = || Rules {
        max_calls: Some(3),
        ..Rules::default()
    };
    let one = gate_with(limits(&[]), rules(), real_time());
    let rules = Rules {
        call_count: Arc::clone(&one.rules.call_count),
        ..rules()
    };
    let two = gate_with(limits(&[]), rules, real_time());
    call(&one).await;
    call(&two).await;
    two.admit().await.unwrap().give_back().await;
    call(&two).await;
    for limiter in [&one, &two] {
        assert_eq!(paused(limiter.admit().await).reason, Reason::MaxCalls);
    }
    assert_eq!((one.calls(), two.calls()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_run_ends_at_its_deadline_even_if_it_waits_forever() {
    let clock = real_time();
    let start = clock();
    let rules = Rules {
        waiting: Waiting::Forever,
        deadline: Some(later(start, seconds(100))),
        ..Rules::default()
    };
    let limiter = gate_with(limits(&[(1, 60)]), rules, clock);
    call(&limiter).await;
    call(&limiter).await;
    // The third call would only fit after two minutes, so waiting for it makes no sense.
    let pause = paused(limiter.admit().await);
    let expected = Pause {
        resume_at: later(start, seconds(120) + MARGIN * 2),
        reason: Reason::Deadline,
    };
    assert_eq!(pause, expected);
    assert_eq!((limiter.clock)(), later(start, seconds(60) + MARGIN));
    time::sleep(seconds(60)).await;
    assert_eq!(paused(limiter.admit().await).reason, Reason::Deadline);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_a_wait_for_an_answer() {
    let clock = real_time();
    let deadline = later(clock(), seconds(10));
    let rules = Rules {
        deadline: Some(deadline),
        ..Rules::default()
    };
    let limiter = gate_with(limits(&[(1, 60)]), rules, clock);
    let _in_flight = limiter.admit().await.unwrap();
    assert_eq!(paused(limiter.admit().await).reason, Reason::Deadline);
    assert_eq!((limiter.clock)(), deadline);
}

#[tokio::test(start_paused = true)]
async fn a_long_wait_for_a_window_is_a_pause_unless_it_is_to_be_waited_for() {
    let impatient = limiter(&[(1, 3600)]);
    call(&impatient).await;
    let pause = paused(impatient.admit().await);
    assert_eq!(pause.reason, Reason::Calls);
    let wait = until((impatient.clock)(), pause.resume_at);
    assert_eq!(wait, seconds(3600) + MARGIN);

    let limiter = patient(&[(1, 86_400)]);
    call(&limiter).await;
    let start = Instant::now();
    call(&limiter).await;
    assert_eq!(start.elapsed(), seconds(86_400) + MARGIN);
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_a_window_is_told_at_once() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&told);
    let rules = Rules {
        on_wait: Some(Arc::new(move |pause| tell.lock().unwrap().push(pause))),
        ..Rules::default()
    };
    let limiter = gate_with(limits(&[(1, 60)]), rules, real_time());
    call(&limiter).await;
    let expected = Pause {
        resume_at: later((limiter.clock)(), seconds(60) + MARGIN),
        reason: Reason::Calls,
    };
    let waiting = Arc::clone(&limiter);
    let task = tokio::spawn(async move { call(&waiting).await });
    time::sleep(Duration::from_millis(1)).await;
    assert_eq!(*told.lock().unwrap(), [expected]);
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn short_waits_are_waited_for() {
    let limiter = gate_with(with_errors(3, 2), Rules::default(), real_time());
    fail(limiter.admit().await.unwrap()).await;
    time::sleep(seconds(3200)).await;
    assert_eq!(paused(limiter.admit().await).reason, Reason::Errors);
    time::sleep(seconds(301)).await;
    let start = Instant::now();
    call(&limiter).await;
    assert_eq!(start.elapsed(), seconds(99) + MARGIN);
}

#[tokio::test(start_paused = true)]
async fn who_waits_forever_says_so_every_minute() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&told);
    let rules = Rules {
        waiting: Waiting::Forever,
        on_wait: Some(Arc::new(move |pause| tell.lock().unwrap().push(pause))),
        ..Rules::default()
    };
    let limiter = gate_with(with_errors(3, 2), rules, real_time());
    fail(limiter.admit().await.unwrap()).await;
    let expected = Pause {
        resume_at: later((limiter.clock)(), seconds(3600) + MARGIN),
        reason: Reason::Errors,
    };
    let start = Instant::now();
    call(&limiter).await;
    assert_eq!(start.elapsed(), seconds(3600) + MARGIN);
    assert_eq!(*told.lock().unwrap(), vec![expected; 61]);
}

#[tokio::test(start_paused = true)]
async fn what_is_waited_for_is_told() {
    let limiter = limiter(&[(1, 60)]);
    call(&limiter).await;
    let fits = later((limiter.clock)(), seconds(60) + MARGIN);
    let waiting = Arc::clone(&limiter);
    let task = tokio::spawn(async move { call(&waiting).await });
    time::sleep(seconds(1)).await;
    assert_eq!(limiter.queue.waiting(), (1, Some(fits)));
    task.await.unwrap();
    assert_eq!(limiter.queue.waiting(), (0, None));
}

#[tokio::test(start_paused = true)]
async fn after_failures_in_a_row_a_single_call_tries_again() {
    let rules = Rules {
        waiting: Waiting::Forever,
        ..Rules::default()
    };
    let limiter = gate_with(limits(&[]), rules, real_time());
    for left in [true, true, false] {
        fail(limiter.admit().await.unwrap()).await;
        assert_eq!(limiter.call_failed().is_none(), left);
    }
    let rest = until((limiter.clock)(), breaker::rest_until((limiter.clock)()));
    assert!(time::timeout(rest / 2, limiter.admit()).await.is_err());
    time::sleep(rest / 2).await;

    let probe = limiter.admit().await.unwrap();
    assert!(time::timeout(seconds(1), limiter.admit()).await.is_err());
    fail(probe).await;
    assert!(time::timeout(rest / 2, limiter.admit()).await.is_err());
    time::sleep(rest / 2).await;

    let probe = limiter.admit().await.unwrap();
    probe.settle(Class::BadRequest, Some(400), reason()).await;
    let _all = (
        limiter.admit().await.unwrap(),
        limiter.admit().await.unwrap(),
    );
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_not_carried_out_leaves_the_try_to_another() {
    let limiter = limiter(&[]);
    for _ in 0..3 {
        limiter.call_failed();
    }
    time::sleep(seconds(300)).await;
    limiter.admit().await.unwrap().give_back().await;
    drop(limiter.admit().await.unwrap());
    call(&limiter).await;
    call(&limiter).await;
}

#[tokio::test(start_paused = true)]
async fn failures_in_a_row_are_a_pause() {
    let limiter = limiter(&[]);
    for _ in 0..2 {
        assert_eq!(limiter.call_failed(), None);
    }
    let pause = limiter.call_failed().unwrap();
    assert_eq!(pause.reason, Reason::Failures);
    assert_eq!(until((limiter.clock)(), pause.resume_at), seconds(300));
    assert_eq!(paused(limiter.admit().await), pause);
}

#[tokio::test(start_paused = true)]
async fn a_wait_of_exactly_the_longest_allowed_length_is_made() {
    for (longer_than, waits) in [(seconds(60) + MARGIN, true), (seconds(60), false)] {
        let rules = Rules {
            waiting: Waiting::Pause { longer_than },
            ..Rules::default()
        };
        let limiter = gate_with(limits(&[(1, 60)]), rules, real_time());
        call(&limiter).await;
        assert_eq!(limiter.admit().await.is_ok(), waits, "{longer_than:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_kept_connection_that_broke_says_nothing_about_the_service() {
    let limiter = limiter(&[]);
    for _ in 0..2 {
        assert_eq!(limiter.call_failed(), None);
    }
    let permit = limiter.admit().await.unwrap();
    permit.settle(Class::Stale, None, reason()).await;
    assert_eq!(limiter.call_failed().unwrap().reason, Reason::Failures);
}
