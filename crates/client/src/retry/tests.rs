//! Tests of retry decisions.

use super::*;

const WAIT: Duration = Duration::from_mins(1);

fn trial(class: Class) -> Trial {
    Trial {
        class,
        stage: Stage::Call,
        repeat: Repeat::Harmless,
        token: TokenState::Young,
        wait: WAIT,
    }
}

/// What comes of these failures, one after the other.
fn run<const N: usize>(retries: &Retries, trials: [Trial; N]) -> [Next; N] {
    let jitter = Jitter::seeded(1);
    let mut retry = Retry::new(retries, &jitter);
    trials.map(|trial| retry.next(trial))
}

#[test]
fn transient_failures_are_tried_three_times() {
    let retries = Retries::default();
    let [first, second, third] = run(&retries, [trial(Class::Transient); 3]);
    assert!(
        matches!(first, Next::Pause(pause) if pause <= retries.first_pause),
        "{first:?}"
    );
    assert!(
        matches!(second, Next::Pause(pause) if pause <= retries.first_pause * 2),
        "{second:?}"
    );
    assert_eq!(third, Next::GiveUp);
}

#[test]
fn failed_sign_ins_are_counted_for_themselves() {
    let call = trial(Class::Transient);
    let sign_in = Trial {
        stage: Stage::SignIn,
        ..call
    };
    let nexts = run(&Retries::default(), [sign_in, sign_in, call, call]);
    assert!(
        nexts.iter().all(|next| matches!(next, Next::Pause(_))),
        "{nexts:?}"
    );
    let [.., last] = run(&Retries::default(), [call, sign_in, sign_in, sign_in]);
    assert_eq!(last, Next::GiveUp);
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
    let retries = Retries {
        attempts: u32::MAX,
        first_pause: Duration::from_secs(1),
        longest_pause: Duration::from_secs(30),
        patience: Duration::from_mins(10),
    };
    let jitter = Jitter::seeded(3);
    let mut retry = Retry::new(&retries, &jitter);
    let mut paused = Duration::ZERO;
    let mut longest = Duration::ZERO;
    while let Next::Pause(pause) = retry.next(trial(Class::Transient)) {
        paused += pause;
        longest = longest.max(pause);
    }
    assert!(paused <= retries.patience && paused + retries.longest_pause > retries.patience);
    assert!(longest <= retries.longest_pause && longest > retries.longest_pause / 2);
}

#[test]
fn throttling_waits_as_told_three_times() {
    let throttled = trial(Class::Throttled);
    let [first, second, third] = run(&Retries::default(), [throttled; 3]);
    assert_eq!(
        (first, second, third),
        (Next::Close(WAIT), Next::Close(WAIT), Next::Suspend(WAIT))
    );
}

#[test]
fn nobody_waits_longer_than_patience() {
    let long = Duration::from_mins(6);
    let [next] = run(
        &Retries::default(),
        [Trial {
            wait: long,
            ..trial(Class::Throttled)
        }],
    );
    assert_eq!(next, Next::Suspend(long));
}

#[test]
fn the_limits_of_an_hour_end_everything() {
    for class in [Class::HourlyLimit, Class::ErrorLimit] {
        let [next] = run(&Retries::default(), [trial(class)]);
        assert_eq!(next, Next::Suspend(WAIT));
    }
}

#[test]
fn a_new_token_is_tried_once() {
    let [first, second] = run(&Retries::default(), [trial(Class::Token); 2]);
    assert_eq!((first, second), (Next::SignIn, Next::GiveUp));
    let mixed = [
        trial(Class::Token),
        trial(Class::Transient),
        trial(Class::Token),
    ];
    let [.., last] = run(&Retries::default(), mixed);
    assert_eq!(last, Next::GiveUp);
    let [next] = run(
        &Retries::default(),
        [Trial {
            token: TokenState::None,
            ..trial(Class::Token)
        }],
    );
    assert_eq!(next, Next::GiveUp);
}

#[test]
fn denied_access_is_tried_again_with_an_old_token_alone() {
    let old = Trial {
        token: TokenState::Old,
        ..trial(Class::Access)
    };
    let [first, second] = run(&Retries::default(), [old; 2]);
    assert_eq!((first, second), (Next::SignIn, Next::GiveUp));
    let [next] = run(&Retries::default(), [trial(Class::Access)]);
    assert_eq!(next, Next::GiveUp);
}

#[test]
fn what_is_wrong_stays_wrong() {
    for class in [Class::BadRequest, Class::NotPossible, Class::Unexpected] {
        assert_eq!(run(&Retries::default(), [trial(class)]), [Next::GiveUp]);
    }
}

#[test]
fn writes_are_never_repeated() {
    for class in [Class::Transient, Class::Token, Class::Access] {
        let write = Trial {
            repeat: Repeat::Never,
            token: TokenState::Old,
            ..trial(class)
        };
        assert_eq!(
            run(&Retries::default(), [write]),
            [Next::GiveUp],
            "{class:?}"
        );
    }
    let write = Trial {
        repeat: Repeat::Never,
        ..trial(Class::Throttled)
    };
    assert_eq!(run(&Retries::default(), [write]), [Next::Suspend(WAIT)]);
}
