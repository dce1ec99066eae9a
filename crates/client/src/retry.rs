//! Decides whether and when a failed call is retried.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::{Retries, class::Class};

/// The randomness of pauses; the same seed gives the same pauses.
#[derive(Debug)]
pub struct Jitter(Mutex<u64>);

impl Jitter {
    /// Creates a reproducible source, for tests and simulations.
    pub fn seeded(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }

    /// Creates a source that differs from process to process.
    pub fn random() -> Self {
        Self::seeded(RandomState::new().hash_one(0))
    }

    /// Returns a random duration from zero to `longest`.
    pub(crate) fn up_to(&self, longest: Duration) -> Duration {
        longest.mul_f64(self.fraction())
    }

    /// Returns the next number between 0 and 1. The generator is `SplitMix64`; nothing secret
    /// depends on it.
    fn fraction(&self) -> f64 {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = *state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        // An `f64` represents 32 bits exactly.
        f64::from(u32::try_from(bits >> 32).unwrap_or_default()) / f64::from(u32::MAX)
    }
}

/// What went wrong in a single try.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trial {
    pub(crate) class: Class,
    pub(crate) stage: Stage,
    /// Whether sending the call again is harmless.
    pub(crate) repeat: Repeat,
    /// Whether a new token may make a difference.
    pub(crate) token: TokenState,
    /// How long the server asked us to wait; zero if it did not ask.
    pub(crate) wait: Duration,
}

/// How far a try came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Not beyond the sign-in; the call itself was not sent.
    SignIn,
    /// The call was sent, or may have been.
    Call,
}

/// Whether doing the same again can do no harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    Harmless,
    /// No: it is a write that may have been carried out.
    Never,
}

/// What is known about the token that a call was sent with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenState {
    Old,
    Young,
    None,
}

/// What to do after a failed try.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Try again after this pause.
    Pause(Duration),
    /// Try again when the gate opens after this long.
    Close(Duration),
    /// Sign in again and try again.
    SignIn,
    /// Give up this call.
    GiveUp,
    /// Give up this call, and pause all others for this long.
    Suspend(Duration),
}

/// The tries of one call so far.
#[derive(Debug)]
pub(crate) struct Retry<'a> {
    retries: &'a Retries,
    jitter: &'a Jitter,
    /// Of the call; those of its sign-in are not its fault and counted for themselves.
    failures: u32,
    sign_in_failures: u32,
    throttles: u32,
    paused: Duration,
    signed_in_again: bool,
}

impl<'a> Retry<'a> {
    pub(crate) fn new(retries: &'a Retries, jitter: &'a Jitter) -> Self {
        Self {
            retries,
            jitter,
            failures: 0,
            sign_in_failures: 0,
            throttles: 0,
            paused: Duration::ZERO,
            signed_in_again: false,
        }
    }

    pub(crate) fn next(&mut self, trial: Trial) -> Next {
        match trial.class {
            Class::Transient if trial.repeat == Repeat::Harmless => self.after_failure(trial.stage),
            Class::Throttled => self.after_throttle(trial),
            Class::HourlyLimit | Class::ErrorLimit => Next::Suspend(trial.wait),
            Class::Token if trial.token != TokenState::None => self.with_new_token(trial.repeat),
            Class::Access if trial.token == TokenState::Old => self.with_new_token(trial.repeat),
            _ => Next::GiveUp,
        }
    }

    fn after_failure(&mut self, stage: Stage) -> Next {
        let failures = match stage {
            Stage::SignIn => &mut self.sign_in_failures,
            Stage::Call => &mut self.failures,
        };
        *failures += 1;
        if *failures >= self.retries.attempts {
            return Next::GiveUp;
        }
        let doubled = 2_u32.saturating_pow(*failures - 1);
        let longest = self.retries.first_pause.saturating_mul(doubled);
        let pause = self.jitter.up_to(longest.min(self.retries.longest_pause));
        if self.spend(pause) {
            Next::Pause(pause)
        } else {
            Next::GiveUp
        }
    }

    /// The gate stays closed for all, whoever tries again.
    fn after_throttle(&mut self, trial: Trial) -> Next {
        self.throttles += 1;
        let again = self.throttles < self.retries.attempts && self.spend(trial.wait);
        match trial.repeat {
            Repeat::Harmless if again => Next::Close(trial.wait),
            _ => Next::Suspend(trial.wait),
        }
    }

    fn with_new_token(&mut self, repeat: Repeat) -> Next {
        if repeat == Repeat::Never || self.signed_in_again {
            return Next::GiveUp;
        }
        self.signed_in_again = true;
        Next::SignIn
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
