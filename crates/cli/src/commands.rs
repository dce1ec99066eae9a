//! One module per command. Each resolves its arguments, runs, and returns an exit code.

pub(crate) mod account;
pub(crate) mod call;
#[cfg(feature = "history")]
pub(crate) mod changes;
pub(crate) mod check;
pub(crate) mod config;
pub(crate) mod contract;
pub(crate) mod crawl;
pub(crate) mod crawls;
pub(crate) mod decode;
pub(crate) mod folder;
pub(crate) mod ftm;
#[cfg(feature = "history")]
pub(crate) mod history;
pub(crate) mod license;
pub(crate) mod manual;
mod operation;
pub(crate) mod ou;
mod part;
mod place;
pub(crate) mod plan;
pub(crate) mod portal;
pub(crate) mod product;
#[cfg(feature = "history")]
mod published;
#[cfg(feature = "history")]
pub(crate) mod renewals;
pub(crate) mod replay;
#[cfg(feature = "history")]
pub(crate) mod report;
mod response;
pub(crate) mod service;
mod shown;
pub(crate) mod simulate;
pub(crate) mod sinks;
pub(crate) mod snapshots;
pub(crate) mod tables;
mod view;

use std::{
    io,
    path::Path,
    pin::Pin,
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

use anyhow::{Context as _, anyhow};

use fortilake_client as client;
use fortilake_crawler::{OpenSink, sink_store};
use fortilake_sink::{self as sink, Partial, TableSpec, registry};
use fortilake_state::State;
use tokio::runtime::Runtime;

use crate::{
    config::{Env, SinkConfig},
    console::Console,
    exit::{Code, CommandError, Result},
    signals::{self, ForcedStop},
    time::Time,
};

/// Everything that opening sinks requires besides their configuration.
pub(crate) struct SinkOpener<'a> {
    /// The crawl that the sinks will publish.
    pub(crate) crawl: &'a sink::Crawl,
    /// The tables that the crawl writes.
    pub(crate) tables: &'a [Arc<TableSpec>],
    /// Where sinks store what they need in later runs; `None` if the run must leave no state.
    pub(crate) state: Option<&'a State>,
    /// Resolves references to environment variables, files and commands.
    pub(crate) env: &'a Env,
    /// What to do with a partial snapshot; `None` leaves the choice to each sink.
    pub(crate) partial: Option<Partial>,
}

impl SinkOpener<'_> {
    /// Opens the sinks in order. If one cannot be opened, the sinks before it are aborted.
    pub(crate) async fn open(&self, configs: &[SinkConfig]) -> Result<Vec<OpenSink>> {
        let mut open: Vec<OpenSink> = Vec::new();
        for config in configs {
            match self.open_one(config).await {
                Ok(sink) => open.push(sink),
                Err(error) => {
                    for OpenSink { sink, .. } in open {
                        // Only the first failure is reported: the abort is its consequence.
                        let _ = sink.abort().await;
                    }
                    let context = format!("sink `{}` cannot be opened", config.label);
                    return Err(CommandError::from(error).context(context));
                }
            }
        }
        Ok(open)
    }

    async fn open_one(&self, config: &SinkConfig) -> sink::Result<OpenSink> {
        let spec = &config.spec;
        let options = self.env.resolve(spec).await?;
        let delivery = (registry::find(&spec.sink)?.delivery)(&options)?;
        let mut context =
            sink::Context::new(self.crawl.clone(), self.tables.to_vec()).with_partial(self.partial);
        if let Some(state) = self.state {
            let folder = state.path().and_then(Path::parent).map(Path::to_owned);
            context = context
                .with_store(sink_store(state, spec)?)
                .with_scratch(folder);
        }
        Ok(OpenSink {
            name: config.label.clone(),
            delivery,
            sink: spec.open(context, options).await?,
        })
    }
}

/// Starts this many threads at the same time, and ends them again.
///
/// If the runtime cannot start a thread, it panics or hangs. This check fails with an error instead.
fn check_threads(number: usize) -> io::Result<()> {
    // The threads end when the sender is dropped.
    let (sender, receiver) = mpsc::channel::<()>();
    let receiver = Arc::new(Mutex::new(receiver));
    let mut threads = Vec::new();
    let mut result = Ok(());
    for _ in 0..number {
        let receiver = Arc::clone(&receiver);
        let wait = move || drop(receiver.lock().map(|receiver| receiver.recv()));
        match thread::Builder::new().spawn(wait) {
            Ok(thread) => threads.push(thread),
            Err(error) => {
                result = Err(error);
                break;
            }
        }
    }
    drop(sender);
    for thread in threads {
        let _ = thread.join();
    }
    result
}

/// Converts the error of a single call into the failure of a command.
fn call_failure(error: client::Error) -> CommandError {
    use client::Kind;
    let code = match error.kind() {
        Kind::Credentials | Kind::Config => Code::NotStarted,
        Kind::Paused => Code::Paused,
        _ => Code::Failed,
    };
    let hint = error
        .pause()
        .map(|pause| format!("the API allows calls again at {}", Time(pause.resume_at)));
    CommandError {
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
    timeout: Duration,
    work: impl FnOnce(signals::SignalHandler) -> F,
) -> Result<T> {
    let runtime = runtime()?;
    let result = block_on(&runtime, async {
        let (watch, stop_now) = signals::SignalHandler::begin(console, timeout);
        tokio::select! {
            result = work(watch) => result,
            reason = stop_now.wait() => Err(CommandError {
                code: Code::Interrupted,
                error: match reason {
                    ForcedStop::SecondSignal => anyhow!("stopped immediately by a second signal"),
                    ForcedStop::Timeout => anyhow!(
                        "stopped without waiting for calls in flight, {} s after the signal",
                        timeout.as_secs()
                    ),
                },
                hint: Some("run the same command again to continue from the journal".to_owned()),
            }),
        }
    });
    runtime.shutdown_timeout(SHUTDOWN_TIMEOUT);
    result
}

/// How long blocking threads, such as those that write files, may take to finish at shutdown.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);

/// How many threads beside the workers have to be possible, for files and for the state.
const SPARE_THREADS: usize = 4;

/// The least number of threads that decode, encode and write files; there are as many as cores, if those are more.
///
/// More would finish no sooner, and the allocator keeps memory for each of them: without this limit, decoding a million
/// products took 66 MB more. A single thread is not enough, because one such task may wait for another one.
const BLOCKING_THREADS: usize = 2;

/// Waits for a future.
///
/// It is boxed because the runtime would otherwise be compiled again for the future of every command.
fn block_on<'a, T: 'a>(runtime: &Runtime, work: impl Future<Output = T> + 'a) -> T {
    let work: Pin<Box<dyn Future<Output = T> + 'a>> = Box::pin(work);
    runtime.block_on(work)
}

/// A multi-threaded runtime for the commands that make calls or wait.
fn runtime() -> Result<Runtime> {
    let workers = thread::available_parallelism().map_or(1, usize::from);
    check_threads(workers + SPARE_THREADS)
        .with_context(|| format!("cannot start {} threads", workers + SPARE_THREADS))
        .map_err(CommandError::not_started)
        .map_err(|failure| {
            failure.hint("raise the limits on threads and memory (`ulimit -u` and `ulimit -v`)")
        })?;
    tokio::runtime::Builder::new_multi_thread()
        .max_blocking_threads(workers.max(BLOCKING_THREADS))
        .enable_all()
        .build()
        .map_err(CommandError::failed)
}
