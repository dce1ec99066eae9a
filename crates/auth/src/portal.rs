//! FortiPortal sign-in and sign-out.

mod response;

use std::{
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use fortilake_models::{Secret, serialize_secret};
use fortilake_transport::{
    Request, Response, Transport,
    http::{StatusCode, header},
    shown,
    url::Url,
};
use serde::Serialize;

use crate::{
    Clock, Credentials, Error, Kind, Limit, Result, Signer, StoredToken, Token, TokenStore, later,
    quotable,
    response::SignInRefusal,
    token::Scheme,
    tokens::{RenewalContext, Tokens, lock},
};

/// The `client_id` of FortiPortal's endpoints. Its token is stored under the same name.
pub const FORTIPORTAL: &str = "fortiportal";

/// The single token of a FortiPortal administrator.
///
/// FortiPortal answers 403 if a user asks for a second token while one is valid. So this type
/// requests tokens with a short lifetime, keeps them between runs, gives the old token back before
/// it requests the next one, and gives the last one back in [`sign_out`](Self::sign_out).
///
/// A token that a crashed process leaves behind blocks the next sign-in until it expires, unless it
/// was kept in a store.
pub struct Portal {
    transport: Arc<dyn Transport>,
    login_url: Url,
    credentials: Credentials,
    life: Duration,
    tokens: Tokens,
    /// The error if the credentials were refused. They are not sent again.
    refused: Mutex<Option<Error>>,
}

#[derive(Serialize)]
struct Login<'a> {
    username: &'a str,
    #[serde(serialize_with = "serialize_secret")]
    password: &'a Secret,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl_days: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl_hours: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl_minutes: Option<u64>,
}

impl Portal {
    /// The shortest lifetime that FortiPortal accepts.
    pub const SHORTEST_LIFE: Duration = Duration::from_mins(1);

    /// The longest lifetime that FortiPortal accepts.
    pub const LONGEST_LIFE: Duration = Duration::from_hours(30 * 24);

    /// Creates the token source; nothing is sent until a token is needed.
    ///
    /// `login_url` is the address of `tokenlogin`; `tokenlogout` is expected beside it. `life` is
    /// the requested lifetime: it is limited to [`SHORTEST_LIFE`](Self::SHORTEST_LIFE) and
    /// [`LONGEST_LIFE`](Self::LONGEST_LIFE), and rounded up to minutes.
    pub fn new(
        transport: Arc<dyn Transport>,
        login_url: Url,
        credentials: Credentials,
        life: Duration,
    ) -> Self {
        let life = life.clamp(Self::SHORTEST_LIFE, Self::LONGEST_LIFE);
        Self {
            transport,
            login_url,
            credentials,
            life: Duration::from_mins(life.as_secs().div_ceil(60)),
            tokens: Tokens::new(Scheme::Portal),
            refused: Mutex::default(),
        }
    }

    /// Uses this clock instead of the real time.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.tokens.set_clock(clock);
        self
    }

    /// Keeps the token between runs in `store`, under this id of the user.
    #[must_use]
    pub fn keep(mut self, store: Arc<dyn TokenStore>, user: String) -> Self {
        self.tokens.keep(store, user);
        self
    }

    /// Returns a usable token, and signs in if there is none.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped during a sign-in, the server may have issued a token that is then
    /// lost. It blocks the next sign-in until it expires.
    pub async fn token(&self) -> Result<Token> {
        self.tokens
            .get(FORTIPORTAL, async |before| self.renew(before).await)
            .await
    }

    /// Returns the password and all known tokens, so that they can be redacted.
    pub fn secrets(&self) -> Vec<String> {
        let mut secrets = self.tokens.secrets();
        secrets.push(self.credentials.password.expose().to_owned());
        secrets
    }

    /// Whether a call should be made with this token.
    pub fn is_current(&self, token: &Token) -> bool {
        self.tokens.is_current(FORTIPORTAL, token)
    }

    /// Drops a token that the server no longer accepts, so that the next call signs in again.
    pub async fn refused(&self, token: &Token) {
        self.tokens.refused(FORTIPORTAL, token).await;
    }

    /// Replaces a token that may have caused a refusal, but may also still be valid.
    ///
    /// Because it may still be valid, it is given back before the next one is requested.
    pub fn doubted(&self, token: &Token) {
        self.tokens.retire(FORTIPORTAL, token);
    }

    /// Gives the token back through `transport`, and drops it from memory and from the store.
    ///
    /// Sends nothing if there is no token. If the server does not answer, the token stays in the
    /// store, so that the next run can use it or give it back.
    pub async fn sign_out(&self, transport: &dyn Transport) -> Result<()> {
        self.tokens
            .give_back(FORTIPORTAL, async |token| {
                self.log_out(transport, &token).await
            })
            .await
    }

    async fn renew(&self, before: RenewalContext) -> Result<Token> {
        if let Some(error) = &*lock(&self.refused) {
            return Err(error.clone());
        }
        if let Some(ending) = before.token.filter(|token| !token.has_ended()) {
            match self.log_out(&self.transport, &ending).await {
                // The token may be gone already. If it is not, the sign-in will be refused and say
                // so.
                Err(error) if error.kind() != Kind::Unexpected => return Err(error),
                _ => {}
            }
        }
        match self.log_in().await {
            // Another process may have signed in a moment before, and put its token in our store.
            Err(error) if error.kind() == Kind::Taken => {
                self.tokens.load(FORTIPORTAL).await.ok_or(error)
            }
            Err(error) if error.kind() == Kind::Credentials => {
                *lock(&self.refused) = Some(error.clone());
                Err(error)
            }
            result => result,
        }
    }

    async fn log_in(&self) -> Result<Token> {
        let minutes = self.life.as_secs() / 60;
        let given = |number: u64| (number > 0).then_some(number);
        let login = Login {
            username: &self.credentials.username,
            password: &self.credentials.password,
            ttl_days: given(minutes / (24 * 60)),
            ttl_hours: given(minutes / 60 % 24),
            ttl_minutes: given(minutes % 60),
        };
        let body = serde_json::to_vec(&login).map_err(|error| {
            let message = format!("cannot encode the sign-in request as JSON ({error})");
            Error::new(Kind::Unexpected, message)
        })?;
        let clock = self.tokens.clock();
        let issued_at = clock();
        let request = Request::post(self.login_url.clone(), body);
        let response = self.transport.send(request).await;
        let response = response.map_err(|error| Error::unanswered(FORTIPORTAL, error))?;
        let grant = response::read(&response, self.life, issued_at)
            .map_err(|denial| self.denied(&response, &denial))?;
        let stored = StoredToken {
            access_token: grant.token,
            refresh_token: None,
            expires_at: later(issued_at, grant.life),
            issued_at,
        };
        let token = Token::new(Scheme::Portal, stored, Arc::clone(clock)).map_err(|_| {
            let message =
                "the token from FortiPortal contains characters that an HTTP header cannot hold"
                    .to_owned();
            Error::new(Kind::Unexpected, message)
        })?;
        tracing::debug!(seconds = grant.life.as_secs(), "signed in to FortiPortal");
        Ok(token)
    }

    async fn log_out(&self, transport: &dyn Transport, token: &Token) -> Result<()> {
        let mut request = Request::post(self.logout_url(), "");
        request.headers.remove(header::CONTENT_TYPE);
        let headers = &mut request.headers;
        headers.insert(header::AUTHORIZATION, token.header());
        let url = shown(&request.url);
        let response = transport.send(request).await;
        let response = response
            .map_err(|error| Error::no_answer("no response to the sign-out".to_owned(), error))?;
        // A 401 means that the server doesn't know the token, which is as good as given back.
        if response.status.is_success() || response.status == StatusCode::UNAUTHORIZED {
            tracing::debug!("signed out of FortiPortal");
            return Ok(());
        }
        let kind = match response.status.as_u16() {
            429 | 500.. => Kind::Transient,
            404 | 405 => Kind::Config,
            _ => Kind::Unexpected,
        };
        let http = response.status.as_u16();
        Err(Error::new(
            kind,
            format!("the sign-out at `{url}` failed (HTTP {http})"),
        ))
    }

    fn logout_url(&self) -> Url {
        let mut url = self.login_url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().pop().extend(["tokenlogout", ""]);
        }
        url
    }

    fn denied(&self, response: &Response, denial: &SignInRefusal) -> Error {
        let Credentials {
            username,
            username_origin,
            password,
            password_origin,
        } = &self.credentials;
        let text = quotable(&denial.text, &[password.expose(), username]);
        let said = format!("HTTP {}: {text}", response.status.as_u16());
        let url = shown(&self.login_url);
        let message = match denial.kind {
            Kind::Credentials => format!(
                "the FortiPortal user or its password is wrong: the user comes from \
                 {username_origin}, the password from {password_origin} ({said})"
            ),
            Kind::Taken => format!(
                "FortiPortal issued no token to the user from {username_origin} ({said}): it \
                 allows one token per user, and another token may still be valid (one left by an \
                 earlier run expires within {} min, one from another tool may last longer); wait, \
                 sign out where that token is in use, or use an API key from FortiPortal's GUI; \
                 FortiPortal may give the same response if the password is wrong or a permission \
                 is missing",
                self.life.as_secs() / 60
            ),
            Kind::Limited => {
                let limit = Limit {
                    http: response.status,
                    headers: response.headers.clone(),
                    status: denial.status,
                };
                let message =
                    format!("too many sign-ins or calls; no token from FortiPortal ({said})");
                return Error::answered(Kind::Limited, message, limit);
            }
            Kind::Config => format!(
                "no sign-in endpoint found at `{url}` ({said}); check the address; FortiPortal \
                 releases before 7.0.7 only accept an API key from the GUI"
            ),
            Kind::ClientId | Kind::Transient | Kind::Unexpected => {
                format!("no token from `{url}` ({said})")
            }
        };
        Error::new(denial.kind, message)
    }
}

impl fmt::Debug for Portal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Portal")
            .field("login_url", &shown(&self.login_url))
            .field("life", &self.life)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Signer for Portal {
    async fn token(&self, _: &str) -> Result<Token> {
        self.token().await
    }

    fn secrets(&self) -> Vec<String> {
        self.secrets()
    }

    fn is_current(&self, _: &str, token: &Token) -> bool {
        self.is_current(token)
    }

    async fn refused(&self, _: &str, token: &Token) -> Result<()> {
        self.refused(token).await;
        Ok(())
    }

    async fn doubted(&self, _: &str, token: &Token) {
        self.doubted(token);
    }

    async fn sign_out(&self, transport: &dyn Transport) -> Result<()> {
        self.sign_out(transport).await
    }
}

#[cfg(test)]
mod tests;
