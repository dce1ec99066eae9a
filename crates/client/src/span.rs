//! The spans of requests, for traces. Nothing is recorded unless the process exports traces.
//!
//! There is one span for each request that a permit allowed, so their number is the number of calls
//! in the ledger. Numbers are `i64`, because other integers would be exported as text. A span begins when the request is sent: the wait before is an attribute, and not
//! part of the span.

use std::time::Duration;

use fortilake_models::{Endpoint, Location};
use fortilake_transport::{Request, Response};
use tracing::{Span, field::Empty};

use crate::{Reason, class::Class, ledger::ErrorReason, request::Call};

/// How long a request waited for its turn, and why.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wait {
    pub(crate) length: Duration,
    /// `None` if it waited only behind other requests.
    pub(crate) reason: Option<Reason>,
}

/// The span of one request of a call, which was sent `resends` times before.
pub(crate) fn call(call: &Call, request: &Request, resends: u32, wait: Wait) -> Span {
    let span = tracing::info_span!(
        "call",
        otel.name = format_args!("call {}", call.endpoint.id),
        otel.kind = "client",
        otel.status_description = Empty,
        error.type = Empty,
        fortilake.account_id = call.account,
        fortilake.endpoint = call.endpoint.id,
        fortilake.outcome = Empty,
        fortilake.wait_reason = Empty,
        fortilake.wait_seconds = wait.length.as_secs_f64(),
        http.request.method = request.method.as_str(),
        http.request.resend_count = (resends > 0).then_some(i64::from(resends)),
        http.response.status_code = Empty,
        server.address = request.url.host_str(),
        server.port = request.url.port_or_known_default().map(i64::from),
        url.path = path(call.endpoint, request),
    );
    record_reason(&span, wait);
    span
}

/// The span of one request of a sign-in or sign-out.
pub(crate) fn sign_in(request: &Request, wait: Wait) -> Span {
    let span = tracing::info_span!(
        "sign-in",
        otel.kind = "client",
        otel.status_description = Empty,
        error.type = Empty,
        fortilake.outcome = Empty,
        fortilake.wait_reason = Empty,
        fortilake.wait_seconds = wait.length.as_secs_f64(),
        http.request.method = request.method.as_str(),
        http.response.status_code = Empty,
        server.address = request.url.host_str(),
        server.port = request.url.port_or_known_default().map(i64::from),
        url.path = request.url.path(),
    );
    record_reason(&span, wait);
    span
}

/// Records the status of a response.
pub(crate) fn answered(span: &Span, response: &Response) {
    let status = i64::from(response.status.as_u16());
    span.record("http.response.status_code", status);
}

/// Records how the request ended. `reason` has no secrets, because the ledger stores it, too.
pub(crate) fn ended(span: &Span, class: Class, reason: &ErrorReason) {
    if span.is_disabled() {
        return;
    }
    span.record("fortilake.outcome", class.name());
    if matches!(class, Class::Success | Class::Empty) {
        return;
    }
    let status = reason.http.map(|http| http.to_string());
    let message = match &status {
        Some(status) if reason.message.is_empty() => &format!("HTTP {status}"),
        _ => &reason.message,
    };
    span.record("otel.status_description", message);
    let error = status.filter(|_| reason.http.is_some_and(|http| http >= 400));
    span.record("error.type", error.as_deref().unwrap_or(class.name()));
}

fn record_reason(span: &Span, wait: Wait) {
    if let Some(reason) = wait.reason {
        span.record("fortilake.wait_reason", tracing::field::display(reason));
    }
}

/// The path of the URL or, if an argument in it is secret, the path of the endpoint.
fn path<'a>(endpoint: &'a Endpoint, request: &'a Request) -> &'a str {
    let mut parameters = endpoint.parameters.iter();
    let has_secret = parameters.any(|parameter| {
        parameter.location == Location::Path && endpoint.is_secret(parameter.name)
    });
    if has_secret {
        endpoint.path
    } else {
        request.url.path()
    }
}
