//! Tests of retry decisions.

use super::*;

const WAIT: Duration = Duration::from_mins(1);

fn trial(class: Class) -> FailedTry {
    FailedTry {
        class,
        stage: TryStage::Call,
        repeat: Repeat::Harmless,
        token: TokenState::Current,
        wait: if class == Class::Transient {
            Duration::ZERO
        } else {
            WAIT
        },
    }
}

/// Returns the decisions after these failures, in order.
fn run<const N: usize>(retries: &RetryPolicy, trials: [FailedTry; N]) -> [RetryDecision; N] {
    let jitter = Jitter::seeded(1);
    let mut retry = RetryState::new(retries, &jitter);
    trials.map(|trial| retry.next(trial))
}

#[test]
fn transient_failures_are_tried_three_times() {
    let retries = RetryPolicy::default();
    let [first, second, third] = run(&retries, [trial(Class::Transient); 3]);
    assert!(
        matches!(first, RetryDecision::Pause(pause) if pause <= retries.first_pause),
        "{first:?}"
    );
    assert!(
        matches!(second, RetryDecision::Pause(pause) if pause <= retries.first_pause * 2),
        "{second:?}"
    );
    assert_eq!(third, RetryDecision::GiveUp);
}

#[test]
fn failed_sign_ins_are_counted_for_themselves() {
    let call = trial(Class::Transient);
    let sign_in = FailedTry {
        stage: TryStage::SignIn,
        ..call
    };
    let nexts = run(&RetryPolicy::default(), [sign_in, sign_in, call, call]);
    assert!(
        nexts
            .iter()
            .all(|next| matches!(next, RetryDecision::Pause(_))),
        "{nexts:?}"
    );
    let [.., last] = run(&RetryPolicy::default(), [call, sign_in, sign_in, sign_in]);
    assert_eq!(last, RetryDecision::GiveUp);
}

#[test]
fn pauses_use_the_whole_range() {
    let jitter = Jitter::seeded(7);
    let longest = Duration::from_secs(8);
    let pauses: Vec<_> = (0..1000).map(|_| jitter.up_to(longest)).collect();
    for eighth in 0..8 {
        let range = Duration::from_secs(eighth)..Duration::from_secs(eighth + 1);
        let count = pauses.iter().filter(|pause| range.contains(pause)).count();
        assert!((80..180).contains(&count), "{count} pauses in {range:?}");
    }
    assert!(pauses.iter().all(|pause| *pause <= longest));
    let again = Jitter::seeded(7);
    assert!(pauses.iter().all(|pause| *pause == again.up_to(longest)));
}

#[test]
fn pauses_grow_up_to_the_longest_and_end_with_patience() {
    let retries = RetryPolicy {
        attempts: u32::MAX,
        first_pause: Duration::from_secs(1),
        longest_pause: Duration::from_secs(30),
        patience: Duration::from_mins(10),
    };
    let jitter = Jitter::seeded(3);
    let mut retry = RetryState::new(&retries, &jitter);
    let mut paused = Duration::ZERO;
    let mut longest = Duration::ZERO;
    while let RetryDecision::Pause(pause) = retry.next(trial(Class::Transient)) {
        paused += pause;
        longest = longest.max(pause);
    }
    assert!(paused <= retries.patience && paused + retries.longest_pause > retries.patience);
    assert!(longest <= retries.longest_pause && longest > retries.longest_pause / 2);
}

#[test]
fn throttling_waits_as_told_three_times() {
    let throttled = trial(Class::Throttled);
    let [first, second, third] = run(&RetryPolicy::default(), [throttled; 3]);
    assert_eq!(
        (first, second, third),
        (
            RetryDecision::Close(WAIT),
            RetryDecision::Close(WAIT),
            RetryDecision::Suspend(WAIT)
        )
    );
}

#[test]
fn a_single_try_that_is_throttled_is_not_repeated() {
    let (retries, jitter) = (RetryPolicy::default(), Jitter::seeded(1));
    let mut retry = RetryState::once(&retries, &jitter);
    let call = trial(Class::Throttled);
    let sign_in = FailedTry {
        stage: TryStage::SignIn,
        ..call
    };
    assert_eq!(retry.next(sign_in), RetryDecision::Close(WAIT));
    assert_eq!(retry.next(call), RetryDecision::HoldBack(WAIT));
}

#[test]
fn a_single_try_signs_in_once() {
    let (retries, jitter) = (RetryPolicy::default(), Jitter::seeded(1));
    let mut retry = RetryState::once(&retries, &jitter);
    let sign_in = FailedTry {
        stage: TryStage::SignIn,
        ..trial(Class::Transient)
    };
    assert_eq!(retry.next(sign_in), RetryDecision::GiveUp);
}

#[test]
fn nobody_waits_longer_than_patience() {
    let long = Duration::from_mins(6);
    let [next] = run(
        &RetryPolicy::default(),
        [FailedTry {
            wait: long,
            ..trial(Class::Throttled)
        }],
    );
    assert_eq!(next, RetryDecision::Suspend(long));
}

#[test]
fn the_limits_of_an_hour_end_everything() {
    for class in [Class::HourlyLimit, Class::ErrorLimit] {
        let [next] = run(&RetryPolicy::default(), [trial(class)]);
        assert_eq!(next, RetryDecision::Suspend(WAIT));
    }
}

#[test]
fn three_new_tokens_are_tried() {
    let [first, second, third, last] = run(&RetryPolicy::default(), [trial(Class::Token); 4]);
    assert_eq!(
        (first, second, third),
        (
            RetryDecision::SignIn,
            RetryDecision::SignIn,
            RetryDecision::SignIn
        )
    );
    assert_eq!(last, RetryDecision::GiveUp);
    let [next] = run(
        &RetryPolicy::default(),
        [FailedTry {
            token: TokenState::None,
            ..trial(Class::Token)
        }],
    );
    assert_eq!(next, RetryDecision::GiveUp);
}

#[test]
fn denied_access_is_tried_again_with_an_old_token_alone() {
    let old = FailedTry {
        token: TokenState::MaybeStale,
        ..trial(Class::Access)
    };
    let [first, second] = run(&RetryPolicy::default(), [old; 2]);
    assert_eq!(
        (first, second),
        (RetryDecision::SignIn, RetryDecision::GiveUp)
    );
    let [next] = run(&RetryPolicy::default(), [trial(Class::Access)]);
    assert_eq!(next, RetryDecision::GiveUp);
}

#[test]
fn what_is_wrong_stays_wrong() {
    for class in [Class::BadRequest, Class::NotPossible, Class::Unexpected] {
        assert_eq!(
            run(&RetryPolicy::default(), [trial(class)]),
            [RetryDecision::GiveUp]
        );
    }
}

#[test]
fn a_write_that_may_have_been_done_is_never_repeated() {
    for class in [Class::Transient, Class::Stale] {
        let write = FailedTry {
            repeat: Repeat::Never,
            token: TokenState::MaybeStale,
            ..trial(class)
        };
        assert_eq!(
            run(&RetryPolicy::default(), [write]),
            [RetryDecision::GiveUp],
            "{class:?}"
        );
    }
    let write = |class| FailedTry {
        repeat: Repeat::Never,
        ..trial(class)
    };
    let throttled = write(Class::Throttled);
    assert_eq!(
        run(&RetryPolicy::default(), [throttled]),
        [RetryDecision::Suspend(WAIT)]
    );
    // A refusal proves that nothing was done.
    let [first, second] = run(&RetryPolicy::default(), [write(Class::Token); 2]);
    assert_eq!(
        (first, second),
        (RetryDecision::SignIn, RetryDecision::GiveUp)
    );
}
