//! The client itself.

use std::{fmt, sync::Arc};

use fortilake_auth::{
    OAuth, Token,
    models::{Endpoint, Operation},
    transport::{Redirects, Transport, http::header, shown, url::Url},
};
use serde_json::{Map, Value};
use tokio::time;

use crate::{
    Config, Error, Jitter, Page, Result, Retries, Window,
    class::Class,
    failure::Failure,
    page,
    quota::{Gate, Limited},
    request::Call,
    retry::{Next, Retry},
};

/// Makes calls for one API user.
///
/// All of a user's calls should go through one client, since limits are counted in it.
pub struct Client {
    api_url: Url,
    transport: Arc<dyn Transport>,
    oauth: OAuth,
    gate: Arc<Gate>,
    retries: Retries,
    jitter: Jitter,
}

/// What a client has called so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// How many requests have been sent, sign-ins and repetitions included.
    pub calls: u64,
    /// The windows of the configuration, and how many calls each of them holds now.
    pub windows: Vec<(Window, usize)>,
}

impl Client {
    /// Checks the configuration; nothing is sent yet.
    pub fn new(config: Config, transport: Arc<dyn Transport>, jitter: Jitter) -> Result<Self> {
        config.check()?;
        let gate = Arc::new(Gate::new(config.calls));
        let limited = Limited {
            transport,
            gate: Arc::clone(&gate),
            timeout: config.timeout,
        };
        // Redirects lie above the limits, so that every hop counts as the call that it is.
        let transport: Arc<dyn Transport> = Arc::new(Redirects::new(limited));
        let oauth = OAuth::new(Arc::clone(&transport), config.auth_url, config.credentials);
        Ok(Self {
            api_url: config.api_url,
            transport,
            oauth,
            gate,
            retries: config.retries,
            jitter,
        })
    }

    /// Calls an endpoint and returns its answer, without the secrets in it.
    ///
    /// Arguments that the endpoint does not know, or that it misses, are an error before anything
    /// is sent.
    ///
    /// # Cancellation
    ///
    /// A dropped future may leave a call that the API still carries out, and that counts.
    pub async fn fetch(
        &self,
        endpoint: &'static Endpoint,
        arguments: &Map<String, Value>,
    ) -> Result<Page> {
        self.carry_out(&Call::new(&self.api_url, endpoint, arguments)?)
            .await
    }

    /// Calls an operation with its own types.
    ///
    /// # Cancellation
    ///
    /// As for [`fetch`](Self::fetch).
    pub async fn call<O: Operation>(&self, request: &O::Request) -> Result<O::Response> {
        let name = format!("`{}`", O::ENDPOINT.id);
        let arguments = match serde_json::to_value(request) {
            Ok(Value::Object(arguments)) => arguments,
            Ok(_) => return Err(Error::arguments(&name, "takes named arguments alone")),
            Err(error) => return Err(Error::json(&name, "has arguments that are no JSON", error)),
        };
        let call = Call::new(&self.api_url, O::ENDPOINT, &arguments)?;
        let page = self.carry_out(&call).await?;
        serde_json::from_str(&page.body)
            .map_err(|error| Error::json(&call.label, "got an answer of another shape", error))
    }

    /// Signs in ahead of the first call that needs it, so that sign-ins can run side by side.
    ///
    /// It is tried once; a call that needs the token tries again.
    pub async fn sign_in(&self, client_id: &str) -> Result<()> {
        let token = self.oauth.token(client_id).await;
        token.map(drop).map_err(|error| {
            let failure = Failure::sign_in(error);
            Error::last(
                &format!("`{client_id}`"),
                failure,
                1,
                self.gate.suspension(),
            )
        })
    }

    /// What has been called so far.
    pub fn usage(&self) -> Usage {
        let (calls, windows) = self.gate.usage();
        Usage { calls, windows }
    }

    /// Tries until there is an answer, or no point in trying.
    async fn carry_out(&self, call: &Call) -> Result<Page> {
        let mut retry = Retry::new(&self.retries, &self.jitter);
        let mut tries = 0;
        loop {
            tries += 1;
            let failure = match self.attempt(call).await {
                Ok(page) => return Ok(page),
                Err(failure) => failure,
            };
            let next = retry.next(failure.trial(call));
            self.drop_token(call, &failure, &next);
            if !matches!(next, Next::GiveUp | Next::Suspend(_)) {
                let endpoint = call.endpoint.id;
                let Failure { class, http, .. } = &failure;
                tracing::warn!(
                    endpoint,
                    ?class,
                    http,
                    tries,
                    ?next,
                    "call failed, trying again"
                );
            }
            match next {
                Next::SignIn => {}
                Next::Pause(pause) => time::sleep(pause).await,
                Next::Close(pause) => self.gate.close(pause),
                Next::Suspend(pause) => {
                    self.gate.suspend(pause);
                    return Err(Error::last(&call.label, failure, tries, Some(pause)));
                }
                Next::GiveUp => {
                    let pause = self.gate.suspension();
                    return Err(Error::last(&call.label, failure, tries, pause));
                }
            }
        }
    }

    async fn attempt(&self, call: &Call) -> Result<Page, Failure> {
        let token = match call.endpoint.client_id {
            Some(client_id) => {
                let token = self.oauth.token(client_id).await;
                Some(token.map_err(Failure::sign_in)?)
            }
            None => None,
        };
        let result = self.exchange(call, token.as_ref()).await;
        result.map_err(|failure| Failure { token, ..failure })
    }

    async fn exchange(&self, call: &Call, token: Option<&Token>) -> Result<Page, Failure> {
        let mut request = call.request.clone();
        if let Some(token) = token {
            let headers = &mut request.headers;
            headers.insert(header::AUTHORIZATION, token.header());
        }
        let answer = self.transport.send(request).await;
        let mut response = answer.map_err(Failure::unanswered)?;
        let http = response.status.as_u16();
        let headers = std::mem::take(&mut response.headers);
        let bytes = response.body.len();
        let (class, page) = page::read(response, token);
        let endpoint = call.endpoint.id;
        tracing::debug!(endpoint, http, bytes, ?class, "call answered");
        match (class, page) {
            (Class::Success | Class::Empty, Some(page)) => Ok(page),
            (class, page) => {
                let envelope = page.map(|page| page.envelope);
                Err(Failure::answered(class, http, &headers, envelope))
            }
        }
    }

    /// A token that was refused is of no use to anyone, even if this call is not tried again.
    fn drop_token(&self, call: &Call, failure: &Failure, next: &Next) {
        let refused = failure.class == Class::Token || *next == Next::SignIn;
        if let (true, Some(client_id), Some(token)) =
            (refused, call.endpoint.client_id, &failure.token)
        {
            self.oauth.refused(client_id, token);
        }
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
