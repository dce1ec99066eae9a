//! Builds requests: puts each argument where its endpoint expects it.

use fortilake_auth::{
    models::{Access, Endpoint, Location},
    quotable,
    transport::{
        Request,
        http::{HeaderMap, HeaderName, HeaderValue, Method},
        url::Url,
    },
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
    /// The secrets among the arguments. They must be redacted, because the answer may repeat them.
    pub(crate) secrets: Vec<String>,
    pub(crate) keep: Keep,
}

/// What to do with the secrets in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
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
            return wrong(format!("takes no `{name}`"));
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
                secrets: secrets(endpoint, arguments),
                keep: Keep::Nothing,
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
        .map_err(|_| format!("has the method `{}`, which is none", endpoint.method))?;
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
        let Some(name) = part
            .strip_prefix('{')
            .and_then(|part| part.strip_suffix('}'))
        else {
            segments.push(part.to_owned());
            continue;
        };
        let value = arguments.get(name).and_then(text_of).unwrap_or_default();
        // These values would change the path itself, because URLs remove empty and dot segments.
        if matches!(value.as_str(), "" | "." | "..") {
            return Err(format!(
                "cannot have `{}` as `{name}`",
                quotable(&value, &[])
            ));
        }
        segments.push(value);
    }
    let mut path = url
        .path_segments_mut()
        .map_err(|()| "has no address".to_owned())?;
    path.pop_if_empty().extend(segments);
    Ok(())
}

fn add_query(url: &mut Url, name: &str, value: &Value) -> Result<(), String> {
    let values = match value {
        Value::Null => return Ok(()),
        Value::Array(values) => values.as_slice(),
        value => std::slice::from_ref(value),
    };
    for value in values {
        let text = text_of(value).ok_or_else(|| format!("cannot have an object as `{name}`"))?;
        url.query_pairs_mut().append_pair(name, &text);
    }
    Ok(())
}

fn add_header(headers: &mut HeaderMap, name: &str, value: &Value) -> Result<(), String> {
    let Some(text) = text_of(value) else {
        return Ok(());
    };
    let pair = HeaderName::try_from(name)
        .ok()
        .zip(HeaderValue::try_from(text).ok());
    let (key, value) = pair.ok_or_else(|| format!("cannot have such a `{name}` as a header"))?;
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

/// The values of secret members, wherever they stand.
fn secrets(endpoint: &Endpoint, arguments: &Map<String, Value>) -> Vec<String> {
    let mut found = Vec::new();
    let mut members: Vec<_> = arguments.iter().collect();
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
    let tells = |name: &str| {
        (name.ends_with("Id") || name.ends_with("Number") || name.ends_with("_id"))
            && !endpoint.is_secret(name)
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
