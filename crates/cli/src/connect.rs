//! Creates clients for configured sources and for the embedded simulator.

use std::sync::{Arc, atomic::AtomicU64};

use anyhow::{Context as _, anyhow};
use async_trait::async_trait;
use fortilake_auth::{Credentials, Micros, StoredToken, TokenStore};
use fortilake_client::{self as client, Client};
use fortilake_crawler::{ConnectionConfig, System, one_line};
use fortilake_simulator::{Scenario, Simulator};
use fortilake_state::State;
use fortilake_transport::{self as transport, InProcess, Network, Transport};

use crate::{
    config::{Env, SourceConfig},
    console::Console,
    exit::{CommandError, Result},
    time::{Time, clock},
};

/// What all clients of a run share, and the limits of the run.
pub(crate) struct ClientContext {
    /// Where the ledger and tokens are stored; `None` keeps them in this process.
    pub(crate) state: Option<State>,
    /// The order in which calls of all sources are sent.
    pub(crate) queue: client::Queue,
    /// How many requests may be sent, sign-ins included.
    pub(crate) max_calls: Option<u64>,
    /// No request is sent after this time.
    pub(crate) deadline: Option<Micros>,
    /// Whether to wait, however long, when the API allows no calls.
    pub(crate) wait: bool,
    /// Whether to sign in to FortiCloud even if a token of an earlier run is still valid.
    pub(crate) sign_in_anew: bool,
    /// Where waits and warnings are printed.
    pub(crate) console: Console,
    /// Whether the run shows its progress, so that waits for a full window need no line each.
    pub(crate) shows_progress: bool,
}

impl ClientContext {
    /// No limits besides those of the API.
    pub(crate) fn new(state: Option<State>, console: Console) -> Self {
        Self {
            state,
            queue: client::Queue::new(),
            max_calls: None,
            deadline: None,
            wait: false,
            sign_in_anew: false,
            console,
            shows_progress: false,
        }
    }
}

/// A client for each API user of a configured source. They share the limits of the run.
pub(crate) fn clients(
    source: &SourceConfig,
    env: &Env,
    context: &ClientContext,
) -> Result<Vec<Arc<Client>>> {
    let call_count = Arc::default();
    let mut clients: Vec<Arc<Client>> = Vec::new();
    for user in source.by_user() {
        let client = of_user(&user, env, context, &call_count)?;
        if clients.iter().any(|other| other.user() == client.user()) {
            return Err(CommandError::not_started(anyhow!(
                "source `{}` has the same API user twice; remove one of them, because a user's limits \
                 cannot be used twice",
                source.name
            )));
        }
        clients.push(Arc::new(client));
    }
    Ok(clients)
}

/// A client for the first API user of a configured source.
pub(crate) fn client(source: &SourceConfig, env: &Env, context: &ClientContext) -> Result<Client> {
    of_user(&first(source), env, context, &Arc::default())
}

/// The source with its first API user alone.
fn first(source: &SourceConfig) -> SourceConfig {
    let first = source.by_user().into_iter().next();
    first.unwrap_or_else(|| source.clone())
}

/// A client for a source with a single API user. `call_count` counts the calls of all users.
fn of_user(
    source: &SourceConfig,
    env: &Env,
    context: &ClientContext,
    call_count: &Arc<AtomicU64>,
) -> Result<Client> {
    if source.insecure_tls {
        context.console.warning(&format!(
            "source `{}` accepts any certificate, because `insecure_tls` is set; anyone \
             on the network path can read its traffic and its password",
            source.name
        ));
    }
    let usual = transport::NetworkConfig::default();
    let network = transport::NetworkConfig {
        // Connecting must time out before the call does. If the call timed out first, it
        // would be unknown whether a request was sent, and it would count against the limits.
        connect_timeout: usual.connect_timeout.min(source.call_timeout()? / 2),
        max_body: source.answer_limit()?,
        ca_cert: source.ca_cert.clone(),
        insecure_tls: source.insecure_tls,
        ..usual
    };
    let network = Network::new(network)
        .with_context(|| format!("cannot set up connections to source `{}`", source.name))
        .map_err(CommandError::not_started)?;
    let config = client::Config {
        call_count: call_count.clone(),
        ..config(source, env)?
    };
    connect(config, context, Arc::new(network))
}

/// The client configuration of a source and its first API user, with secrets resolved.
pub(crate) fn config(source: &SourceConfig, env: &Env) -> Result<client::Config> {
    let source = &first(source);
    limited(source, of_system(source, source.credentials(env)?)?)
}

/// Sets the timeout and the limits that the source has of its own.
fn limited(source: &SourceConfig, mut config: client::Config) -> Result<client::Config> {
    config.timeout = source.call_timeout()?;
    if let Some(calls) = source.call_limits()? {
        config.calls = calls;
    }
    if let Some(errors) = source.error_limit()? {
        config.errors = Some(errors);
    }
    config.share = source.quota.share;
    config.budget.clone_from(&source.quota.budget);
    Ok(config)
}

/// Checks a source as far as that is possible without its secrets and without a connection.
pub(crate) fn check_offline(source: &SourceConfig) -> Result<()> {
    source.check_users()?;
    offline(source).map(drop)
}

/// The client configuration of a source with everything but its secrets.
pub(crate) fn offline(source: &SourceConfig) -> Result<client::Config> {
    let placeholder = Credentials {
        username: String::new(),
        username_origin: String::new(),
        password: "".into(),
        password_origin: String::new(),
    };
    limited(source, of_system(source, placeholder)?)
}

/// The defaults of the source's system, at the configured addresses.
fn of_system(source: &SourceConfig, credentials: Credentials) -> Result<client::Config> {
    let address = |text: &Option<String>, name| {
        let text = text.as_ref();
        text.map(|text| url(text, name)).transpose()
    };
    let connection = ConnectionConfig {
        api_url: address(&source.api_url, "api_url")?,
        auth_url: address(&source.auth_url, "auth_url")?,
        credentials,
    };
    let config = source.system.client_config(connection).ok_or_else(|| {
        CommandError::not_started(anyhow!("source `{}` has no `api_url`", source.name))
            .hint("add the address of the system, such as `api_url = \"https://portal.example\"`")
    })?;
    // A call would be refused for the same reason, but only in the middle of a crawl.
    for (key, url) in [("api_url", &config.api_url), ("auth_url", &config.auth_url)] {
        transport::check_encrypted(url)
            .with_context(|| format!("`{key}` of source `{}` cannot be used", source.name))
            .map_err(CommandError::not_started)?;
    }
    Ok(config)
}

/// A client for a system of the embedded simulator; nothing leaves the process.
///
/// `day` is the day that the simulator is on.
pub(crate) fn simulated(system: System, day: u64, context: &ClientContext) -> Result<Client> {
    let scenario = Scenario {
        day,
        ..Scenario::production()
    };
    let origin = "the simulator's scenario";
    let (username, password) = scenario.user_of(system.name());
    let credentials = Credentials {
        username: username.to_owned(),
        username_origin: origin.to_owned(),
        password: password.into(),
        password_origin: origin.to_owned(),
    };
    let connection = ConnectionConfig {
        api_url: Some(url("https://simulator.invalid", "api_url")?),
        auth_url: None,
        credentials,
    };
    let config = system
        .client_config(connection)
        .ok_or_else(|| CommandError::failed(anyhow!("`{}` is not simulated", system.name())))?;
    let simulator = Simulator::new(scenario);
    let transport = InProcess::new(move |request| {
        let simulator = simulator.clone();
        async move { simulator.handle(request).await }
    });
    connect(config, context, Arc::new(transport))
}

fn connect(
    mut config: client::Config,
    context: &ClientContext,
    transport: Arc<dyn Transport>,
) -> Result<Client> {
    let console = context.console;
    if let Some(state) = &context.state {
        config.ledger = Arc::new(state.clone());
        // Only FortiCloud can be made to issue a new token: FortiPortal issues none while another
        // is valid, so a stored token has to be used there.
        let anew = context.sign_in_anew && config.sign_in == client::SignIn::OAuth;
        config.tokens = Some(if anew {
            Arc::new(SaveOnlyTokenStore(state.clone()))
        } else {
            Arc::new(state.clone())
        });
        state.on_correction(Arc::new(move |correction| {
            console.warning(&correction.to_string());
        }));
    }
    config.clock = clock();
    config.queue = context.queue.clone();
    config.max_calls = context.max_calls;
    config.deadline = context.deadline;
    if context.wait {
        config.waiting = client::Waiting::Forever;
    }
    let quiet = context.shows_progress;
    config.on_wait = Some(Arc::new(move |pause| {
        // The progress line already shows when the next call is sent.
        if quiet && pause.reason == client::Reason::Calls {
            return;
        }
        console.note(&format!(
            "waiting until {}: {}\n",
            Time(pause.resume_at),
            pause.reason
        ));
    }));
    Client::new(config, transport, client::Jitter::random()).map_err(CommandError::not_started)
}

/// A token store that saves tokens for later runs but loads none of earlier runs.
struct SaveOnlyTokenStore(State);

#[async_trait]
impl TokenStore for SaveOnlyTokenStore {
    async fn load(&self, _: &str, _: &str) -> Option<StoredToken> {
        None
    }

    async fn save(&self, user: &str, client_id: &str, token: &StoredToken) {
        TokenStore::save(&self.0, user, client_id, token).await;
    }

    async fn remove(&self, user: &str, client_id: &str) {
        TokenStore::remove(&self.0, user, client_id).await;
    }
}

/// Signs out of systems that issue one token at a time. A FortiPortal token that stays behind would
/// block the next sign-in until it expires.
pub(crate) async fn sign_out(clients: &[Arc<Client>], console: Console) {
    for client in clients {
        if let Err(error) = client.sign_out().await {
            console.warning(&one_line(&error));
        }
    }
}

fn url(text: &str, key: &str) -> Result<url::Url> {
    let wrong = |what: &str| {
        CommandError::not_started(anyhow!(
            "`{key}` is {what}; it must be a URL such as `https://support.fortinet.com`"
        ))
    };
    // A URL can contain a password, so it is printed without one. Text that is not a URL is not
    // printed at all, because there is no telling where a password would be.
    let url = text.parse::<url::Url>().map_err(|_| wrong("not a URL"))?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        _ if url.has_host() => Err(wrong(&format!("`{}`", transport::shown(&url)))),
        _ => Err(wrong("a URL without a host")),
    }
}
