//! Where traces are sent, from the flag and the standard environment variables.

use std::{collections::HashMap, fmt, path::PathBuf};

use anyhow::{Context as _, Result, bail};
use fortilake_models::Secret;
use fortilake_transport::{check_encrypted, shown};
use url::Url;

use crate::config::Env;

/// The path for traces below the address of a collector.
const PATH: &str = "v1/traces";

/// A collector of traces.
pub(super) struct Target {
    pub(super) url: Url,
    /// Headers of every request, by name.
    pub(super) headers: HashMap<String, Secret>,
    /// A PEM file with additional trusted certificates.
    pub(super) ca_cert: Option<PathBuf>,
}

impl Target {
    /// The collector that the flag or the environment names; `None` if neither does.
    pub(super) fn find(flag: Option<&Url>, env: &Env) -> Option<Result<Self>> {
        let url = match flag {
            Some(base) => Ok(of_traces(base.clone())),
            None => from_environment(env)?,
        };
        Some(url.and_then(|url| Self::new(url, env)))
    }

    fn new(url: Url, env: &Env) -> Result<Self> {
        let headers = first(env, ["TRACES_HEADERS", "HEADERS"]);
        let headers = headers.map_or_else(HashMap::new, |(_, text)| headers_in(&text));
        let has_secret = !headers.is_empty() || url.password().is_some();
        if has_secret && check_encrypted(&url).is_err() {
            bail!(
                "`{}` is not encrypted, so the headers in `OTEL_EXPORTER_OTLP_HEADERS` and the password in the URL \
                 are not sent there; use https",
                shown(&url)
            );
        }
        let certificate = first(env, ["TRACES_CERTIFICATE", "CERTIFICATE"]);
        Ok(Self {
            url,
            headers,
            ca_cert: certificate.map(|(_, path)| path.into()),
        })
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("Target");
        debug
            .field("url", &shown(&self.url))
            .finish_non_exhaustive()
    }
}

fn from_environment(env: &Env) -> Option<Result<Url>> {
    let says = |name: &str, value: &str| {
        env.get(name)
            .is_some_and(|set| set.eq_ignore_ascii_case(value))
    };
    if says("OTEL_SDK_DISABLED", "true") || says("OTEL_TRACES_EXPORTER", "none") {
        return None;
    }
    let (name, text) = first(env, ["TRACES_ENDPOINT", "ENDPOINT"])?;
    let protocol = first(env, ["TRACES_PROTOCOL", "PROTOCOL"]);
    if let Some((variable, protocol)) = protocol.filter(|(_, protocol)| protocol == "grpc") {
        return Some(Err(anyhow::anyhow!(
            "`{variable}` is `{protocol}`, but fortilake sends traces over HTTP; set it to `http/protobuf`, and \
             `{name}` to the collector's port for HTTP, usually 4318"
        )));
    }
    let url = parse(&text).with_context(|| format!("`{name}` cannot be used"));
    let is_whole = name.ends_with("TRACES_ENDPOINT");
    Some(url.map(|url| if is_whole { url } else { of_traces(url) }))
}

/// The value of the first of these variables that is set, with the variable's name.
fn first(env: &Env, names: [&str; 2]) -> Option<(String, String)> {
    let mut names = names.into_iter();
    names.find_map(|name| {
        let name = format!("OTEL_EXPORTER_OTLP_{name}");
        env.get(&name).map(|value| (name, value))
    })
}

/// Parses the address of a collector.
pub(super) fn parse(text: &str) -> Result<Url> {
    crate::args::collector(text).map_err(anyhow::Error::msg)
}

/// The URL for traces below the address of a collector.
fn of_traces(mut base: Url) -> Url {
    let path = base.path().trim_end_matches('/');
    if !path.ends_with(&format!("/{PATH}")) {
        let path = format!("{path}/{PATH}");
        base.set_path(&path);
    }
    base
}

/// The headers in a list like `name=value,other=value`.
fn headers_in(text: &str) -> HashMap<String, Secret> {
    let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
    let headers = pairs.map(|(name, value)| (name.trim().to_owned(), value.trim().into()));
    headers.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<const N: usize>(flag: Option<&str>, variables: [(&str, &str); N]) -> String {
        let flag = flag.map(|text| parse(text).expect(text));
        match Target::find(flag.as_ref(), &Env::of(variables)) {
            None => "none".to_owned(),
            Some(Ok(target)) => {
                let mut headers: Vec<_> = target.headers.iter().collect();
                headers.sort_by_key(|(name, _)| name.as_str());
                let headers = headers
                    .iter()
                    .map(|(name, value)| format!(" {name}={}", value.expose()));
                format!("{}{}", target.url, headers.collect::<String>())
            }
            Some(Err(error)) => format!("{error:#}"),
        }
    }

    #[test]
    fn the_flag_and_the_variables_name_a_collector() {
        const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
        const TRACES: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
        assert_eq!(found(None, []), "none");
        let base = [(ENDPOINT, "http://collector:4318/")];
        assert_eq!(found(None, base), "http://collector:4318/v1/traces");
        let whole = [(ENDPOINT, "http://a"), (TRACES, "https://b/in?key=1")];
        assert_eq!(found(None, whole), "https://b/in?key=1");
        let flag = Some("https://c/otlp");
        assert_eq!(found(flag, whole), "https://c/otlp/v1/traces");
        let flag = Some("https://c/v1/traces");
        assert_eq!(found(flag, []), "https://c/v1/traces");
        for switch in [
            ("OTEL_SDK_DISABLED", "true"),
            ("OTEL_TRACES_EXPORTER", "none"),
        ] {
            assert_eq!(found(None, [base[0], switch]), "none");
        }
        let grpc = [base[0], ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")];
        assert!(found(None, grpc).contains("set it to `http/protobuf`"));
        let wrong = found(None, [(ENDPOINT, "collector:4318")]);
        assert!(wrong.starts_with("`OTEL_EXPORTER_OTLP_ENDPOINT` cannot be used"));
    }

    #[test]
    fn a_header_is_not_sent_unencrypted() {
        let headers = ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=s3cret, b=c%20d");
        let sent = found(Some("https://c"), [headers]);
        assert_eq!(sent, "https://c/v1/traces b=c%20d x-key=s3cret");
        let sent = found(Some("http://127.0.0.1:4318"), [headers]);
        assert!(sent.ends_with("x-key=s3cret"), "{sent}");
        for (url, variables) in [
            ("http://collector:4318", vec![headers]),
            ("http://me:s3cret@collector:4318", vec![]),
        ] {
            let flag = parse(url).expect(url);
            let variables = variables
                .first()
                .map_or_else(|| Env::of([]), |headers| Env::of([*headers]));
            let error = Target::find(Some(&flag), &variables).map(|target| target.expect_err(url));
            let error = format!("{:#}", error.expect(url));
            assert!(error.contains("not encrypted"), "{error}");
            assert!(!error.contains("s3cret"), "{error}");
        }
    }
}
