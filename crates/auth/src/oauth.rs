//! FortiCloud sign-in: with the refresh grant if it is likely to work, otherwise with the password.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use fortilake_models::{Secret, serialize_secret};
use fortilake_transport::{Request, Response, Transport, shown, url::Url};
use serde::Serialize;

use crate::{
    Clock, Credentials, Error, Kind, Limit, Result, Signer, StoredToken, Token, TokenStore, later,
    quotable,
    response::{self, RefusalHint, SignInRefusal},
    token::Scheme,
    tokens::{LastSignIn, RenewalContext, Tokens},
};

/// The tokens of one FortiCloud API user, one per `client_id`.
pub struct OAuth {
    transport: Arc<dyn Transport>,
    token_url: Url,
    credentials: Credentials,
    tokens: Tokens,
    /// What is known about the credentials. Locked during a sign-in, so that sign-ins run one at a
    /// time.
    standing: tokio::sync::Mutex<CredentialState>,
    /// Whether the server has refused to refresh a token. If so, refreshing is not tried again.
    refresh_refused: AtomicBool,
}

/// Whether the credentials are known to be right or wrong.
#[derive(Debug)]
enum CredentialState {
    /// No sign-in has succeeded or been refused yet.
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
    #[serde(serialize_with = "serialize_secret")]
    password: &'a Secret,
    client_id: &'a str,
    grant_type: &'static str,
}

#[derive(Serialize)]
struct RefreshGrant<'a> {
    client_id: &'a str,
    #[serde(serialize_with = "serialize_secret")]
    refresh_token: &'a Secret,
    grant_type: &'static str,
}

/// The body of a sign-in request.
trait Grant: Serialize {
    /// The secret in this grant. It must be redacted from messages, because a response may repeat
    /// it.
    fn secret(&self) -> &str;
}

impl Grant for PasswordGrant<'_> {
    fn secret(&self) -> &str {
        self.password.expose()
    }
}

impl Grant for RefreshGrant<'_> {
    fn secret(&self) -> &str {
        self.refresh_token.expose()
    }
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
            standing: tokio::sync::Mutex::new(CredentialState::Unproven),
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

    /// Returns the password and all known tokens, so that they can be redacted.
    pub fn secrets(&self) -> Vec<String> {
        let mut secrets = self.tokens.secrets();
        secrets.push(self.credentials.password.expose().to_owned());
        secrets
    }

    /// Whether a call should be made with this token.
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
    pub async fn refused(&self, client_id: &str, token: &Token) {
        self.tokens.refused(client_id, token).await;
    }

    /// Refreshes the last token if that is likely to work, and otherwise signs in with the
    /// password.
    async fn renew(&self, client_id: &str, before: RenewalContext) -> Result<Token> {
        // One sign-in at a time, even for different client ids. The server rejects concurrent
        // sign-ins of one user, and those rejections would use up the error budget. In sequence, a
        // wrong password costs one error instead of one per client id, and if the server asks for a
        // pause, the next sign-in observes it. The price is a few seconds when several client ids
        // need a token at once; calls that already have a token continue meanwhile.
        let mut standing = self.standing.lock().await;
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
                    tracing::warn!(
                        client_id,
                        "the server refused to refresh the token; signing in with the password"
                    );
                }
                result => return result,
            }
        }
        self.sign_in(client_id, &before.last, &mut standing).await
    }

    async fn sign_in(
        &self,
        client_id: &str,
        last: &LastSignIn,
        standing: &mut CredentialState,
    ) -> Result<Token> {
        let blame = match (&*standing, last) {
            (CredentialState::Refused(error), _) => return Err(error.clone()),
            // The same credentials work for another client id, so this user lacks access to this
            // one.
            (CredentialState::Proven, LastSignIn::None | LastSignIn::Failed(_)) => Kind::ClientId,
            (CredentialState::Proven, LastSignIn::Succeeded) | (CredentialState::Unproven, _) => {
                Kind::Credentials
            }
        };
        let grant = PasswordGrant {
            username: &self.credentials.username,
            password: &self.credentials.password,
            client_id,
            grant_type: "password",
        };
        let result = self.request(client_id, &grant, blame).await;
        match &result {
            Ok(_) => *standing = CredentialState::Proven,
            Err(error) if error.kind() == Kind::Credentials => {
                *standing = CredentialState::Refused(error.clone());
            }
            Err(_) => {}
        }
        result
    }

    /// Requests a token. `blame` is the kind to report for a refusal that doesn't say what is
    /// wrong.
    async fn request<G: Grant>(&self, client_id: &str, grant: &G, blame: Kind) -> Result<Token> {
        let body = serde_json::to_vec(grant).map_err(|error| {
            Error::new(
                Kind::Unexpected,
                format!("cannot encode the sign-in request as JSON ({error})"),
            )
        })?;
        let clock = self.tokens.clock();
        let issued_at = clock();
        let mut request = Request::post(self.token_url.clone(), body);
        // Sign-ins are an hour apart, so a kept-alive connection has most likely been closed.
        request.new_connection = true;
        let response = self.transport.send(request).await;
        let response = response.map_err(|error| Error::unanswered(client_id, error))?;
        let granted = response::read(&response)
            .map_err(|denial| self.denied(client_id, grant.secret(), &response, &denial, blame))?;
        let stored = StoredToken {
            access_token: granted.token,
            refresh_token: granted.refresh,
            expires_at: later(issued_at, granted.life),
            issued_at,
        };
        let token = Token::obtained(Scheme::Bearer, stored, Arc::clone(clock)).map_err(|_| {
            let message = format!(
                "the token for `{client_id}` contains characters that an HTTP header cannot hold"
            );
            Error::new(Kind::Unexpected, message)
        })?;
        tracing::debug!(client_id, seconds = granted.life.as_secs(), "signed in");
        Ok(token)
    }

    fn denied(
        &self,
        client_id: &str,
        refresh: &str,
        response: &Response,
        denial: &SignInRefusal,
        blame: Kind,
    ) -> Error {
        let Credentials {
            username,
            username_origin,
            password,
            password_origin,
        } = &self.credentials;
        let text = quotable(&denial.text, &[password.expose(), username, refresh]);
        let http = response.status.as_u16();
        let said = format!("HTTP {http}: {text}");
        let kind = if denial.kind == Kind::Credentials {
            blame
        } else {
            denial.kind
        };
        let url = shown(&self.token_url);
        let message = match kind {
            _ if denial.hint == RefusalHint::Foreign => format!(
                "the response to the sign-in for `{client_id}` did not come from FortiCloud: it is \
                 {text} (HTTP {http}); a proxy or firewall on the way to `{url}` may have sent it"
            ),
            _ if denial.hint == RefusalHint::LostBody => format!(
                "`{url}` did not receive the body of the sign-in for `{client_id}` ({said}); a \
                 redirect or a proxy may have dropped it: check that the path of `auth_url` ends \
                 with a slash"
            ),
            Kind::Credentials if denial.hint == RefusalHint::LockOut => format!(
                "FortiCloud issued no token to this API user (`{client_id}`, {said}): the user may \
                 be locked out after too many sign-ins (a lockout ends by itself after 15 to 30 \
                 minutes); if not, the user or its password is wrong: the user comes from \
                 {username_origin}, the password from {password_origin}"
            ),
            Kind::ClientId if denial.hint == RefusalHint::LockOut => format!(
                "FortiCloud issued no token for `{client_id}` to this API user ({said}); if other \
                 client ids get no token either, the user may be locked out; a lockout ends by \
                 itself after 15 to 30 minutes"
            ),
            Kind::Credentials if denial.hint == RefusalHint::Forbidden => format!(
                "FortiCloud forbids the sign-in (`{client_id}`, {said}): a firewall or an IP \
                 address rule on the way to `{url}` may block it; if not, the API user or its \
                 password is wrong: the user comes from {username_origin}, the password from \
                 {password_origin}"
            ),
            Kind::Credentials => format!(
                "the API user or its password is wrong: the user comes from {username_origin}, the \
                 password from {password_origin} (`{client_id}`, {said})"
            ),
            Kind::ClientId => format!(
                "FortiCloud issued no token for `{client_id}` to this API user ({said}); check \
                 which APIs its permission profile allows"
            ),
            Kind::Limited => {
                format!("too many sign-ins or calls; no token for `{client_id}` ({said})")
            }
            Kind::Config => format!("no token server found at `{url}` ({said}); check `auth_url`"),
            Kind::Taken | Kind::Transient | Kind::Unexpected => {
                format!("no token for `{client_id}` from `{url}` ({said})")
            }
        };
        if !matches!(kind, Kind::Limited | Kind::Transient) {
            return Error::new(kind, message);
        }
        let limit = Limit {
            http: response.status,
            headers: response.headers.clone(),
            status: denial.status,
        };
        Error::answered(kind, message, limit)
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

#[async_trait]
impl Signer for OAuth {
    async fn token(&self, client_id: &str) -> Result<Token> {
        self.token(client_id).await
    }

    fn secrets(&self) -> Vec<String> {
        self.secrets()
    }

    fn is_current(&self, client_id: &str, token: &Token) -> bool {
        self.is_current(client_id, token)
    }

    async fn refused(&self, client_id: &str, token: &Token) -> Result<()> {
        self.refused(client_id, token).await;
        Ok(())
    }

    async fn doubted(&self, client_id: &str, token: &Token) {
        self.refused(client_id, token).await;
    }
}

#[cfg(test)]
mod tests;
