//! FortiCloud sign-in: with the refresh grant if it is likely to work, otherwise with the password.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use fortilake_models::Secret;
use fortilake_transport::{Request, Response, Transport, shown, url::Url};
use serde::Serialize;

use crate::{
    Clock, Credentials, Error, Kind, Limit, Result, StoredToken, Token, TokenStore,
    answer::{self, Denial},
    later, quotable,
    token::Scheme,
    tokens::{Before, Last, Tokens},
};

/// The tokens of one FortiCloud API user, one per `client_id`.
pub struct OAuth {
    transport: Arc<dyn Transport>,
    token_url: Url,
    credentials: Credentials,
    tokens: Tokens,
    standing: tokio::sync::Mutex<Standing>,
    /// Whether the server has refused to refresh a token; it is not asked to again.
    refresh_refused: AtomicBool,
}

/// Whether the credentials are known to be right or wrong.
#[derive(Debug)]
enum Standing {
    /// Nothing; only one sign-in at a time, so that a wrong password costs a single error.
    Unproven,
    /// At least one sign-in has succeeded.
    Proven,
    /// The server refused them. They are not sent again, because each refusal uses an error of the
    /// budget.
    Refused(Error),
}

#[derive(Serialize)]
struct PasswordGrant<'a> {
    username: &'a str,
    password: &'a Secret,
    client_id: &'a str,
    grant_type: &'static str,
}

#[derive(Serialize)]
struct RefreshGrant<'a> {
    client_id: &'a str,
    refresh_token: &'a Secret,
    grant_type: &'static str,
}

impl OAuth {
    /// Creates the token source; nothing is sent until the first token is needed.
    ///
    /// `token_url` is used exactly as given, including its trailing slash.
    pub fn new(transport: Arc<dyn Transport>, token_url: Url, credentials: Credentials) -> Self {
        Self {
            transport,
            token_url,
            credentials,
            tokens: Tokens::new(Scheme::Bearer),
            standing: tokio::sync::Mutex::new(Standing::Unproven),
            refresh_refused: AtomicBool::new(false),
        }
    }

    /// Uses this clock instead of the real time.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.tokens.set_clock(clock);
        self
    }

    /// Keeps tokens between runs in `store`, under this id of the user.
    #[must_use]
    pub fn keep(mut self, store: Arc<dyn TokenStore>, user: String) -> Self {
        self.tokens.keep(store, user);
        self
    }

    /// Returns a usable token for this `client_id`, and signs in if there is none.
    ///
    /// # Cancellation
    ///
    /// If the future that is signing in is dropped, the next waiting caller starts the sign-in
    /// again.
    pub async fn token(&self, client_id: &str) -> Result<Token> {
        self.tokens
            .get(client_id, async |before| {
                self.renew(client_id, before).await
            })
            .await
    }

    /// Whether this is the token to make a call with now.
    ///
    /// A call that has waited for its turn should ask again: the token may have expired meanwhile,
    /// or another call may have found that the API refuses it.
    pub fn is_current(&self, client_id: &str, token: &Token) -> bool {
        self.tokens.is_current(client_id, token)
    }

    /// Drops a token that an API has refused, so that the next call signs in again.
    ///
    /// If a newer token has already replaced it, that one stays: one revoked token can cause many
    /// refusals, and only the first should lead to a sign-in.
    pub fn refused(&self, client_id: &str, token: &Token) {
        self.tokens.refused(client_id, token);
    }

    /// Refreshes the last token where that is likely to work, and signs in otherwise.
    async fn renew(&self, client_id: &str, before: Before) -> Result<Token> {
        let refresh_token = before.token.as_ref().and_then(Token::refresh);
        if let Some(refresh_token) = refresh_token
            && !self.refresh_refused.load(Ordering::Relaxed)
        {
            let grant = RefreshGrant {
                client_id,
                refresh_token,
                grant_type: "refresh_token",
            };
            match self.request(client_id, &grant, Kind::Credentials).await {
                Err(error) if error.is_refusal() => {
                    self.refresh_refused.store(true, Ordering::Relaxed);
                    tracing::warn!(client_id, "token not refreshed, signing in instead");
                }
                result => return result,
            }
        }
        self.sign_in(client_id, &before.last).await
    }

    async fn sign_in(&self, client_id: &str, last: &Last) -> Result<Token> {
        let mut standing = self.standing.lock().await;
        let blame = match (&*standing, last) {
            (Standing::Refused(error), _) => return Err(error.clone()),
            // Credentials that open something else are right, so it is this client they lack.
            (Standing::Proven, Last::None | Last::Failed(_)) => Kind::ClientId,
            (Standing::Proven, Last::Succeeded) | (Standing::Unproven, _) => Kind::Credentials,
        };
        let grant = PasswordGrant {
            username: &self.credentials.username,
            password: &self.credentials.password,
            client_id,
            grant_type: "password",
        };
        let result = if matches!(*standing, Standing::Unproven) {
            self.request(client_id, &grant, blame).await
        } else {
            drop(standing);
            let result = self.request(client_id, &grant, blame).await;
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
    async fn request<G: Serialize>(
        &self,
        client_id: &str,
        grant: &G,
        blame: Kind,
    ) -> Result<Token> {
        let body = serde_json::to_vec(grant).map_err(|error| {
            Error::new(
                Kind::Unexpected,
                format!("cannot write the sign-in as JSON ({error})"),
            )
        })?;
        let clock = self.tokens.clock();
        let issued_at = clock();
        let answer = self
            .transport
            .send(Request::post(self.token_url.clone(), body))
            .await;
        let answer = answer.map_err(|error| Error::unanswered(client_id, error))?;
        let grant = answer::read(&answer)
            .map_err(|denial| self.denied(client_id, &answer, &denial, blame))?;
        let stored = StoredToken {
            access_token: grant.token,
            refresh_token: grant.refresh,
            expires_at: later(issued_at, grant.life),
            issued_at,
        };
        let token = Token::new(Scheme::Bearer, stored, Arc::clone(clock)).map_err(|_| {
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
            Kind::Taken | Kind::Transient | Kind::Unexpected => {
                format!(
                    "no token for `{client_id}` from `{}` ({said})",
                    shown(&self.token_url)
                )
            }
        };
        Error::new(kind, message)
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

#[cfg(test)]
mod tests;
