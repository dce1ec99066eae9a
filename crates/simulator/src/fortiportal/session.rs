//! Signing in and out, and checking the `Authorization` header.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header;
use jiff::Timestamp;
use tokio::time::Instant;

use super::detail;
use crate::answered::Answered;
use crate::incoming::Incoming;
use crate::incoming::integer;
use crate::json::Object;
use crate::random::{Stream, draw};
use crate::scenario::{Portal, Scenario};

/// The parts of a requested lifetime: the field, its maximum, and its length in seconds.
const TTLS: [(&str, u64, u64); 3] = [
    ("ttl_days", 30, 86_400),
    ("ttl_hours", 23, 3_600),
    ("ttl_minutes", 59, 60),
];

/// The currently valid token and key.
#[derive(Debug)]
pub(crate) struct Sessions {
    portal: Portal,
    seed: u64,
    /// The start of the simulation on both clocks. A token's expiry is written as wall-clock time.
    start: (Instant, Timestamp),
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    issued: u64,
    session: Option<Session>,
    gui_key: Option<String>,
}

#[derive(Debug)]
struct Session {
    token: String,
    /// When the token expires. `None` if it is valid until it is logged out.
    expires: Option<Instant>,
}

impl Session {
    fn lives(&self, now: Instant) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }
}

impl Sessions {
    pub(crate) fn new(scenario: &Scenario, now: Instant) -> Self {
        let key = scenario.portal.gui_key.clone();
        Self {
            portal: scenario.portal.clone(),
            seed: scenario.seed,
            start: (now, Timestamp::now()),
            state: Mutex::new(State {
                issued: 0,
                session: None,
                gui_key: Some(key).filter(|key| !key.is_empty()),
            }),
        }
    }

    pub(crate) fn login(&self, incoming: &Incoming, now: Instant) -> Answered {
        let field = |name: &str| incoming.fields.get(name).map(String::as_str);
        let named = field("username") == Some(&self.portal.username);
        if !named || field("password") != Some(&self.portal.password) {
            return self.refused("Invalid username or password.");
        }
        let Ok(ttl) = ttl(incoming) else {
            return Answered::json(400, &detail("Invalid time to live."));
        };
        let mut state = self.state();
        // One token per user, as documented. This is what makes a forgotten sign-out hurt.
        if state
            .session
            .as_ref()
            .is_some_and(|session| session.lives(now))
        {
            return Answered::json(403, &detail("An unexpired token exists for this user."));
        }
        state.issued += 1;
        let part = |part| draw(self.seed, Stream::PortalToken, state.issued * 4 + part);
        let token = format!(
            "{:016x}{:016x}{:016x}{:016x}",
            part(0),
            part(1),
            part(2),
            part(3)
        );
        state.session = Some(Session {
            token: token.clone(),
            expires: ttl.map(|ttl| now + ttl),
        });
        let expiry = ttl.map(|ttl| self.written(now + ttl));
        let body = Object::new().with("expiry", expiry).with("token", token);
        Answered::json(200, &body)
    }

    /// Invalidates the caller's token, or its GUI key.
    pub(crate) fn logout(&self, incoming: &Incoming, now: Instant) -> Answered {
        if let Some(refusal) = self.refusal(incoming, now) {
            return refusal;
        }
        let mut state = self.state();
        if state.gui_key.as_deref() == incoming.credential("token") {
            state.gui_key = None;
        } else {
            state.session = None;
        }
        Answered::empty(204)
    }

    /// Returns the error for a caller without valid credentials, or `None` if they are valid.
    pub(crate) fn refusal(&self, incoming: &Incoming, now: Instant) -> Option<Answered> {
        let Some(token) = incoming.credential("token") else {
            return Some(self.refused("Authentication credentials were not provided."));
        };
        let state = self.state();
        let session = state
            .session
            .as_ref()
            .filter(|session| session.lives(now) && session.token == token);
        let known = session.is_some() || state.gui_key.as_deref() == Some(token);
        (!known).then(|| self.refused("Invalid token."))
    }

    pub(crate) fn clear(&self) {
        self.state().session = None;
    }

    fn refused(&self, text: &'static str) -> Answered {
        let answered = Answered::json(self.portal.refusal, &detail(text));
        match self.portal.refusal {
            401 => answered.header(header::WWW_AUTHENTICATE, "Token"),
            _ => answered,
        }
    }

    fn written(&self, at: Instant) -> String {
        let (start, wall) = self.start;
        let elapsed = at.saturating_duration_since(start);
        let at = wall.saturating_add(elapsed).unwrap_or(Timestamp::MAX);
        at.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the requested lifetime, or `None` if the request contains no part of one.
fn ttl(incoming: &Incoming) -> Result<Option<Duration>, ()> {
    let mut ttl = None;
    for (field, max, seconds) in TTLS {
        let Some(value) = incoming.arguments.get(field) else {
            continue;
        };
        let value = integer(value).and_then(|value| u64::try_from(value).ok());
        let value = value.filter(|value| *value <= max).ok_or(())?;
        *ttl.get_or_insert(0) += value * seconds;
    }
    match ttl {
        // Whether the real system issues a token with a lifetime of zero is undocumented.
        Some(0) => Err(()),
        ttl => Ok(ttl.map(Duration::from_secs)),
    }
}
