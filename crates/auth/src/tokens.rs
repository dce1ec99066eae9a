//! The tokens of one user: those of this process, and those kept by earlier runs.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use fortilake_models::Secret;

use crate::{Clock, Error, Micros, Result, Token, TokenStore, real_time, token::Scheme};

/// The tokens of one user, one per `client_id`.
pub(crate) struct Tokens {
    scheme: Scheme,
    clock: Clock,
    kept: Option<StoredFor>,
    /// Stored tokens that were issued before this time are not used.
    distrusted_before: AtomicI64,
    slots: Mutex<HashMap<String, Arc<ClientTokens>>>,
}

/// The store that outlives the process, and the id of the user in it.
struct StoredFor {
    store: Arc<dyn TokenStore>,
    user: String,
}

/// The state of one `client_id`.
#[derive(Default)]
struct ClientTokens {
    /// The newest token. An expired one stays, because it may be refreshed.
    token: Mutex<Option<Token>>,
    /// The token that an API has refused most recently.
    refused: Mutex<Option<Secret>>,
    /// A token that has to be given back before the next one is requested.
    retired: Mutex<Option<Token>>,
    /// How many sign-ins have ended. Callers that arrive while a sign-in is running wait for it and
    /// share its result; callers that arrive after it has failed start another.
    ended: AtomicU64,
    /// The result of the last sign-in. Locked while signing in or out.
    last: tokio::sync::Mutex<LastSignIn>,
}

/// How the last sign-in of a `client_id` ended.
#[derive(Clone, Default)]
pub(crate) enum LastSignIn {
    #[default]
    None,
    Succeeded,
    Failed(Error),
}

/// The state before a new token is requested.
pub(crate) struct RenewalContext {
    /// The last token, which is no longer usable for calls.
    pub(crate) token: Option<Token>,
    pub(crate) last: LastSignIn,
}

impl Tokens {
    pub(crate) fn new(scheme: Scheme) -> Self {
        Self {
            scheme,
            clock: real_time(),
            kept: None,
            distrusted_before: AtomicI64::new(Micros::MIN),
            slots: Mutex::default(),
        }
    }

    pub(crate) fn set_clock(&mut self, clock: Clock) {
        self.clock = clock;
    }

    pub(crate) fn keep(&mut self, store: Arc<dyn TokenStore>, user: String) {
        self.kept = Some(StoredFor { store, user });
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Returns a usable token: the current one, a stored one, or the one that `renew` gets.
    ///
    /// However many callers wait, `renew` runs once, and all of them share its result.
    pub(crate) async fn get(
        &self,
        client_id: &str,
        renew: impl AsyncFnOnce(RenewalContext) -> Result<Token>,
    ) -> Result<Token> {
        let slot = self.slot(client_id);
        // Read before waiting for the lock. If it has changed afterwards, somebody else's sign-in
        // has ended while we waited, and its failure is ours too: trying again would use another
        // error of the budget for the same refusal.
        let ended = slot.ended.load(Ordering::Acquire);
        if let Some(token) = slot.live() {
            return Ok(token);
        }
        let mut last = slot.last.lock().await;
        // Checked again, because the caller that held the lock may have signed in.
        if let Some(token) = slot.live() {
            return Ok(token);
        }
        if slot.ended.load(Ordering::Acquire) != ended
            && let LastSignIn::Failed(error) = &*last
        {
            return Err(error.clone());
        }
        // Another process may have signed in with the same store. Its token saves a sign-in.
        if let Some(token) = self.load(client_id).await {
            tracing::debug!(client_id, "token found in the store");
            *lock(&slot.token) = Some(token.clone());
            return Ok(token);
        }
        let before = RenewalContext {
            token: lock(&slot.token).clone(),
            last: last.clone(),
        };
        let result = renew(before).await;
        *last = match &result {
            Ok(token) => {
                *lock(&slot.token) = Some(token.clone());
                LastSignIn::Succeeded
            }
            Err(error) => LastSignIn::Failed(error.clone()),
        };
        slot.ended.fetch_add(1, Ordering::Release);
        // Last, because this future may be dropped while it waits for the store.
        if let (Ok(token), Some(StoredFor { store, user })) = (&result, &self.kept) {
            store.save(user, client_id, token.stored()).await;
        }
        result
    }

    /// Passes the token to `sign_out` if it has not expired yet, and forgets it if that succeeds.
    pub(crate) async fn give_back(
        &self,
        client_id: &str,
        sign_out: impl AsyncFnOnce(Token) -> Result<()>,
    ) -> Result<()> {
        let slot = self.slot(client_id);
        // The lock keeps sign-ins waiting until the token has been given back.
        let _last = slot.last.lock().await;
        let loaded = self.load(client_id).await;
        let own = lock(&slot.token).clone();
        let Some(token) = own.filter(|token| !token.has_ended()).or(loaded) else {
            return Ok(());
        };
        sign_out(token.clone()).await?;
        self.refused(client_id, &token).await;
        Ok(())
    }

    /// Returns all known tokens and refresh tokens, so that they can be redacted.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let slots: Vec<Arc<ClientTokens>> = lock(&self.slots).values().cloned().collect();
        let tokens = slots.iter().filter_map(|slot| lock(&slot.token).clone());
        let secrets = tokens.flat_map(|token| {
            let stored = token.stored();
            let refresh = stored.refresh_token.as_ref();
            let both = [Some(&stored.access_token), refresh];
            both.map(|secret| secret.map(|secret| secret.expose().to_owned()))
        });
        secrets.flatten().collect()
    }

    pub(crate) fn is_current(&self, client_id: &str, token: &Token) -> bool {
        self.slot(client_id)
            .live()
            .is_some_and(|current| current.is(token))
    }

    /// Stops handing out this token; only `renew` still sees it.
    pub(crate) fn retire(&self, client_id: &str, token: &Token) {
        *lock(&self.slot(client_id).retired) = Some(token.clone());
        tracing::debug!(client_id, "token retired");
    }

    /// Forgets a token that the server no longer accepts, in memory and in the store.
    pub(crate) async fn refused(&self, client_id: &str, token: &Token) {
        let slot = self.slot(client_id);
        // A revoked token is not refreshed: its refresh token is most likely revoked as well.
        lock(&slot.token).take_if(|current| current.is(token));
        let refused = &token.stored().access_token;
        *lock(&slot.refused) = Some(refused.clone());
        if slot.ended.load(Ordering::Acquire) == 0 {
            // The token came from the store. What revoked it, such as a new password or another tool of the same user,
            // has most likely revoked the other stored tokens as well, and trying each would use an error of the budget.
            // A sign-in uses none.
            self.distrusted_before
                .store((self.clock)(), Ordering::Relaxed);
        }
        if let Some(StoredFor { store, user }) = &self.kept
            && let Some(stored) = store.load(user, client_id).await
            && stored.access_token == *refused
        {
            store.remove(user, client_id).await;
        }
        tracing::debug!(client_id, "token dropped");
    }

    /// Returns the stored token of an earlier run or another process, if it is still usable.
    pub(crate) async fn load(&self, client_id: &str) -> Option<Token> {
        let StoredFor { store, user } = self.kept.as_ref()?;
        let slot = self.slot(client_id);
        let stored = store.load(user, client_id).await?;
        if stored.issued_at < self.distrusted_before.load(Ordering::Relaxed) {
            return None;
        }
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
            // An expired token may still be refreshed, unless this process has a newer one.
            lock(&slot.token).get_or_insert(token);
            return None;
        }
        Some(token)
    }

    fn slot(&self, client_id: &str) -> Arc<ClientTokens> {
        let mut slots = lock(&self.slots);
        if let Some(slot) = slots.get(client_id) {
            return Arc::clone(slot);
        }
        Arc::clone(slots.entry(client_id.to_owned()).or_default())
    }
}

impl ClientTokens {
    fn live(&self) -> Option<Token> {
        let token = lock(&self.token).clone().filter(Token::is_live)?;
        let retired = lock(&self.retired);
        let is_retired = retired.as_ref().is_some_and(|retired| retired.is(&token));
        (!is_retired).then_some(token)
    }
}

/// Locks the mutex, even if another thread panicked while it held it. No critical section in this
/// crate leaves its data half changed, so a poisoned lock is harmless.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
