//! Descriptions of the endpoints that can be called.

use std::fmt::Write as _;

use fortilake_models::{self as models, Access, Endpoint, Location};

/// Lists all endpoints that can be called, grouped by API and sorted by name.
pub(super) fn list() -> String {
    let mut endpoints: Vec<_> = models::generated::ENDPOINTS
        .iter()
        .filter(|endpoint| endpoint.client_id.is_some())
        .collect();
    // The sort is stable, so endpoints stay sorted by name within an API.
    endpoints.sort_by_key(|endpoint| endpoint.api);
    let width = endpoints.iter().map(|endpoint| endpoint.id.len()).max();
    let width = width.unwrap_or(0);
    let mut text = String::new();
    let mut api = "";
    for endpoint in endpoints {
        if endpoint.api != api {
            let blank = if api.is_empty() { "" } else { "\n" };
            api = endpoint.api;
            let _ = writeln!(text, "{blank}{api}");
        }
        let access = access(endpoint);
        let _ = writeln!(
            text,
            "  {:width$}  {access:5}  {}",
            endpoint.id, endpoint.summary
        );
    }
    text
}

/// Describes one endpoint and its arguments.
pub(super) fn describe(endpoint: &Endpoint) -> String {
    let mut text = format!(
        "{}: {}\n{} {} ({})\n",
        endpoint.id,
        endpoint.summary,
        endpoint.method,
        endpoint.path,
        access(endpoint)
    );
    if endpoint.access == Access::Write {
        text.push_str("It changes data, so it is only sent with `--write`.\n");
    }
    if endpoint.parameters.is_empty() {
        text.push_str("\nIt takes no arguments.\n");
        return text;
    }
    text.push_str("\narguments:\n");
    let widths = endpoint
        .parameters
        .iter()
        .map(|parameter| parameter.name.len());
    let width = widths.max().unwrap_or(0);
    for parameter in endpoint.parameters {
        let need = if parameter.required { "required" } else { "" };
        let place = match parameter.location {
            Location::Path => ", in the path",
            Location::Query => ", in the query",
            Location::Header => ", as a header",
            Location::Body | Location::WholeBody => "",
        };
        let doc = parameter.doc.replace('\n', " ");
        let _ = writeln!(
            text,
            "  {:width$}  {:8} {need:8}  {doc}{place}",
            parameter.name, parameter.json_type
        );
    }
    text
}

fn access(endpoint: &Endpoint) -> &'static str {
    match endpoint.access {
        Access::Read => "read",
        Access::Write => "write",
    }
}
