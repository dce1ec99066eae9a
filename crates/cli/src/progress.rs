//! The progress of a crawl: a live display on a terminal, a plain line every 30 seconds otherwise.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use fortilake_auth::until;
use fortilake_client::{Client, Window};
use fortilake_crawler::{Event, Observer};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::task::JoinHandle;

use crate::{
    console::Console,
    source_usage,
    summary::{CallCounts, count},
    time::{Span, clock, window_name},
};

/// The template of the live display. What was published and the limits have lines of their own, so that the display fits
/// a terminal of 60 columns.
const TEMPLATE: &str = "{spinner} [{elapsed}] {wide_bar} {msg}\n{prefix}";
/// The time between two updates of the live display.
const LIVE: Duration = Duration::from_millis(100);
/// The time between two plain lines.
const PLAIN: Duration = Duration::from_secs(30);

/// The calls of a crawl, counted while it runs.
#[derive(Clone)]
pub(crate) struct CallTally(Arc<Counts>);

impl CallTally {
    /// The number of calls that succeeded or finally failed, by source and endpoint.
    pub(crate) fn by_endpoint(&self) -> CallCounts {
        self.0.by_endpoint().clone()
    }

    /// The number of calls that finally failed.
    pub(crate) fn failed(&self) -> u64 {
        self.0.failed.load(Relaxed)
    }
}

/// Counts the events of a crawl and prints the counts until it ends.
pub(crate) struct Progress {
    counts: Arc<Counts>,
    task: JoinHandle<()>,
    bar: Option<ProgressBar>,
}

#[derive(Default)]
struct Counts {
    by_endpoint: Mutex<CallCounts>,
    /// The clients of each source, to show how much of their limits is left.
    clients: Vec<Vec<Arc<Client>>>,
    planned: AtomicU64,
    answered: AtomicU64,
    failed: AtomicU64,
    scopes: AtomicU64,
    rows: AtomicU64,
}

impl Progress {
    /// Starts to print progress in the background.
    pub(crate) fn start(console: Console, clients: Vec<Vec<Arc<Client>>>) -> Self {
        let counts = Arc::new(Counts {
            clients,
            ..Counts::default()
        });
        let bar = console.interactive.then(live_display);
        let task = tokio::spawn(show(counts.clone(), bar.clone(), console));
        Self { counts, task, bar }
    }

    /// An observer that counts the crawl's events.
    pub(crate) fn observer(&self) -> Observer {
        let counts = self.counts.clone();
        Arc::new(move |event| counts.take(event))
    }

    /// The number of requests that this run has sent, sign-ins and repetitions included.
    pub(crate) fn sent(&self) -> u64 {
        self.counts
            .clients
            .iter()
            .flatten()
            .map(|client| client.calls())
            .sum()
    }

    /// The same number by source and endpoint.
    pub(crate) fn calls_by_endpoint(&self) -> CallCounts {
        self.tally().by_endpoint()
    }

    /// The counts so far, and those that follow.
    pub(crate) fn tally(&self) -> CallTally {
        CallTally(self.counts.clone())
    }

    /// Stops printing and clears the live display.
    ///
    /// It waits until the task has ended, so that no progress line follows the summary.
    pub(crate) async fn end(&self) {
        self.task.abort();
        while !self.task.is_finished() {
            tokio::task::yield_now().await;
        }
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Counts {
    fn by_endpoint(&self) -> MutexGuard<'_, CallCounts> {
        // Each use changes a single number, so the counts are consistent even if a thread panicked
        // while it held the lock.
        self.by_endpoint
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// What the limits of each source still allow, and how long the rest takes within them, in lines of at most 60
    /// columns.
    async fn limits(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for clients in &self.clients {
            let Ok(Some(usage)) = source_usage::of_clients(clients).await else {
                continue;
            };
            // Of several sources it is not known which calls belong to which.
            let to_do = match &self.clients[..] {
                [_] => self
                    .planned
                    .load(Relaxed)
                    .saturating_sub(self.answered.load(Relaxed)),
                _ => 0,
            };
            let next = usage.next_call.filter(|_| usage.waiting > 0);
            let next = next.filter(|&next| next < i64::MAX);
            let next = next.map(|next| until(clock()(), next));
            lines.extend(limits_of(&usage.windows, usage.errors_left, next, to_do));
        }
        lines
    }

    fn take(&self, event: &Event<'_>) {
        match event {
            Event::Planned { calls } => {
                self.planned.fetch_add(*calls as u64, Relaxed);
            }
            Event::Dropped => {
                self.planned.fetch_sub(1, Relaxed);
            }
            Event::Answered { fetch, error } => {
                let mut counts = self.by_endpoint();
                let source = counts.entry(fetch.source.to_string()).or_default();
                *source.entry(fetch.endpoint).or_default() += 1;
                drop(counts);
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

    fn calls(&self) -> String {
        let failed = match self.failed.load(Relaxed) {
            0 => String::new(),
            failed => format!(", {failed} failed"),
        };
        let (answered, planned) = (self.answered.load(Relaxed), self.planned.load(Relaxed));
        format!("{answered} of {planned} calls{failed}")
    }

    fn published(&self) -> String {
        format!(
            "{} and {} published",
            count(self.scopes.load(Relaxed), "scope"),
            count(self.rows.load(Relaxed), "row"),
        )
    }
}

/// What the limits of one source still allow, if `to_do` calls are still to be made, as far as is known.
fn limits_of(
    windows: &[(Window, u32)],
    errors_left: Option<u32>,
    next: Option<Duration>,
    to_do: u64,
) -> Vec<String> {
    let left = windows.iter().map(|(window, used)| {
        let (left, name) = (window.max.saturating_sub(*used), window_name(window.per));
        format!("{left} of {} per {name}", window.max)
    });
    let left = left.collect::<Vec<_>>().join(", ");
    let calls = (!left.is_empty()).then(|| format!("calls left: {left}"));
    let errors = errors_left.map(|left| format!("errors left: {left}"));
    let (windows, used): (Vec<_>, Vec<_>) = windows.iter().copied().unzip();
    let least = source_usage::least_time(to_do, &windows, &used);
    let least = (to_do > 0 && !least.is_zero()).then(|| format!("at least {} more", Span(least)));
    let rest = errors.into_iter().chain(least).collect::<Vec<_>>();
    let rest = (!rest.is_empty()).then(|| rest.join("; "));
    let next = next.map(|next| format!("next call in {}", Span(next)));
    calls.into_iter().chain(rest).chain(next).collect()
}

fn live_display() -> ProgressBar {
    let bar = ProgressBar::new(0);
    // A test checks that the template is valid, so the fallback is never used.
    let style =
        ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style);
    bar
}

async fn show(counts: Arc<Counts>, bar: Option<ProgressBar>, console: Console) {
    let began = Instant::now();
    let mut ticks = tokio::time::interval(if bar.is_some() { LIVE } else { PLAIN });
    // The first tick of an interval is immediate; without this, a line of zeros would be printed.
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let limits = counts.limits().await;
        if let Some(bar) = &bar {
            bar.set_length(counts.planned.load(Relaxed));
            bar.set_position(counts.answered.load(Relaxed));
            bar.set_message(counts.calls());
            let lines = std::iter::once(counts.published()).chain(limits);
            bar.set_prefix(lines.collect::<Vec<_>>().join("\n"));
            bar.tick();
        } else {
            let seconds = began.elapsed().as_secs();
            let counted = format!("{}, {}", counts.calls(), counts.published());
            let parts = std::iter::once(counted).chain(limits);
            let parts = parts.collect::<Vec<_>>().join("; ");
            console.note(&format!("{seconds:>5} s: {parts}\n"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_of_the_live_display_is_valid() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
    }

    #[test]
    fn the_limits_fit_60_columns() {
        let window = |max, minutes| Window {
            max,
            per: Duration::from_mins(minutes),
        };
        let windows = |used| [(window(100, 1), used), (window(1000, 60), used)];
        let lines = limits_of(&windows(31), Some(8), None, 20);
        let calls = "calls left: 69 of 100 per minute, 969 of 1000 per hour";
        assert_eq!(lines, [calls, "errors left: 8"]);
        let wait = Some(Duration::from_secs(3599));
        let lines = limits_of(&windows(0), Some(10), wait, 99_999);
        let time = "errors left: 10; at least 99 h 0 min more";
        assert_eq!(lines[1..], [time, "next call in 59 min 59 s"]);
        assert!(lines.iter().all(|line| line.len() <= 60), "{lines:?}");
        assert_eq!(limits_of(&[], None, None, 5), Vec::<String>::new());
    }
}
