//! Checks the paths that the faults of a scenario name.

use anyhow::bail;
use fortilake_models as models;
use fortilake_simulator::Scenario;
use fortilake_sink::nearest;

/// Checks that every fault fits some endpoint. A misspelled path would fit no call, and nothing would say so.
pub(super) fn check(scenario: &Scenario) -> anyhow::Result<()> {
    let paths = scenario.faults.iter().map(|fault| fault.path.as_deref());
    for (number, path) in (1..).zip(paths) {
        let Some(path) = path.filter(|path| !is_known(path)) else {
            continue;
        };
        let ids = models::generated::ENDPOINTS
            .iter()
            .map(|endpoint| endpoint.id);
        let advice = match nearest(path, ids) {
            Some(id) => format!("did you mean `{id}`?"),
            None => "`fortilake call --list` lists the endpoints".to_owned(),
        };
        bail!("fault {number}: no endpoint has a path that ends with `{path}`; {advice}");
    }
    Ok(())
}

fn is_known(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    let mut endpoints = models::generated::ENDPOINTS.iter();
    endpoints.any(|endpoint| ends_with(&endpoint.path.to_ascii_lowercase(), &path))
}

/// Whether a path of this template, such as `/report/{org}`, can end with `end`.
fn ends_with(template: &str, end: &str) -> bool {
    let (mut segments, mut ends) = (template.rsplit('/'), end.rsplit('/').peekable());
    while let Some(end) = ends.next() {
        let Some(segment) = segments.next() else {
            return false;
        };
        let fits = match ends.peek() {
            _ if segment.starts_with('{') => true,
            Some(_) => segment == end,
            None => segment.ends_with(end),
        };
        if !fits {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_known_if_a_call_can_end_with_it() {
        for path in [
            "",
            "/",
            "products/list",
            "Products/LIST",
            "/ES/api/registration/v3/products/list",
            "ducts/list",
            "oauth/token/",
            "site/list/customer/7/",
            "customer/7/",
            "/fpc/v1/api/account/organizations/",
        ] {
            assert!(is_known(path), "{path}");
        }
        for path in [
            "products/lst",
            "products/list/",
            "x/ES/api/registration/v3/products/list",
            "customers/7/",
            "x products/list",
        ] {
            assert!(!is_known(path), "{path}");
        }
    }
}
