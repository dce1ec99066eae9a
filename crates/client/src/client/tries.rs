//! The tries of a single call.

use std::{
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use fortilake_auth::{self as auth, Micros, Token, later};
use fortilake_transport::{Redirects, Request, Response, Transport as _, http::header};
use tokio::time;

use super::{Client, Note};
use crate::{
    Page, Pause, Reason, Result, Tries, Waiting,
    class::Class,
    error::ErrorSource,
    failure::CallFailure,
    limited_transport::CallTransport,
    limiter::{Permit, Stop},
    page,
    request::Call,
    retry::{Repeat, RetryDecision, RetryState},
};

/// How many tokens may expire or be refused while one call waits for its turn.
///
/// More than one only happens if tokens live shorter than calls wait.
const STALE_TOKENS: usize = 5;

/// How long a new token is left alone if the API does not know it yet.
const YOUNG_TOKEN_PAUSE: Duration = Duration::from_secs(1);

impl Client {
    /// Tries the call until it gets a response or another try makes no sense. With `before`, it is
    /// tried only once.
    ///
    /// The future is boxed so that it is compiled once, and not in every crate that makes calls.
    pub(super) fn carry_out<'a>(
        &'a self,
        call: &'a Call,
        before: Option<Tries>,
        note: &'a Note<'_>,
    ) -> Pin<Box<dyn Future<Output = Result<Page>> + Send + 'a>> {
        Box::pin(self.try_until_done(call, before, note))
    }

    async fn try_until_done(
        &self,
        call: &Call,
        before: Option<Tries>,
        note: &Note<'_>,
    ) -> Result<Page> {
        let new_retry = || match before {
            None => RetryState::new(&self.retries, &self.jitter),
            Some(_) => RetryState::once(&self.retries, &self.jitter),
        };
        let mut retry = new_retry();
        let mut tries = before.unwrap_or_default();
        let mut new_connection = false;
        loop {
            tries.count += 1;
            let mut failure = match self.attempt(call, tries, note, new_connection).await {
                Ok(page) => return Ok(page),
                Err(failure) => failure,
            };
            let trial = failure.trial(call);
            failure.repeated = failure.digest.is_some() && failure.digest == tries.digest;
            tries.digest = failure.digest;
            let next = if failure.repeated {
                RetryDecision::GiveUp
            } else {
                retry.next(trial)
            };
            if let RetryDecision::HoldBack(pause) = next {
                self.close(pause).await?;
                return Err(self.explained(failure.into_error(&call.label, tries)).await);
            }
            if matches!(next, RetryDecision::GiveUp | RetryDecision::Suspend(_)) {
                failure.pause = self.pause(&failure, &next, retry.is_once()).await?;
                failure.renewals = retry.renewals();
                // The budget for new tokens belongs to the call, not to each of its tries.
                failure.repeated |= failure.class == Class::Token && failure.renewals > 0;
                let waits = self.limited.limiter.rules.waiting == Waiting::Forever;
                if !waits || trial.repeat == Repeat::Never || !failure.is_waited_out() {
                    let error = failure.into_error(&call.label, tries);
                    return Err(self.explained(error).await);
                }
                // The limiter reopens when the pause is over, and the call starts with a fresh set of
                // tries.
                retry = new_retry();
            }
            let endpoint = call.endpoint.id;
            let CallFailure { class, http, .. } = &failure;
            tracing::warn!(
                endpoint,
                ?class,
                http,
                tries = tries.count,
                ?next,
                "call failed, trying again"
            );
            match next {
                RetryDecision::SignIn => self.replace_token(call, &failure).await,
                RetryDecision::Pause(pause) => time::sleep(pause).await,
                RetryDecision::Reconnect => new_connection = true,
                RetryDecision::Close(pause) => drop(self.close(pause).await?),
                // All calls that use this token wait in `ready` until it has rested.
                RetryDecision::SameToken
                | RetryDecision::GiveUp
                | RetryDecision::HoldBack(_)
                | RetryDecision::Suspend(_) => {}
            }
        }
    }

    /// Closes the limiter for `pause`, for all calls of the user, and returns when it opens again.
    async fn close(&self, pause: Duration) -> Result<Micros> {
        self.limited.limiter.close(pause).await?;
        Ok(later((self.limited.limiter.clock)(), pause))
    }

    /// Returns why and until when all calls pause after this failure, if they do.
    async fn pause(
        &self,
        failure: &CallFailure,
        next: &RetryDecision,
        once: bool,
    ) -> Result<Option<Pause>> {
        let RetryDecision::Suspend(pause) = next else {
            // A response that comes again and again is a problem of this call, not of the service,
            // so it does not count towards the circuit breaker.
            let unanswered = matches!(
                failure.class,
                Class::Transient | Class::Unreached | Class::Stale
            );
            let failed = unanswered && !failure.repeated && !once;
            return Ok(if failed {
                self.limited.limiter.call_failed()
            } else {
                failure.pause
            });
        };
        let reason = match failure.class {
            Class::ErrorLimit => Reason::ErrorLimit,
            _ => Reason::Closed,
        };
        let resume_at = self.close(*pause).await?;
        Ok(Some(Pause { resume_at, reason }))
    }

    async fn attempt(
        &self,
        call: &Call,
        tries: Tries,
        note: &Note<'_>,
        new_connection: bool,
    ) -> Result<Page, CallFailure> {
        let (token, permit) = self.ready(call).await?;
        if let Err(error) = note() {
            permit.give_back().await;
            return Err(CallFailure::stopped(Stop::Ledger(error)));
        }
        let mut request = call.request.clone();
        request.new_connection = new_connection;
        if let Some(token) = &token {
            let headers = &mut request.headers;
            headers.insert(header::AUTHORIZATION, token.header());
        }
        let hops = CallTransport::new(&self.limited, call, permit, tries.count - 1);
        let result = self.exchange(call, request, token.as_ref(), hops).await;
        result.map_err(|failure| CallFailure { token, ..failure })
    }

    /// Waits for the call's turn, and for a token that is still valid at that moment.
    async fn ready(&self, call: &Call) -> Result<(Option<Token>, Permit<'_>), CallFailure> {
        let admit = async || {
            self.limited
                .limiter
                .admit()
                .await
                .map_err(CallFailure::stopped)
        };
        let Some(client_id) = call.endpoint.client_id else {
            return Ok((None, admit().await?));
        };
        for _ in 0..STALE_TOKENS {
            //  The token may expire or be refused while the call waits for its turn, which can take
            // an hour. So it is checked again after the wait, and if it is no longer current, the
            // place in the budget is given back unused. Getting the token after the turn would be
            // simpler, but then a sign-in would hold the place at the head of the queue, and needs
            // one of its own.
            let token = self.token(client_id).await?;
            time::sleep(token.resting()).await;
            let permit = admit().await?;
            if self.signer.is_current(client_id, &token) {
                return Ok((Some(token), permit));
            }
            permit.give_back().await;
        }
        Err(CallFailure::stale_tokens())
    }

    pub(super) async fn token(&self, client_id: &str) -> Result<Token, CallFailure> {
        let token = self.signer.token(client_id).await;
        token.map_err(|error| self.limited.no_token(error))
    }

    async fn exchange(
        &self,
        call: &Call,
        request: Request,
        token: Option<&Token>,
        hops: CallTransport<'_>,
    ) -> Result<Page, CallFailure> {
        let sent = time::Instant::now();
        let hops = Arc::new(hops);
        let redirects = match call.repeat() {
            Repeat::Harmless => Redirects::new(Arc::clone(&hops)),
            Repeat::Never => Redirects::rejected(Arc::clone(&hops)),
        };
        let answer = redirects.send(request).await;
        let response = match answer {
            Ok(response) => response,
            Err(error) => {
                let message = error.to_string();
                let failure = CallFailure::unanswered(error);
                hops.settle(failure.class, None, &message).await;
                tracing::debug!(
                    endpoint = call.endpoint.id,
                    account = call.account,
                    class = ?failure.class,
                    seconds = sent.elapsed().as_secs_f64(),
                    "call got no response"
                );
                return Err(failure);
            }
        };
        let http = response.status.as_u16();
        let bytes = response.body.len();
        let (mut class, page) = page::read(
            call,
            call.endpoint.dialect,
            &response,
            token,
            &self.signer.secrets(),
        );
        let mut source = None;
        let young = class == Class::Token && token.is_some_and(Token::is_young);
        match token {
            Some(token) if young => token.rest(YOUNG_TOKEN_PAUSE),
            Some(token) if matches!(class, Class::Success | Class::Empty) => token.succeeded(),
            _ => {}
        }
        if class == Class::Token && !young {
            if token.is_some_and(Token::was_revoked) {
                self.revocations.fetch_add(1, Ordering::Relaxed);
            }
            // No other call can use this token either, so it is dropped even if this call is not
            // retried.
            if let Err(error) = self.drop_token(call, token).await {
                class = Class::Credentials;
                source = Some(ErrorSource::Auth(error));
            }
        }
        let shown_body = page.is_none().then(|| self.describe_body(&response));
        let said = match &page {
            Some(page) => page.envelope.message.as_deref(),
            None => shown_body.as_deref(),
        };
        hops.settle(class, Some(http), said.unwrap_or_default())
            .await;
        tracing::debug!(
            endpoint = call.endpoint.id,
            account = call.account,
            http,
            bytes,
            ?class,
            seconds = sent.elapsed().as_secs_f64(),
            "call completed"
        );
        match (class, page) {
            (Class::Success | Class::Empty, Some(page)) => Ok(page),
            (class, page) => {
                let now = (self.limited.limiter.clock)();
                let failure = CallFailure::answered(class, &response, page, now);
                Err(CallFailure {
                    source,
                    shown_body,
                    young_token: young,
                    ..failure
                })
            }
        }
    }

    /// Describes a response that this API does not give.
    fn describe_body(&self, response: &Response) -> String {
        let secrets = self.signer.secrets();
        let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
        auth::describe_body(&response.body, &secrets)
    }

    /// Has the token replaced before the next try.
    ///
    /// After an "access denied" the token is only doubtful: it is old, which may be the reason. A
    /// refused token has already been dropped, unless it is so new that the API may not know it yet.
    async fn replace_token(&self, call: &Call, failure: &CallFailure) {
        let (Some(client_id), Some(token)) = (call.endpoint.client_id, &failure.token) else {
            return;
        };
        match failure.class {
            Class::Access => self.signer.doubted(client_id, token).await,
            // A key cannot be replaced; then the next try reports its refusal.
            _ => drop(self.signer.refused(client_id, token).await),
        }
    }

    /// Drops a refused token. Returns an error if no other token can be obtained.
    async fn drop_token(&self, call: &Call, token: Option<&Token>) -> auth::Result<()> {
        match (call.endpoint.client_id, token) {
            (Some(client_id), Some(token)) => self.signer.refused(client_id, token).await,
            _ => Ok(()),
        }
    }
}
