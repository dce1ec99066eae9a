//! Signing in and out, and what `Authorization` must say in between.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header;
use jiff::Timestamp;
use tokio::time::Instant;

use super::detail;
use crate::answered::Answered;
use crate::forticloud::envelope::integer;
use crate::incoming::Incoming;
use crate::json::Object;
use crate::random::{Stream, draw};
use crate::scenario::{Portal, Scenario};

/// The parts of a life time: the field, the most it takes, and its seconds.
const TTLS: [(&str, u64, u64); 3] = [
    ("ttl_days", 30, 86_400),
    ("ttl_hours", 23, 3_600),
    ("ttl_minutes", 59, 60),
];

/// What opens the portal at the moment.
#[derive(Debug)]
pub(crate) struct Sessions {
    portal: Portal,
    seed: u64,
    /// The same moment by both clocks; a token's expiry is written by the wall's.
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
    /// Without one, the token lives until it is logged out.
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

    /// Deletes what the caller came with, a GUI key as well.
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

    /// The answer to a caller whom nothing lets in.
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

/// The life time that is asked for; none if no part of it is.
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
        // Whether a token without any life is given out was never published.
        Some(0) => Err(()),
        ttl => Ok(ttl.map(Duration::from_secs)),
    }
}
