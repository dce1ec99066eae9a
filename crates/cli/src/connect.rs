//! Creates clients for configured sources and for the embedded simulator.

use std::{fmt, sync::Arc, time::Duration};

use anyhow::{Context as _, anyhow};
use fortilake_crawler::{
    client::{
        self, Client,
        auth::Credentials,
        ledger::Micros,
        transport::{self, InProcess, Network, Transport},
    },
    one_line,
    state::State,
};
use fortilake_simulator::{Scenario, Simulator};

use crate::{
    config::{Env, SourceConfig, SourceKind},
    console::Console,
    exit::{Failure, Result},
};

/// What all clients of a run share, and what bounds the run.
pub(crate) struct Terms {
    /// Where calls and tokens are remembered, if not only in this process.
    pub(crate) state: Option<State>,
    /// The order in which calls of all sources are sent.
    pub(crate) queue: client::Queue,
    /// How many requests may be sent, sign-ins included.
    pub(crate) max_calls: Option<u64>,
    /// No request is sent after this time.
    pub(crate) deadline: Option<Micros>,
    /// Whether to wait, however long, when the API allows no calls.
    pub(crate) wait: bool,
    /// Where such waits are told.
    pub(crate) console: Console,
}

impl Terms {
    /// No bounds beside those of the API.
    pub(crate) fn new(state: Option<State>, console: Console) -> Self {
        Self {
            state,
            queue: client::Queue::new(),
            max_calls: None,
            deadline: None,
            wait: false,
            console,
        }
    }
}

/// A client for a configured source.
pub(crate) fn client(source: &SourceConfig, env: &Env, terms: &Terms) -> Result<Client> {
    if source.insecure_tls {
        terms.console.note(&format!(
            "warning: source `{}` takes any certificate, so anyone on the way can read along: \
             `insecure_tls` is set\n",
            source.name
        ));
    }
    let network = transport::NetworkConfig {
        ca_cert: source.ca_cert.clone(),
        insecure_tls: source.insecure_tls,
        ..transport::NetworkConfig::default()
    };
    let network = Network::new(network)
        .with_context(|| format!("source `{}` cannot be connected to", source.name))
        .map_err(Failure::not_started)?;
    connect(config(source, env)?, terms, Arc::new(network))
}

/// The client configuration of a source, with its secrets resolved.
pub(crate) fn config(source: &SourceConfig, env: &Env) -> Result<client::Config> {
    let mut config = by_kind(source, env)?;
    config.timeout = source.call_timeout()?;
    if let Some(calls) = source.call_limits()? {
        config.calls = calls;
    }
    if let Some(errors) = source.error_limit()? {
        config.errors = Some(errors);
    }
    config.share = source.quota.share;
    Ok(config)
}

fn by_kind(source: &SourceConfig, env: &Env) -> Result<client::Config> {
    let api_url = source.api_url.as_ref();
    let api_url = api_url.map(|text| url(text, "api_url")).transpose()?;
    let address = || {
        api_url.clone().ok_or_else(|| {
            Failure::not_started(anyhow!("source `{}` has no `api_url`", source.name)).hint(
                "add the address of the system, such as `api_url = \"https://portal.example\"`",
            )
        })
    };
    if source.kind == SourceKind::FortiPortal && source.api_key.is_some() {
        let key = source.secret("api_key", env)?;
        let secret = key.expose().into();
        return Ok(client::Config::portal_key(address()?, secret, key.origin));
    }
    let credentials = credentials(source, env)?;
    Ok(match source.kind {
        SourceKind::FortiPortal => client::Config::portal(address()?, credentials),
        SourceKind::FortiAuthenticator => client::Config::authenticator(address()?, credentials),
        SourceKind::FortiCloud => {
            let mut config = client::Config::new(credentials);
            if let Some(auth_url) = &source.auth_url {
                config.auth_url = url(auth_url, "auth_url")?;
            }
            if let Some(api_url) = api_url {
                config.api_url = api_url;
            }
            config
        }
    })
}

fn credentials(source: &SourceConfig, env: &Env) -> Result<Credentials> {
    let (username, password) = source.credentials(env)?;
    Ok(Credentials {
        username: username.expose().to_owned(),
        username_origin: username.origin.clone(),
        password: password.expose().into(),
        password_origin: password.origin.clone(),
    })
}

/// A client of a system of the embedded simulator; nothing leaves the process.
pub(crate) fn simulated(kind: SourceKind, terms: &Terms) -> Result<Client> {
    let scenario = Scenario::production();
    let credentials = |username: &str, password: &str| {
        let origin = "the simulator's scenario";
        Credentials {
            username: username.to_owned(),
            username_origin: origin.to_owned(),
            password: password.into(),
            password_origin: origin.to_owned(),
        }
    };
    let address = || url("https://simulator.invalid", "api_url");
    let config = match kind {
        SourceKind::FortiCloud => {
            let user = &scenario.credentials;
            client::Config::new(credentials(&user.username, &user.password))
        }
        SourceKind::FortiPortal => {
            let user = &scenario.portal;
            client::Config::portal(address()?, credentials(&user.username, &user.password))
        }
        SourceKind::FortiAuthenticator => {
            let user = &scenario.authenticator;
            client::Config::authenticator(address()?, credentials(&user.username, &user.api_key))
        }
    };
    let simulator = Simulator::new(scenario);
    let transport = InProcess::new(move |request| {
        let simulator = simulator.clone();
        async move { simulator.handle(request).await }
    });
    connect(config, terms, Arc::new(transport))
}

fn connect(
    mut config: client::Config,
    terms: &Terms,
    transport: Arc<dyn Transport>,
) -> Result<Client> {
    if let Some(state) = &terms.state {
        config.ledger = Arc::new(state.clone());
        config.tokens = Some(Arc::new(state.clone()));
    }
    config.queue = terms.queue.clone();
    config.max_calls = terms.max_calls;
    config.deadline = terms.deadline;
    if terms.wait {
        config.waiting = client::Waiting::Forever;
    }
    let console = terms.console;
    config.on_wait = Some(Arc::new(move |pause| {
        console.note(&format!(
            "waiting until {}: {}\n",
            Time(pause.resume_at),
            pause.reason
        ));
    }));
    Client::new(config, transport, client::Jitter::random()).map_err(Failure::not_started)
}

/// Gives back what signing in took; a token that stays behind is in the way of the next one.
pub(crate) async fn sign_out(clients: &[Arc<Client>], console: Console) {
    for client in clients {
        if let Err(error) = client.sign_out().await {
            console.note(&format!("warning: {}\n", one_line(&error)));
        }
    }
}

fn url(text: &str, key: &str) -> Result<url::Url> {
    let wrong = |what: &str| {
        Failure::not_started(anyhow!(
            "`{key}` is {what}; it takes a URL such as `https://support.fortinet.com`"
        ))
    };
    // A URL can hold a password, so it is shown without, and what is no URL not at all.
    let url = text.parse::<url::Url>().map_err(|_| wrong("no URL"))?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        _ if url.has_host() => Err(wrong(&format!("`{}`", transport::shown(&url)))),
        _ => Err(wrong("no URL of a host")),
    }
}

/// An instant as people read it, with how far away it is.
pub(crate) struct Time(pub(crate) Micros);

impl fmt::Display for Time {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ok(time) = jiff::Timestamp::from_microsecond(self.0) else {
            return formatter.write_str("an unknown time");
        };
        let away = time
            .duration_since(jiff::Timestamp::now())
            .max(jiff::SignedDuration::ZERO);
        let away = Duration::from_secs(away.as_secs().unsigned_abs());
        write!(
            formatter,
            "{} (in {})",
            time.strftime("%Y-%m-%dT%H:%M:%SZ"),
            Span(away)
        )
    }
}

/// A length of time in its two largest units.
pub(crate) struct Span(pub(crate) Duration);

impl fmt::Display for Span {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        match seconds {
            0..60 => write!(formatter, "{seconds} s"),
            60..3600 => write!(formatter, "{} min {} s", seconds / 60, seconds % 60),
            _ => write!(
                formatter,
                "{} h {} min",
                seconds / 3600,
                seconds % 3600 / 60
            ),
        }
    }
}
