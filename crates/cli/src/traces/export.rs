//! Exports spans in batches, by OTLP over HTTP.
//!
//! A thread of the OpenTelemetry library takes the spans from a bounded queue and sends them. If the
//! collector is slow or away, the queue is full, and further spans are dropped: a crawl never waits.

use std::{collections::HashMap, fmt, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use fortilake_crawler::one_line;
use fortilake_transport::{self as transport, Network, NetworkConfig, Transport as _, shown};
use opentelemetry::{
    InstrumentationScope, Key, KeyValue,
    propagation::TextMapPropagator as _,
    trace::{TraceContextExt as _, TracerProvider as _},
};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{
    Protocol, RetryPolicy, SpanExporter, WithExportConfig as _, WithHttpConfig as _,
};
use opentelemetry_sdk::{
    Resource,
    propagation::TraceContextPropagator,
    trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider},
};
use tokio::{runtime::Runtime, time};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::{
    Layer as _,
    filter::{LevelFilter, filter_fn},
};

use super::{
    SpanLayer,
    delivery::{CountAccepted, CountEnded, Delivery},
    is_span,
    target::Target,
};
use crate::{config::Env, console::Console};

/// How long one request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the end of a run waits for the collector.
const END_TIMEOUT: Duration = Duration::from_secs(3);

/// The same after a signal, when the process may be killed soon.
const INTERRUPTED_TIMEOUT: Duration = Duration::from_secs(1);

/// The largest response that is read. Nothing in it is needed.
const MAX_RESPONSE: usize = 1024 * 1024;

/// Exports the spans of this process.
pub(super) struct Exporter {
    provider: SdkTracerProvider,
    delivery: Arc<Delivery>,
    /// The URL for messages.
    url: String,
    /// The trace that the run belongs to, as its parent passed it on.
    parent: HashMap<String, String>,
}

impl Exporter {
    /// Starts the thread that exports.
    pub(super) fn start(target: Target, env: &Env) -> Result<Self> {
        let url = shown(&target.url);
        let delivery = Arc::new(Delivery::default());
        let variables = ["traceparent", "tracestate"].into_iter();
        let parent = variables.filter_map(|name| {
            let value = env.get(&name.to_ascii_uppercase())?;
            Some((name.to_owned(), value))
        });
        let headers = target.headers.iter();
        let headers = headers.map(|(name, value)| (name.clone(), value.expose().to_owned()));
        let exporter = SpanExporter::builder()
            .with_http()
            .with_endpoint(target.url.as_str())
            .with_protocol(Protocol::HttpBinary)
            .with_headers(headers.collect())
            .with_timeout(REQUEST_TIMEOUT)
            .with_retry_policy(RetryPolicy::default().with_max_retries(1))
            .with_http_client(Client::new(target, delivery.clone())?)
            .build()?;
        let exporter = CountAccepted {
            exporter,
            delivery: delivery.clone(),
        };
        let queue = BatchSpanProcessor::builder(exporter)
            .with_batch_config(BatchConfigBuilder::default().build())
            .build();
        let provider = SdkTracerProvider::builder()
            .with_resource(resource())
            .with_span_processor(CountEnded {
                queue,
                delivery: delivery.clone(),
            })
            .build();
        Ok(Self {
            provider,
            delivery,
            url,
            parent: parent.collect(),
        })
    }

    pub(super) fn layer(&self) -> SpanLayer {
        let scope = InstrumentationScope::builder("fortilake")
            .with_version(env!("CARGO_PKG_VERSION"))
            .build();
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer_with_scope(scope))
            .with_context_activation(false)
            .with_level(false)
            .with_location(false)
            .with_target(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(filter_fn(is_span).with_max_level_hint(LevelFilter::INFO))
            .boxed()
    }

    /// Makes the span of the run part of the trace that the environment names, and logs its id.
    pub(super) fn adopt(&self, span: &Span) {
        let parent = TraceContextPropagator::new().extract(&self.parent);
        // This fails if another subscriber has taken the place of ours. Then there are no traces.
        let _ = span.set_parent(parent);
        let context = span.context();
        let trace_id = context.span().span_context().trace_id();
        tracing::info!(%trace_id, url = self.url, "exporting traces");
    }

    /// Exports what is left, and warns if anything was not accepted.
    pub(super) fn end(self, span: Span, interrupted: bool, console: Console) {
        // A task that is still stopping may hold a span inside of this one, which would keep it open.
        span.context().span().end();
        drop(span);
        let timeout = if interrupted {
            INTERRUPTED_TIMEOUT
        } else {
            END_TIMEOUT
        };
        // Its error says nothing that the count does not say.
        let _ = self.provider.shutdown_with_timeout(timeout);
        let Some((missing, all, failure)) = self.delivery.missing() else {
            return;
        };
        let why = failure.unwrap_or_else(|| format!("no response within {} s", timeout.as_secs()));
        console.warning(&format!(
            "{missing} of {all} spans were not accepted by `{}`: {why}",
            self.url
        ));
    }
}

/// What the spans are about: this program, unless the environment says more.
fn resource() -> Resource {
    let detected = Resource::builder().build();
    let text = |key: &'static str| detected.get(&Key::new(key)).map(|value| value.to_string());
    let mut builder = Resource::builder();
    if text("service.name").is_none_or(|name| name.starts_with("unknown_service")) {
        builder = builder.with_service_name("fortilake");
    }
    if text("service.version").is_none() {
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        builder = builder.with_attribute(version);
    }
    builder.build()
}

/// Sends requests with our own transport, so that proxies and certificates work as they do for the
/// APIs.
struct Client {
    network: Network,
    /// The thread that exports is not part of a runtime.
    runtime: Runtime,
    delivery: Arc<Delivery>,
}

impl Client {
    fn new(target: Target, delivery: Arc<Delivery>) -> Result<Self> {
        let network = Network::new(NetworkConfig {
            connect_timeout: REQUEST_TIMEOUT / 2,
            max_body: MAX_RESPONSE,
            ca_cert: target.ca_cert,
            // `Target` makes sure that no secret is sent unencrypted.
            allow_http: true,
            ..NetworkConfig::default()
        });
        Ok(Self {
            network: network.context("`OTEL_EXPORTER_OTLP_CERTIFICATE` cannot be used")?,
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?,
            delivery,
        })
    }

    fn send(&self, request: Request<Bytes>) -> Result<transport::Response> {
        let (parts, body) = request.into_parts();
        let request = transport::Request {
            method: parts.method,
            url: parts.uri.to_string().parse()?,
            headers: parts.headers,
            body,
            new_connection: false,
        };
        let response = self
            .runtime
            .block_on(async { time::timeout(REQUEST_TIMEOUT, self.network.send(request)).await });
        Ok(response
            .map_err(|_| anyhow::anyhow!("no response within {} s", REQUEST_TIMEOUT.as_secs()))??)
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let response = self.send(request).map_err(|error| {
            self.delivery.failed(one_line(&*error));
            error
        })?;
        if !response.status.is_success() {
            let status = response.status.as_u16();
            self.delivery.failed(format!("HTTP {status}"));
        }
        let mut answer = Response::new(response.body);
        *answer.status_mut() = response.status;
        *answer.headers_mut() = response.headers;
        Ok(answer)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Client").finish_non_exhaustive()
    }
}
