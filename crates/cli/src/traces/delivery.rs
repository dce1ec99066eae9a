//! How many spans a collector has accepted, and why it has not accepted others.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use opentelemetry::Context;
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor},
};

/// What became of the spans so far.
#[derive(Debug, Default)]
pub(super) struct Delivery {
    ended: AtomicU64,
    accepted: AtomicU64,
    /// Why the last request failed.
    failure: Mutex<Option<String>>,
}

impl Delivery {
    /// Records why a request failed.
    pub(super) fn failed(&self, why: String) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }

    /// How many spans have not been accepted, of how many, and why; `None` if all were.
    pub(super) fn missing(&self) -> Option<(u64, u64, Option<String>)> {
        let ended = self.ended.load(Ordering::Relaxed);
        let missing = ended.saturating_sub(self.accepted.load(Ordering::Relaxed));
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        (missing > 0).then(|| (missing, ended, failure.clone()))
    }
}

/// Counts the spans that end. Those that do not fit into the queue are counted, too.
#[derive(Debug)]
pub(super) struct CountEnded {
    pub(super) queue: BatchSpanProcessor,
    pub(super) delivery: Arc<Delivery>,
}

impl SpanProcessor for CountEnded {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.queue.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        self.delivery.ended.fetch_add(1, Ordering::Relaxed);
        self.queue.on_end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.queue.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.queue.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.queue.set_resource(resource);
    }
}

/// Counts the spans that are accepted.
#[derive(Debug)]
pub(super) struct CountAccepted<E> {
    pub(super) exporter: E,
    pub(super) delivery: Arc<Delivery>,
}

impl<E: SpanExporter> SpanExporter for CountAccepted<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        self.exporter.export(batch).await?;
        let spans = u64::try_from(spans).unwrap_or(u64::MAX);
        self.delivery.accepted.fetch_add(spans, Ordering::Relaxed);
        Ok(())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
