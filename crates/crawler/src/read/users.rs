//! The API users of a source, and which of them makes the next call.
//!
//! The vendor limits each API user, so a source with two users is read twice as fast. The user with
//! the fewest calls in flight makes the next one. A user whose window is full keeps its calls in
//! flight while they wait for their turn, so the other users get all further calls, and nothing here
//! has to know the limits.

use std::sync::Arc;

use fortilake_auth::Micros;
use fortilake_client::{Client, Reason};

use crate::Error;

/// The users of a source. Without any, no calls are made.
#[derive(Default)]
pub(crate) struct Users(Vec<User>);

struct User {
    client: Arc<Client>,
    in_flight: usize,
    /// The error of the call that found that this user has to pause.
    pause: Option<Error>,
}

impl Users {
    pub(crate) fn new(clients: impl IntoIterator<Item = Arc<Client>>) -> Self {
        let user = |client| User {
            client,
            in_flight: 0,
            pause: None,
        };
        Self(clients.into_iter().map(user).collect())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn clients(&self) -> impl Iterator<Item = &Arc<Client>> {
        self.0.iter().map(|user| &user.client)
    }

    /// How many calls may be in flight, where `most` may be without other programs that sign in as the
    /// same users.
    ///
    /// When such a program signs in, the API may revoke our token, and then every call in flight costs
    /// an error and has to be repeated. So each time, half as many may be in flight from then on.
    pub(super) fn concurrency(&self, most: usize) -> usize {
        let revocations: u64 = self.clients().map(|client| client.revocations()).sum();
        let halvings = u32::try_from(revocations).unwrap_or(u32::MAX);
        most.checked_shr(halvings).unwrap_or(0).max(1)
    }

    /// A client, for what is the same for all of them.
    pub(super) fn any(&self) -> Option<&Arc<Client>> {
        self.clients().next()
    }

    /// The user who makes the next call, by number: of those who need not pause, the one with the
    /// fewest calls in flight. `None` if the source has no users.
    pub(super) fn next(&self) -> Option<(usize, &Arc<Client>)> {
        let users = self.0.iter().enumerate();
        let (number, user) = users.min_by_key(|(_, user)| (user.is_paused(), user.in_flight))?;
        Some((number, &user.client))
    }

    /// Notes that this user makes a call.
    pub(super) fn sent(&mut self, number: usize) {
        self.0[number].in_flight += 1;
    }

    /// Notes that a call of this user has ended.
    pub(super) fn ended(&mut self, number: usize) {
        self.0[number].in_flight -= 1;
    }

    /// Notes that this user has to pause. Returns the error that ends the run if no other user can
    /// go on: that of the user who may call first.
    pub(super) fn pause(&mut self, number: usize, error: Error) -> Option<Error> {
        let of_all = [
            Reason::Stopped,
            Reason::MaxCalls,
            Reason::Deadline,
            // The service is down, for the other users as well.
            Reason::Failures,
        ];
        let reason = error.pause().map(|pause| pause.reason);
        if reason.is_none_or(|reason| of_all.contains(&reason)) {
            return Some(error);
        }
        self.0[number].pause = Some(error);
        if self.0.iter().any(|user| !user.is_paused()) {
            return None;
        }
        let first = self.0.iter_mut().min_by_key(|user| user.paused_until())?;
        first.pause.take()
    }
}

impl User {
    fn paused_until(&self) -> Option<Micros> {
        let pause = self.pause.as_ref()?.pause()?;
        Some(pause.resume_at)
    }

    fn is_paused(&self) -> bool {
        self.paused_until()
            .is_some_and(|until| until > self.client.now())
    }
}
