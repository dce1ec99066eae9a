//! One module per command. Each resolves its arguments, runs, and returns an exit code.

pub(crate) mod account;
pub(crate) mod call;
pub(crate) mod check;
pub(crate) mod contract;
pub(crate) mod crawl;
pub(crate) mod crawls;
pub(crate) mod decode;
pub(crate) mod folder;
pub(crate) mod ftm;
pub(crate) mod license;
mod operation;
pub(crate) mod ou;
pub(crate) mod plan;
pub(crate) mod portal;
pub(crate) mod product;
pub(crate) mod replay;
pub(crate) mod service;
mod shown;
pub(crate) mod simulate;
pub(crate) mod sinks;
pub(crate) mod tables;
mod view;

use std::{sync::Arc, time::Duration};

use anyhow::anyhow;

use fortilake_crawler::{
    Facts, Names, OpenSink,
    client::{self, Client, models},
    sink::{self, TableSpec},
    sink_store,
    state::State,
};

use crate::{
    config::SinkConfig,
    connect::Time,
    console::Console,
    exit::{Code, Failure, Result},
    signals,
};

/// Opens the sinks; what opened before a failure is taken back.
async fn open_sinks(
    configs: &[SinkConfig],
    crawl: &sink::Crawl,
    tables: &[Arc<TableSpec>],
    state: Option<&State>,
) -> Result<Vec<OpenSink>> {
    let mut open: Vec<OpenSink> = Vec::new();
    for config in configs {
        let context = sink::Context::new(crawl.clone(), tables.to_vec());
        let opened = match state.map(|state| sink_store(state, &config.spec)) {
            None => config.spec.clone().open(context).await,
            Some(Ok(store)) => config.spec.clone().open(context.with_store(store)).await,
            Some(Err(error)) => Err(error),
        };
        match opened {
            Ok(sink) => open.push(OpenSink {
                name: config.label.clone(),
                sink,
            }),
            Err(error) => {
                for OpenSink { sink, .. } in open {
                    // The first failure is the one to tell.
                    let _ = sink.abort().await;
                }
                let context = format!("sink `{}` cannot be opened", config.label);
                return Err(Failure::from(error).context(context));
            }
        }
    }
    Ok(open)
}

/// What became of a call that a command made by itself.
fn call_failure(error: client::Error) -> Failure {
    use client::Kind;
    let code = match error.kind() {
        Kind::Credentials | Kind::Config => Code::NotStarted,
        Kind::Paused => Code::Paused,
        _ => Code::Failed,
    };
    let hint = error.pause().map(|pause| {
        format!(
            "the API allows calls again from {} on",
            Time(pause.resume_at)
        )
    });
    Failure {
        code,
        error: error.into(),
        hint,
    }
}

/// Runs work that stops gracefully at the first signal, and immediately at a second one or when
/// `timeout` is over after SIGTERM or SIGHUP.
///
/// An immediate stop drops the future. This drops everything that the future owns, including
/// programs that a sink has started, so nothing keeps running in the background.
fn interruptible<T, F: Future<Output = Result<T>>>(
    console: Console,
    work: impl FnOnce(signals::Watch) -> F,
) -> Result<T> {
    let runtime = runtime()?;
    let result = runtime.block_on(async {
        let (watch, insistence) = signals::Watch::begin(console);
        tokio::select! {
            result = work(watch) => result,
            () = insistence.wait() => Err(Failure {
                code: Code::Interrupted,
                error: anyhow!("stopped at once"),
                hint: Some("the same command goes on from what is journaled".to_owned()),
            }),
        }
    });
    runtime.shutdown_timeout(PATIENCE);
    result
}

/// How long a thread that writes may take to see that it is over.
const PATIENCE: Duration = Duration::from_secs(1);

/// A runtime for the commands that wait for something.
fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::failed)
}

/// Makes one call outside a crawl, and reads what a plan would know of its answer.
async fn ask(
    client: &Client,
    endpoint: &str,
    arguments: serde_json::Value,
) -> client::Result<serde_json::Result<Facts>> {
    let serde_json::Value::Object(arguments) = arguments else {
        return Ok(Facts::read(endpoint, "{}", Names::Unwanted));
    };
    let Some(endpoint) = models::endpoint(endpoint) else {
        return Ok(Facts::read(endpoint, "{}", Names::Unwanted));
    };
    let page = client.fetch(endpoint, &arguments).await?;
    let body = if page.is_empty_result() {
        "{}"
    } else {
        &page.body
    };
    Ok(Facts::read(endpoint.id, body, Names::Unwanted))
}
