//! Builds requests: puts each argument where its endpoint expects it.

use fortilake_auth::quotable;
use fortilake_models::{Access, Endpoint, Location};
use fortilake_transport::{
    Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method},
    url::Url,
};
use serde_json::{Map, Value};

use crate::{Error, Result, retry::Repeat, scrub::SHORTEST_SECRET};

/// A call that is ready to be sent, except for its token.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) endpoint: &'static Endpoint,
    pub(crate) request: Request,
    /// How messages refer to the call, such as "`products/list` for accountId 710112".
    pub(crate) label: String,
    /// The account that the call asks about, for log lines.
    pub(crate) account: Option<i64>,
    /// The secrets among the arguments. They must be redacted, because the response may repeat
    /// them.
    pub(crate) secrets: Vec<String>,
    pub(crate) keep: SecretHandling,
}

/// What to do with the secrets in a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SecretHandling {
    Nothing,
    /// Keep them, because the caller asked for them. Only the caller's token is removed.
    Secrets,
}

impl Call {
    /// Checks the arguments against the endpoint and builds the request.
    pub(crate) fn new(
        api_url: &Url,
        endpoint: &'static Endpoint,
        arguments: &Map<String, Value>,
    ) -> Result<Self> {
        let label = label(endpoint, arguments);
        let wrong = |reason: String| Err(Error::arguments(&label, &reason));
        let known = |name: &str| endpoint.parameters.iter().any(|known| known.name == name);
        if let Some(name) = arguments.keys().find(|name| !known(name)) {
            return wrong(format!("has no parameter `{name}`"));
        }
        let given = |name: &str| arguments.get(name).filter(|value| !value.is_null());
        if let Some(missing) = endpoint
            .parameters
            .iter()
            .find(|known| known.required && given(known.name).is_none())
        {
            return wrong(format!("needs `{}`", missing.name));
        }
        match build(api_url, endpoint, arguments) {
            Ok(request) => Ok(Self {
                endpoint,
                request,
                label,
                account: arguments.get("accountId").and_then(Value::as_i64),
                secrets: secrets(endpoint, arguments.iter().collect()),
                keep: SecretHandling::Nothing,
            }),
            Err(reason) => wrong(reason),
        }
    }

    /// Whether sending the call twice is harmless.
    pub(crate) fn repeat(&self) -> Repeat {
        match self.endpoint.access {
            Access::Read => Repeat::Harmless,
            Access::Write => Repeat::Never,
        }
    }
}

fn build(
    api_url: &Url,
    endpoint: &Endpoint,
    arguments: &Map<String, Value>,
) -> Result<Request, String> {
    let method = Method::from_bytes(endpoint.method.as_bytes())
        .map_err(|_| format!("has an invalid HTTP method `{}`", endpoint.method))?;
    let mut url = api_url.clone();
    url.set_query(None);
    url.set_fragment(None);
    fill_path(&mut url, endpoint.path, arguments)?;
    let mut headers = HeaderMap::new();
    let mut members = Map::new();
    let mut whole = None;
    for parameter in endpoint.parameters {
        let Some(value) = arguments.get(parameter.name) else {
            continue;
        };
        match parameter.location {
            Location::Path => {}
            Location::Query => add_query(&mut url, parameter.name, value)?,
            Location::Header => add_header(&mut headers, parameter.name, value)?,
            Location::Body => {
                members.insert(parameter.name.to_owned(), value.clone());
            }
            Location::WholeBody => whole = Some(value.clone()),
        }
    }
    // A call without filters sends an empty object, never an empty body.
    let has_body = !members.is_empty()
        || whole.is_some()
        || [Method::POST, Method::PUT, Method::PATCH].contains(&method);
    let body = if has_body {
        whole.unwrap_or(Value::Object(members)).to_string()
    } else {
        String::new()
    };
    let mut request = Request::post(url, body);
    if !has_body {
        request.headers.remove("content-type");
    }
    request.method = method;
    request.headers.extend(headers);
    Ok(request)
}

fn fill_path(url: &mut Url, template: &str, arguments: &Map<String, Value>) -> Result<(), String> {
    let mut segments = Vec::new();
    for part in template.trim_start_matches('/').split('/') {
        segments.push(fill_segment(part, arguments)?);
    }
    let mut path = url
        .path_segments_mut()
        .map_err(|()| "has an address that cannot have a path".to_owned())?;
    path.pop_if_empty().extend(segments);
    Ok(())
}

/// Fills in the parameters of one path segment, which may be surrounded by text, as in `{id}.json`.
fn fill_segment(part: &str, arguments: &Map<String, Value>) -> Result<String, String> {
    let mut filled = String::new();
    let mut rest = part;
    while let Some((before, tail)) = rest.split_once('{') {
        let Some((name, after)) = tail.split_once('}') else {
            break;
        };
        let value = arguments.get(name).and_then(text_of).unwrap_or_default();
        // These values would change the path itself, because URLs remove empty and dot segments.
        if matches!(value.as_str(), "" | "." | "..") {
            return Err(format!(
                "cannot take `{}` as `{name}`, because it would change the path of the URL",
                quotable(&value, &[])
            ));
        }
        filled.push_str(before);
        filled.push_str(&value);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

fn add_query(url: &mut Url, name: &str, value: &Value) -> Result<(), String> {
    let values = match value {
        Value::Null => return Ok(()),
        Value::Array(values) => values.as_slice(),
        value => std::slice::from_ref(value),
    };
    for value in values {
        let text = text_of(value)
            .ok_or_else(|| format!("cannot send an object as the query parameter `{name}`"))?;
        url.query_pairs_mut().append_pair(name, &text);
    }
    Ok(())
}

fn add_header(headers: &mut HeaderMap, name: &str, value: &Value) -> Result<(), String> {
    if value.is_null() {
        return Ok(());
    }
    let text = text_of(value).and_then(|text| HeaderValue::try_from(text).ok());
    let pair = HeaderName::try_from(name).ok().zip(text);
    let (key, value) =
        pair.ok_or_else(|| format!("cannot send this value of `{name}` in a header"))?;
    headers.insert(key, value);
    Ok(())
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Returns the values of secret members at any depth.
pub(crate) fn secrets<'a>(
    endpoint: &Endpoint,
    mut members: Vec<(&'a String, &'a Value)>,
) -> Vec<String> {
    let mut found = Vec::new();
    while let Some((name, value)) = members.pop() {
        match value {
            Value::Object(inner) => members.extend(inner),
            // The items of a list are as secret as the list itself.
            Value::Array(items) => members.extend(items.iter().map(|item| (name, item))),
            Value::String(text) if endpoint.is_secret(name) && text.len() >= SHORTEST_SECRET => {
                found.push(text.clone());
            }
            _ => {}
        }
    }
    found
}

/// Returns the name of the endpoint, with the ids that tell this call from similar ones.
fn label(endpoint: &Endpoint, arguments: &Map<String, Value>) -> String {
    let in_path = |name: &str| {
        let mut parameters = endpoint.parameters.iter();
        parameters.any(|known| known.name == name && known.location == Location::Path)
    };
    let tells = |name: &str| {
        let id = name.ends_with("Id") || name.ends_with("Number") || name.ends_with("_id");
        (id || in_path(name)) && !endpoint.is_secret(name)
    };
    let ids = arguments
        .iter()
        .filter(|(name, _)| tells(name))
        .filter_map(|(name, value)| Some(format!("{name} {}", quotable(&text_of(value)?, &[]))))
        .collect::<Vec<_>>();
    if ids.is_empty() {
        return format!("`{}`", endpoint.id);
    }
    format!("`{}` for {}", endpoint.id, ids.join(", "))
}

#[cfg(test)]
mod tests;
