//! How far a crawl is: a live line for a person, a plain line every half minute otherwise.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use fortilake_crawler::{Event, Observer};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::task::JoinHandle;

use crate::console::Console;

/// How often the live line is drawn.
const LIVE: Duration = Duration::from_millis(100);
/// How often the plain line is written.
const PLAIN: Duration = Duration::from_secs(30);

/// Counts events and shows the counts.
pub(crate) struct Progress {
    counts: Arc<Counts>,
    task: JoinHandle<()>,
    bar: Option<ProgressBar>,
}

#[derive(Default)]
struct Counts {
    planned: AtomicU64,
    answered: AtomicU64,
    failed: AtomicU64,
    scopes: AtomicU64,
    rows: AtomicU64,
}

impl Progress {
    /// Begins to show.
    pub(crate) fn start(console: Console) -> Self {
        let counts = Arc::new(Counts::default());
        let bar = console.interactive.then(live_line);
        let task = tokio::spawn(show(counts.clone(), bar.clone(), console));
        Self { counts, task, bar }
    }

    /// Where the crawl's events go.
    pub(crate) fn observer(&self) -> Observer {
        let counts = self.counts.clone();
        Arc::new(move |event| counts.take(event))
    }

    /// Ends showing and clears the live line.
    pub(crate) async fn end(self) {
        self.task.abort();
        // It was told to end, so that it was cancelled is no news.
        let _ = self.task.await;
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Counts {
    fn take(&self, event: &Event<'_>) {
        match event {
            Event::Planned { calls } => {
                self.planned.fetch_add(*calls as u64, Relaxed);
            }
            Event::Answered { error, .. } => {
                self.answered.fetch_add(1, Relaxed);
                self.failed.fetch_add(u64::from(error.is_some()), Relaxed);
            }
            Event::Published { rows, .. } => {
                self.scopes.fetch_add(1, Relaxed);
                self.rows.fetch_add(*rows, Relaxed);
            }
            _ => {}
        }
    }

    fn line(&self) -> String {
        let failed = match self.failed.load(Relaxed) {
            0 => String::new(),
            failed => format!(", {failed} failed"),
        };
        format!(
            "{} of {} calls{failed}, {} scopes and {} rows published",
            self.answered.load(Relaxed),
            self.planned.load(Relaxed),
            self.scopes.load(Relaxed),
            self.rows.load(Relaxed),
        )
    }
}

fn live_line() -> ProgressBar {
    let bar = ProgressBar::new(0);
    // The template is a constant, and a test draws it; the fallback is never seen.
    let style = ProgressStyle::with_template("{spinner} [{elapsed}] {wide_bar} {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style);
    bar
}

async fn show(counts: Arc<Counts>, bar: Option<ProgressBar>, console: Console) {
    let began = Instant::now();
    let mut ticks = tokio::time::interval(if bar.is_some() { LIVE } else { PLAIN });
    // The first tick is at once.
    ticks.tick().await;
    loop {
        ticks.tick().await;
        match &bar {
            Some(bar) => {
                bar.set_length(counts.planned.load(Relaxed));
                bar.set_position(counts.answered.load(Relaxed));
                bar.set_message(counts.line());
                bar.tick();
            }
            None => console.note(&format!(
                "{:>5} s: {}\n",
                began.elapsed().as_secs(),
                counts.line()
            )),
        }
    }
}
