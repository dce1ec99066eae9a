//! Decides whether and when a failed call is retried.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::{class::Class, tries::TryStage};

/// How many new tokens a read may request after its token was refused.
///
/// Another program of the same user can invalidate a token at any time by signing in, so one is not
/// enough.
const RENEWALS: u32 = 3;

/// How many new tokens a read may request if its tokens had worked for other calls.
///
/// Such a program may sign in again and again, so this is only a limit for a call that is always
/// refused. Its refusals must leave some of the errors of an hour.
const REVOCATIONS: u32 = 6;

/// How many times a call is retried with a token that the API may not know yet.
const SAME_TOKEN: u32 = 3;

/// How failed calls are retried.
#[derive(Debug, Clone)]
pub struct RetryPolicy {
    /// How many times a call is sent at most, and how many times it may be throttled.
    pub attempts: u32,
    /// The longest pause after the first failure. It doubles with each further failure.
    pub first_pause: Duration,
    /// The longest pause after any failure.
    pub longest_pause: Duration,
    /// The maximum sum of all pauses of one call.
    ///
    /// Together with `attempts` and the time limit of an exchange, this bounds how long a call can
    /// take once its turn has come.
    pub patience: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 3,
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(30),
            patience: Duration::from_mins(5),
        }
    }
}

/// The source of randomness for pauses. The same seed gives the same pauses.
#[derive(Debug)]
pub struct Jitter(Mutex<fastrand::Rng>);

impl Jitter {
    /// Creates a reproducible source, for tests and simulations.
    pub fn seeded(seed: u64) -> Self {
        Self(Mutex::new(fastrand::Rng::with_seed(seed)))
    }

    /// Creates a source that differs from process to process.
    pub fn random() -> Self {
        Self(Mutex::new(fastrand::Rng::new()))
    }

    /// Returns a random duration from zero to `longest`.
    pub(crate) fn up_to(&self, longest: Duration) -> Duration {
        let mut generator = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        longest.mul_f64(generator.f64())
    }
}

/// What went wrong in a single try.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FailedTry {
    pub(crate) class: Class,
    pub(crate) stage: TryStage,
    /// Whether sending the call again is harmless.
    pub(crate) repeat: Repeat,
    /// Whether a new token may make a difference.
    pub(crate) token: TokenState,
    /// How long the server asked us to wait; zero if it did not ask.
    pub(crate) wait: Duration,
}

/// Whether sending the call again is harmless.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    Harmless,
    /// No: it is a write that may have been carried out.
    Never,
}

/// What is known about the token that a call was sent with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenState {
    /// It is so new that the API may not know it yet.
    Unproven,
    /// There is no reason to doubt it, but no call has succeeded with it.
    Current,
    /// A call with it has succeeded, so if it is refused as a token, it was revoked.
    Worked,
    /// It is so old that a refusal may be its fault.
    MaybeStale,
    /// The call had none, or its refusal is about something else.
    None,
}

/// What to do after a failed try.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum RetryDecision {
    /// Retry after this pause.
    Pause(Duration),
    /// Retry immediately, on a new connection.
    Reconnect,
    /// Close the limiter for this long, then retry.
    Close(Duration),
    /// Retry with the same token after it has rested.
    SameToken,
    /// Sign in again, then retry.
    SignIn,
    /// Give up this call.
    GiveUp,
    /// Give up this try, and hold back all calls for this long. The caller decides about another try.
    HoldBack(Duration),
    /// Give up this call, and pause all others for this long.
    Suspend(Duration),
}

/// The tries of one call so far.
#[derive(Debug)]
pub(crate) struct RetryState<'a> {
    retries: &'a RetryPolicy,
    jitter: &'a Jitter,
    /// How many times the call itself is tried.
    attempts: u32,
    once: bool,
    /// Failures of the call itself. Failures of its sign-in are not its fault, and are counted
    /// separately.
    failures: u32,
    sign_in_failures: u32,
    throttles: u32,
    paused: Duration,
    reconnected: bool,
    same_token: u32,
    renewals: u32,
}

impl<'a> RetryState<'a> {
    pub(crate) fn new(retries: &'a RetryPolicy, jitter: &'a Jitter) -> Self {
        Self {
            retries,
            jitter,
            attempts: retries.attempts,
            once: false,
            failures: 0,
            sign_in_failures: 0,
            throttles: 0,
            paused: Duration::ZERO,
            reconnected: false,
            same_token: 0,
            renewals: 0,
        }
    }

    /// A single try of a call and of its sign-in. The caller decides about further tries, so tries of
    /// the sign-in in between would multiply with them.
    pub(crate) fn once(retries: &'a RetryPolicy, jitter: &'a Jitter) -> Self {
        Self {
            attempts: 1,
            once: true,
            ..Self::new(retries, jitter)
        }
    }

    /// Whether the call is tried only once.
    pub(crate) fn is_once(&self) -> bool {
        self.once
    }

    pub(crate) fn next(&mut self, trial: FailedTry) -> RetryDecision {
        match trial.class {
            Class::Stale if trial.repeat == Repeat::Harmless && !self.reconnected => {
                self.reconnected = true;
                RetryDecision::Reconnect
            }
            Class::Transient | Class::Stale if trial.repeat == Repeat::Harmless => {
                self.after_failure(trial)
            }
            // Nothing was sent, so retrying is safe even for a write.
            Class::Unreached => self.after_failure(trial),
            Class::Throttled => self.after_throttle(trial),
            Class::HourlyLimit | Class::ErrorLimit => RetryDecision::Suspend(trial.wait),
            Class::Token => match (trial.token, trial.repeat) {
                (TokenState::None, _) => RetryDecision::GiveUp,
                (TokenState::Unproven, _) if self.same_token < SAME_TOKEN => {
                    self.same_token += 1;
                    RetryDecision::SameToken
                }
                (TokenState::Worked, Repeat::Harmless) => self.with_new_token(REVOCATIONS),
                (_, Repeat::Harmless) => self.with_new_token(RENEWALS),
                (_, Repeat::Never) => self.with_new_token(1),
            },
            // The API gives the same response for a stale token and for a missing permission.
            Class::Access if trial.token == TokenState::MaybeStale => self.with_new_token(1),
            _ => RetryDecision::GiveUp,
        }
    }

    fn after_failure(&mut self, trial: FailedTry) -> RetryDecision {
        let failures = match trial.stage {
            TryStage::SignIn => &mut self.sign_in_failures,
            TryStage::Call => &mut self.failures,
        };
        *failures += 1;
        if *failures >= self.attempts {
            return RetryDecision::GiveUp;
        }
        let doubled = 2_u32.saturating_pow(*failures - 1);
        let longest = self.retries.first_pause.saturating_mul(doubled);
        let pause = self.jitter.up_to(longest.min(self.retries.longest_pause));
        let pause = pause.max(trial.wait);
        if self.spend(pause) {
            RetryDecision::Pause(pause)
        } else {
            RetryDecision::GiveUp
        }
    }

    /// The server throttles the user, not this call. So the limiter closes for all calls, whether this
    /// one is retried or not.
    ///
    /// A caller that makes the tries itself can find out whether other calls get through, so it is
    /// told after each try.
    fn after_throttle(&mut self, trial: FailedTry) -> RetryDecision {
        if self.once && trial.stage == TryStage::Call {
            return RetryDecision::HoldBack(trial.wait);
        }
        self.throttles += 1;
        let again = self.throttles < self.retries.attempts && self.spend(trial.wait);
        match trial.repeat {
            Repeat::Harmless if again => RetryDecision::Close(trial.wait),
            _ => RetryDecision::Suspend(trial.wait),
        }
    }

    /// Signs in again, at most `most` times. This is safe for writes too, because a refusal proves
    /// that nothing was done.
    fn with_new_token(&mut self, most: u32) -> RetryDecision {
        if self.renewals >= most {
            return RetryDecision::GiveUp;
        }
        self.renewals += 1;
        RetryDecision::SignIn
    }

    /// Returns how many new tokens were requested because one was refused.
    pub(crate) fn renewals(&self) -> u32 {
        self.renewals
    }

    /// Uses up a part of the patience for this pause. Returns false if not enough is left.
    fn spend(&mut self, pause: Duration) -> bool {
        let paused = self.paused.saturating_add(pause);
        let affordable = paused <= self.retries.patience;
        if affordable {
            self.paused = paused;
        }
        affordable
    }
}

#[cfg(test)]
mod tests;
