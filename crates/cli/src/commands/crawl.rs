//! `fortilake crawl`: read the sources, publish a snapshot.

use std::{fs, path::Path, sync::Arc};

use anyhow::{Context as _, anyhow};
use fortilake_crawler::{
    Crawl, Incomplete, Report, Source,
    client::{
        self, Client,
        auth::Credentials,
        transport::{self, InProcess, Network, Transport},
    },
    sink::nearest,
    state::MemoryJournal,
    tables_of,
};
use fortilake_simulator::{Scenario, Simulator};
use tokio::sync::watch;

use super::Identity;
use crate::{
    args::CrawlArgs,
    config::{self, Config, Env, SourceConfig},
    console::Console,
    exit::{Code, Failure, Result},
    progress::Progress,
    signals, summary,
};

/// The endpoints that every FortiCloud crawl asks.
const ENDPOINTS: [&str; 3] = ["units/list", "accounts/list", "products/list"];

/// Crawls and publishes.
pub(crate) fn run(args: &CrawlArgs, console: Console) -> Result {
    let env = Env::read()?;
    let config = if args.simulate {
        simulated(args)?
    } else {
        selected(args, &env)?
    };
    super::runtime()?.block_on(crawl(args, &config, &env, console))
}

async fn crawl(args: &CrawlArgs, config: &Config, env: &Env, console: Console) -> Result {
    let mut sources = Vec::new();
    let mut endpoints: Vec<&str> = ENDPOINTS.to_vec();
    for source in &config.sources {
        let settings = source.settings(&args.account)?;
        endpoints.extend(&settings.include);
        let client = if args.simulate {
            simulated_client()?
        } else {
            real_client(source, env, console)?
        };
        sources.push(Source {
            settings,
            client: Arc::new(client),
            concurrency: source.concurrency,
        });
    }
    let identity = Identity::new();
    let tables = tables_of(&endpoints);
    let sinks = super::open_sinks(&config.sinks, &identity.crawl, &tables).await?;
    let (stop, stopped) = watch::channel(false);
    let progress = Progress::start(console);
    let crawl = Crawl {
        id: identity.crawl.id.clone(),
        sources,
        tables,
        sinks,
        incomplete: if args.require_complete {
            Incomplete::Discard
        } else {
            Incomplete::Publish
        },
        journal: Arc::new(MemoryJournal::default()),
        clock: Arc::new(|| jiff::Timestamp::now().as_microsecond()),
        observer: progress.observer(),
        stop: stopped,
    };
    let signals = signals::watch(stop, console);
    let result = crawl.run().await;
    signals.abort();
    progress.end().await;
    let report = result?;
    console.note(&summary::text(&identity.crawl, &report));
    if let Some(path) = &args.summary {
        write_summary(path, &summary::json(&identity.crawl, &report))?;
    }
    Ok(code(&report))
}

fn code(report: &Report) -> Code {
    if report.sinks.iter().any(|sink| sink.result.is_err()) {
        Code::Failed
    } else if report.complete {
        Code::Complete
    } else {
        Code::Partial
    }
}

fn write_summary(path: &Path, summary: &serde_json::Value) -> Result<()> {
    fs::write(path, format!("{summary:#}\n"))
        .with_context(|| {
            format!(
                "the snapshot is published, but its summary `{}` cannot be written",
                path.display()
            )
        })
        .map_err(Failure::failed)
}

/// The configured sources that the command line asks for.
fn selected(args: &CrawlArgs, env: &Env) -> Result<Config> {
    let mut config = config::load(args.config.as_deref(), &args.sink, env)?;
    for name in &args.source {
        if !config.sources.iter().any(|source| source.name == *name) {
            let known = config.sources.iter().map(|source| source.name.as_str());
            let failure = Failure::not_started(anyhow!("no source is named `{name}`"));
            return Err(match nearest(name, known.clone()) {
                Some(known) => failure.hint(format!("did you mean `{known}`?")),
                None => failure.hint(format!(
                    "there are: {}",
                    known.collect::<Vec<_>>().join(", ")
                )),
            });
        }
    }
    if !args.source.is_empty() {
        config
            .sources
            .retain(|source| args.source.contains(&source.name));
    }
    Ok(config)
}

fn simulated(args: &CrawlArgs) -> Result<Config> {
    let sources = vec![SourceConfig::new("simulated")];
    Ok(Config {
        sources,
        sinks: config::sink_specs(&args.sink)?,
    })
}

/// A client of the embedded simulator; nothing leaves the process.
fn simulated_client() -> Result<Client> {
    let scenario = Scenario::production();
    let origin = "the simulator's scenario";
    let credentials = Credentials {
        username: scenario.credentials.username.clone(),
        username_origin: origin.to_owned(),
        password: scenario.credentials.password.as_str().into(),
        password_origin: origin.to_owned(),
    };
    let simulator = Simulator::new(scenario);
    let transport = InProcess::new(move |request| {
        let simulator = simulator.clone();
        async move { simulator.handle(request).await }
    });
    connect(client::Config::new(credentials), Arc::new(transport))
}

fn real_client(source: &SourceConfig, env: &Env, console: Console) -> Result<Client> {
    let (username, password) = source.credentials(env)?;
    let credentials = Credentials {
        username: username.expose().to_owned(),
        username_origin: username.origin.clone(),
        password: password.expose().into(),
        password_origin: password.origin.clone(),
    };
    let mut config = client::Config::new(credentials);
    if let Some(auth_url) = &source.auth_url {
        config.auth_url = url(auth_url, "auth_url")?;
    }
    if let Some(api_url) = &source.api_url {
        config.api_url = url(api_url, "api_url")?;
    }
    config.timeout = source.call_timeout()?;
    config.calls = source
        .call_limits()?
        .into_iter()
        .map(|(max, per)| client::Window { max, per })
        .collect();
    if source.insecure_tls {
        let name = &source.name;
        console.note(&format!(
            "warning: source `{name}` takes any certificate, so anyone on the way can read along: \
             `insecure_tls` is set\n"
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
    connect(config, Arc::new(network))
}

fn connect(config: client::Config, transport: Arc<dyn Transport>) -> Result<Client> {
    Client::new(config, transport, client::Jitter::random()).map_err(Failure::not_started)
}

fn url(text: &str, key: &str) -> Result<url::Url> {
    let parsed = text
        .parse::<url::Url>()
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"));
    parsed.ok_or_else(|| {
        Failure::not_started(anyhow!(
            "`{key}` is `{text}`; it takes a URL such as `https://support.fortinet.com`"
        ))
    })
}
