//! The tokens that there are: in this process, and from earlier runs.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use fortilake_models::Secret;

use crate::{Clock, Error, Result, Token, TokenStore, real_time, token::Scheme};

/// The tokens of one API user, by `client_id`.
pub(crate) struct Tokens {
    scheme: Scheme,
    clock: Clock,
    kept: Option<Kept>,
    slots: Mutex<HashMap<String, Arc<Slot>>>,
}

/// Where tokens outlive the process, and whose they are there.
struct Kept {
    store: Arc<dyn TokenStore>,
    user: String,
}

/// One `client_id`.
#[derive(Default)]
struct Slot {
    /// The newest token; one that has ended stays, since it may be refreshed.
    token: Mutex<Option<Token>>,
    /// The token that an API has refused last.
    refused: Mutex<Option<Secret>>,
    /// The token that is to be given back before the next one is asked for.
    retired: Mutex<Option<Token>>,
    /// How many sign-ins have ended.
    /// Who comes before one ends gets its result, who comes after starts another.
    ended: AtomicU64,
    /// Held while signing in or out.
    last: tokio::sync::Mutex<Last>,
}

/// How the last sign-in of a `client_id` ended.
#[derive(Clone, Default)]
pub(crate) enum Last {
    #[default]
    None,
    Succeeded,
    Failed(Error),
}

/// What there was before a new token is asked for.
pub(crate) struct Before {
    /// The last token, which will not do for a call any more.
    pub(crate) token: Option<Token>,
    pub(crate) last: Last,
}

impl Tokens {
    pub(crate) fn new(scheme: Scheme) -> Self {
        Self {
            scheme,
            clock: real_time(),
            kept: None,
            slots: Mutex::default(),
        }
    }

    pub(crate) fn set_clock(&mut self, clock: Clock) {
        self.clock = clock;
    }

    pub(crate) fn keep(&mut self, store: Arc<dyn TokenStore>, user: String) {
        self.kept = Some(Kept { store, user });
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// A token that will do for a call: one that is there, or the one that `renew` gets.
    ///
    /// It is asked for once, however many wait for it, and all of them share the result.
    pub(crate) async fn get(
        &self,
        client_id: &str,
        renew: impl AsyncFnOnce(Before) -> Result<Token>,
    ) -> Result<Token> {
        let slot = self.slot(client_id);
        let ended = slot.ended.load(Ordering::Acquire);
        if let Some(token) = slot.live() {
            return Ok(token);
        }
        let mut last = slot.last.lock().await;
        if let Some(token) = slot.live() {
            return Ok(token);
        }
        if slot.ended.load(Ordering::Acquire) != ended
            && let Last::Failed(error) = &*last
        {
            return Err(error.clone());
        }
        if let Some(token) = self.load(client_id) {
            tracing::debug!(client_id, "token found in the store");
            *lock(&slot.token) = Some(token.clone());
            return Ok(token);
        }
        let before = Before {
            token: lock(&slot.token).clone(),
            last: last.clone(),
        };
        let result = renew(before).await;
        *last = match &result {
            Ok(token) => {
                *lock(&slot.token) = Some(token.clone());
                if let Some(Kept { store, user }) = &self.kept {
                    store.save(user, client_id, token.stored());
                }
                Last::Succeeded
            }
            Err(error) => Last::Failed(error.clone()),
        };
        slot.ended.fetch_add(1, Ordering::Release);
        result
    }

    /// Hands the token that has not ended yet to `sign_out`, and forgets it if that succeeds.
    pub(crate) async fn give_back(
        &self,
        client_id: &str,
        sign_out: impl AsyncFnOnce(Token) -> Result<()>,
    ) -> Result<()> {
        let slot = self.slot(client_id);
        // While it is given back nobody signs in.
        let _last = slot.last.lock().await;
        let loaded = self.load(client_id);
        let own = lock(&slot.token).clone();
        let Some(token) = own.filter(|token| !token.has_ended()).or(loaded) else {
            return Ok(());
        };
        sign_out(token.clone()).await?;
        self.refused(client_id, &token);
        Ok(())
    }

    pub(crate) fn is_current(&self, client_id: &str, token: &Token) -> bool {
        self.slot(client_id)
            .live()
            .is_some_and(|current| current.is(token))
    }

    /// Hands this token to nobody again, but to whoever renews it.
    pub(crate) fn retire(&self, client_id: &str, token: &Token) {
        *lock(&self.slot(client_id).retired) = Some(token.clone());
        tracing::debug!(client_id, "token retired");
    }

    /// Forgets a token that is no longer good, and nobody is handed it again.
    pub(crate) fn refused(&self, client_id: &str, token: &Token) {
        let slot = self.slot(client_id);
        // What was revoked is not refreshed: its refresh token is likely to be revoked as well.
        lock(&slot.token).take_if(|current| current.is(token));
        let refused = &token.stored().access_token;
        *lock(&slot.refused) = Some(refused.clone());
        if let Some(Kept { store, user }) = &self.kept
            && let Some(stored) = store.load(user, client_id)
            && stored.access_token == *refused
        {
            store.remove(user, client_id);
        }
        tracing::debug!(client_id, "token dropped");
    }

    /// The token of an earlier run or of another process, if it will do for a call.
    pub(crate) fn load(&self, client_id: &str) -> Option<Token> {
        let Kept { store, user } = self.kept.as_ref()?;
        let slot = self.slot(client_id);
        let stored = store.load(user, client_id)?;
        if lock(&slot.refused).as_ref() == Some(&stored.access_token) {
            return None;
        }
        let retired = lock(&slot.retired).clone();
        if retired.is_some_and(|retired| retired.stored() == &stored) {
            return None;
        }
        let scheme = match self.scheme {
            Scheme::Portal => Scheme::PortalKept,
            scheme => scheme,
        };
        let token = Token::new(scheme, stored, Arc::clone(&self.clock)).ok()?;
        if !token.is_live() {
            // It may be of use yet, unless this process has one that is newer.
            lock(&slot.token).get_or_insert(token);
            return None;
        }
        Some(token)
    }

    fn slot(&self, client_id: &str) -> Arc<Slot> {
        let mut slots = lock(&self.slots);
        if let Some(slot) = slots.get(client_id) {
            return Arc::clone(slot);
        }
        Arc::clone(slots.entry(client_id.to_owned()).or_default())
    }
}

impl Slot {
    fn live(&self) -> Option<Token> {
        let token = lock(&self.token).clone().filter(Token::is_live)?;
        let retired = lock(&self.retired);
        let is_retired = retired.as_ref().is_some_and(|retired| retired.is(&token));
        (!is_retired).then_some(token)
    }
}

/// Nothing is left half done when a holder of these locks panics, so poison is of no interest.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
