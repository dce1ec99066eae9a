//! Signing in with the password grant.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use fortilake_models::Secret;
use fortilake_transport::{Request, Response, Transport, shown, url::Url};
use serde::Serialize;
use tokio::time::Instant;

use crate::{
    Credentials, Error, Kind, Limit, Result, Token,
    answer::{self, Denial},
    quotable,
};

/// The tokens of one API user.
pub struct OAuth {
    transport: Arc<dyn Transport>,
    token_url: Url,
    credentials: Credentials,
    slots: Mutex<HashMap<String, Arc<Slot>>>,
    standing: tokio::sync::Mutex<Standing>,
}

/// What is known of the credentials.
#[derive(Debug)]
enum Standing {
    /// Nothing; only one sign-in at a time, so that a wrong password costs a single error.
    Unproven,
    /// They have opened something; sign-ins run side by side.
    Proven,
    /// They are wrong, and no more errors are spent on them.
    Refused(Error),
}

/// One `client_id`.
#[derive(Default)]
struct Slot {
    token: Mutex<Option<Token>>,
    /// How many sign-ins have ended.
    /// Who comes before one ends gets its result, who comes after starts another.
    ended: AtomicU64,
    /// Held while signing in.
    last: tokio::sync::Mutex<Last>,
}

/// How the last sign-in of a `client_id` ended.
#[derive(Default)]
enum Last {
    #[default]
    None,
    Succeeded,
    Failed(Error),
}

#[derive(Serialize)]
struct PasswordGrant<'a> {
    username: &'a str,
    password: &'a Secret,
    client_id: &'a str,
    grant_type: &'static str,
}

impl OAuth {
    /// Nothing is sent before the first token is asked for.
    ///
    /// The address is used as it is given, its trailing slash included.
    pub fn new(transport: Arc<dyn Transport>, token_url: Url, credentials: Credentials) -> Self {
        Self {
            transport,
            token_url,
            credentials,
            slots: Mutex::default(),
            standing: tokio::sync::Mutex::new(Standing::Unproven),
        }
    }

    /// A token for this `client_id` that will do for a call: one that is there, or a new one.
    ///
    /// # Cancellation
    ///
    /// If the future that does the signing in is dropped, the next one waiting does it again.
    pub async fn token(&self, client_id: &str) -> Result<Token> {
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
        let result = self.sign_in(client_id, &last).await;
        *last = match &result {
            Ok(token) => {
                *lock(&slot.token) = Some(token.clone());
                Last::Succeeded
            }
            Err(error) => Last::Failed(error.clone()),
        };
        slot.ended.fetch_add(1, Ordering::Release);
        result
    }

    /// Drops a token that an API has refused, so that the next call signs in again.
    ///
    /// A newer token stays: many calls may be refused for one revoked token.
    pub fn refused(&self, client_id: &str, token: &Token) {
        let slot = self.slot(client_id);
        let mut current = lock(&slot.token);
        if current.as_ref().is_some_and(|current| current.is(token)) {
            *current = None;
            tracing::debug!(client_id, "token dropped");
        }
    }

    fn slot(&self, client_id: &str) -> Arc<Slot> {
        let mut slots = lock(&self.slots);
        if let Some(slot) = slots.get(client_id) {
            return Arc::clone(slot);
        }
        Arc::clone(slots.entry(client_id.to_owned()).or_default())
    }

    async fn sign_in(&self, client_id: &str, last: &Last) -> Result<Token> {
        let mut standing = self.standing.lock().await;
        let blame = match (&*standing, last) {
            (Standing::Refused(error), _) => return Err(error.clone()),
            // Credentials that open something else are right, so it is this client they lack.
            (Standing::Proven, Last::None | Last::Failed(_)) => Kind::ClientId,
            (Standing::Proven, Last::Succeeded) | (Standing::Unproven, _) => Kind::Credentials,
        };
        let result = if matches!(*standing, Standing::Unproven) {
            self.request(client_id, blame).await
        } else {
            drop(standing);
            let result = self.request(client_id, blame).await;
            standing = self.standing.lock().await;
            result
        };
        match &result {
            Ok(_) => *standing = Standing::Proven,
            Err(error) if error.kind() == Kind::Credentials => {
                *standing = Standing::Refused(error.clone());
            }
            Err(_) => {}
        }
        result
    }

    /// Asks for a token; `blame` is the kind of a refusal that does not say whose fault it is.
    async fn request(&self, client_id: &str, blame: Kind) -> Result<Token> {
        let grant = PasswordGrant {
            username: &self.credentials.username,
            password: &self.credentials.password,
            client_id,
            grant_type: "password",
        };
        let body = serde_json::to_vec(&grant).map_err(|error| {
            Error::new(
                Kind::Unexpected,
                format!("cannot write the sign-in as JSON ({error})"),
            )
        })?;
        let obtained = Instant::now();
        let answer = self
            .transport
            .send(Request::post(self.token_url.clone(), body))
            .await;
        let answer = answer.map_err(|error| Error::unanswered(client_id, error))?;
        let grant = answer::read(&answer)
            .map_err(|denial| self.denied(client_id, &answer, &denial, blame))?;
        let token = Token::new(grant.token, obtained, grant.life).map_err(|_| {
            let message = format!("the token for `{client_id}` holds characters no token has");
            Error::new(Kind::Unexpected, message)
        })?;
        tracing::debug!(client_id, seconds = grant.life.as_secs(), "signed in");
        Ok(token)
    }

    fn denied(&self, client_id: &str, answer: &Response, denial: &Denial, blame: Kind) -> Error {
        let Credentials {
            username,
            username_origin,
            password,
            password_origin,
        } = &self.credentials;
        let text = quotable(&denial.text, &[password.expose(), username]);
        let said = format!("HTTP {}: {text}", answer.status.as_u16());
        let kind = if denial.kind == Kind::Credentials {
            blame
        } else {
            denial.kind
        };
        let message = match kind {
            Kind::Credentials => format!(
                "the API user or its password is wrong: the user is from {username_origin}, \
                 the password from {password_origin} (`{client_id}`, {said})"
            ),
            Kind::ClientId => format!("this API user gets no token for `{client_id}` ({said})"),
            Kind::Limited => {
                let limit = Limit {
                    http: answer.status,
                    headers: answer.headers.clone(),
                    status: denial.status,
                };
                let message = format!("too many calls to sign in for `{client_id}` ({said})");
                return Error::limited(message, limit);
            }
            Kind::Config => format!(
                "there is no token server at `{}` ({said})",
                shown(&self.token_url)
            ),
            Kind::Transient | Kind::Unexpected => {
                format!(
                    "no token for `{client_id}` from `{}` ({said})",
                    shown(&self.token_url)
                )
            }
        };
        Error::new(kind, message)
    }
}

impl Slot {
    fn live(&self) -> Option<Token> {
        lock(&self.token).clone().filter(Token::is_live)
    }
}

impl fmt::Debug for OAuth {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("OAuth")
            .field("token_url", &shown(&self.token_url))
            .finish_non_exhaustive()
    }
}

/// Nothing is left half done when a holder of these locks panics, so poison is of no interest.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
