//! The client: its public methods.

mod tries;
mod usage;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use fortilake_auth::{Micros, Signer};
use fortilake_models::{Endpoint, Operation};
use fortilake_transport::{Redirects, Transport, shown, url::Url};
use serde_json::{Map, Value};
use tokio::time;

pub use self::usage::Usage;
use crate::{
    Config, Error, Jitter, Page, Result, RetryPolicy, SignIn, Tries, Waiting,
    limited_transport::LimitedTransport,
    limiter::Rules,
    request::{Call, SecretHandling},
    signer::signer,
    typed,
};

/// How often a sleeping caller checks whether the client was told to stop.
const STOP_CHECK: Duration = Duration::from_millis(200);

/// Makes calls for one API user.
///
/// Clients of the same user should share the ledger and the queue of their [`Config`], so that
/// together they stay within the limits.
pub struct Client {
    api_url: Url,
    /// The host of the endpoints that need no token, because they issue tokens.
    auth_host: Url,
    limited: Arc<LimitedTransport>,
    /// The line used to sign out. It ignores the limits of the run, but not those of the API.
    limited_sign_out: Arc<LimitedTransport>,
    sign_in: SignIn,
    user: String,
    signer: Box<dyn Signer>,
    retries: RetryPolicy,
    jitter: Jitter,
    /// How many tokens somebody else has revoked.
    revocations: AtomicU64,
}

/// A callback that records that a call is about to be sent.
type Note<'a> = dyn Fn() -> Result<()> + Sync + 'a;

impl Client {
    /// Checks the configuration and creates a client. Nothing is sent yet.
    pub fn new(config: Config, transport: Arc<dyn Transport>, jitter: Jitter) -> Result<Self> {
        config.check()?;
        let rules = Rules {
            waiting: config.waiting,
            on_wait: config.on_wait.clone(),
            max_calls: config.max_calls,
            call_count: Arc::clone(&config.call_count),
            deadline: config.deadline,
        };
        let limited = Arc::new(LimitedTransport::new(
            &config,
            Arc::clone(&transport),
            rules,
        ));
        // A second line without the run's rules. Signing out must work after the deadline and after
        // `max_calls`, or a FortiPortal token blocks the next run until it expires.
        let limited_sign_out =
            Arc::new(LimitedTransport::new(&config, transport, Rules::default()));
        // Redirects are followed above the limits, so every hop counts as a call, which it is.
        let transport = Arc::new(Redirects::new(Arc::clone(&limited)));
        let signer = signer(&config, transport)?;
        let user = config.user();
        let mut auth_host = config.auth_url;
        auth_host.set_path("");
        Ok(Self {
            api_url: config.api_url,
            auth_host,
            limited,
            limited_sign_out,
            sign_in: config.sign_in,
            user,
            signer,
            retries: config.retries,
            jitter,
            revocations: AtomicU64::new(0),
        })
    }

    /// Calls an endpoint and returns its response with all secrets removed.
    ///
    /// An unknown or missing argument is an error before anything is sent.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped, the API may still carry out the call, and the call still counts
    /// against the limits.
    pub async fn fetch(
        &self,
        endpoint: &'static Endpoint,
        arguments: &Map<String, Value>,
    ) -> Result<Page> {
        let call = self.prepare(endpoint, arguments)?;
        self.carry_out(&call, None, &|| Ok(())).await
    }

    /// Tries a call once more, after `before` failed tries. For callers that do other work between
    /// the tries instead of waiting.
    ///
    /// What is not the call's fault is retried as in [`fetch`](Self::fetch): a stale token, an idle
    /// connection that broke. A failure counts only for this call, so it never opens
    /// the circuit breaker.
    ///
    /// If the API answers that there were too many calls, no other call is sent for as long as it
    /// asked, and the error [is throttled](Error::is_throttled).
    ///
    /// # Cancellation
    ///
    /// As for [`fetch`](Self::fetch).
    pub async fn try_fetch(
        &self,
        endpoint: &'static Endpoint,
        arguments: &Map<String, Value>,
        before: Tries,
    ) -> Result<Page> {
        let call = self.prepare(endpoint, arguments)?;
        self.carry_out(&call, Some(before), &|| Ok(())).await
    }

    /// Calls an operation, with its own request and response types.
    ///
    /// Unlike in a page, a [`Secret`](fortilake_models::Secret) in the response is kept,
    /// because the caller asked for it. The caller's own token is removed.
    ///
    /// # Cancellation
    ///
    /// As for [`fetch`](Self::fetch).
    pub async fn call<O: Operation>(&self, request: &O::Request) -> Result<O::Response> {
        self.call_noted::<O>(request, &|| Ok(())).await
    }

    /// Calls an operation, and runs `note` immediately before each time that it is sent.
    ///
    /// A call may wait a long time for its turn. If the note were made before that wait and the
    /// process died during it, the next run would have to assume that the call was sent. If `note`
    /// fails, nothing is sent.
    pub async fn call_noted<O: Operation>(
        &self,
        request: &O::Request,
        note: &Note<'_>,
    ) -> Result<O::Response> {
        let name = format!("`{}`", O::ENDPOINT.id);
        let arguments = match serde_json::to_value(request) {
            Ok(Value::Object(arguments)) => arguments,
            Ok(_) => return Err(Error::arguments(&name, "takes only named arguments")),
            Err(error) => {
                return Err(Error::json(
                    &name,
                    "has arguments that cannot be encoded as JSON",
                    error,
                ));
            }
        };
        let call = Call {
            keep: SecretHandling::Secrets,
            ..self.prepare(O::ENDPOINT, &arguments)?
        };
        let page = self.carry_out(&call, None, note).await?;
        typed::read(O::ENDPOINT, &call.label, &page.body)
    }

    /// Signs in ahead of the first call that needs the token, so that sign-ins can overlap with
    /// other calls.
    ///
    /// This tries once; a call that needs the token tries again.
    pub async fn sign_in(&self, client_id: &str) -> Result<()> {
        let token = self.token(client_id).await;
        token
            .map(drop)
            .map_err(|failure| failure.into_error(&format!("`{client_id}`"), Tries::ONE))
    }

    /// Gives back the token of a FortiPortal, which would block the next sign-in until it expires.
    ///
    /// This counts as a call, but the limits of the run do not apply: it is sent even after
    /// [`stop`](Self::stop), after the deadline, and beyond the maximum number of calls. It does
    /// nothing if there is no token, or for the other systems. If it fails, the token stays in the
    /// store, so that the next run can use it.
    pub async fn sign_out(&self) -> Result<()> {
        let transport = Redirects::new(Arc::clone(&self.limited_sign_out));
        let result = self.signer.sign_out(&transport).await;
        result.map_err(|error| self.limited_sign_out.no_token(error).into_sign_out_error())
    }

    /// Returns the id of the user in the token store. It does not reveal the name.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Returns the id under which the ledger counts this client's calls and errors.
    pub fn ledger_key(&self) -> &str {
        &self.limited.limiter.user
    }

    /// Waits for `pause`, or until the client is told to stop.
    pub async fn rest(&self, pause: Duration) {
        let end = time::Instant::now() + pause;
        while !self.limited.limiter.is_stopped() && time::Instant::now() < end {
            time::sleep_until(end.min(time::Instant::now() + STOP_CHECK)).await;
        }
    }

    /// Returns how many requests this client has sent, including sign-ins and retries.
    pub fn calls(&self) -> u64 {
        self.limited.limiter.calls() + self.limited_sign_out.limiter.calls()
    }

    /// Returns how many tokens stopped working before their time, because somebody else revoked them or
    /// signed in as the same user.
    pub fn revocations(&self) -> u64 {
        self.revocations.load(Ordering::Relaxed)
    }

    /// Returns how many times a call is tried, including the first time.
    pub fn attempts(&self) -> u32 {
        self.retries.attempts
    }

    /// Whether calls wait as long as necessary when the API allows none.
    pub fn waits_forever(&self) -> bool {
        self.limited.limiter.rules.waiting == Waiting::Forever
    }

    /// Returns the time of the clock that [`Pause::resume_at`](crate::Pause::resume_at) refers to.
    pub fn now(&self) -> Micros {
        (self.limited.limiter.clock)()
    }

    /// Sends no further calls, including those that wait for their turn. Calls in flight continue.
    ///
    /// Calls that were not sent fail with [`Kind::Paused`](crate::Kind::Paused).
    pub fn stop(&self) {
        self.limited.limiter.stop();
    }

    /// Checks a call and builds its request. Nothing is sent yet.
    fn prepare(&self, endpoint: &'static Endpoint, arguments: &Map<String, Value>) -> Result<Call> {
        let base = match (endpoint.client_id, self.sign_in) {
            (None, SignIn::OAuth) => &self.auth_host,
            _ => &self.api_url,
        };
        let call = Call::new(base, endpoint, arguments)?;
        if endpoint.client_id.is_some() && endpoint.system != self.sign_in.system() {
            return Err(Error::arguments(
                &call.label,
                "belongs to a different system than the one that this client calls",
            ));
        }
        Ok(call)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let api_url = shown(&self.api_url);
        formatter
            .debug_struct("Client")
            .field("api_url", &api_url)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
